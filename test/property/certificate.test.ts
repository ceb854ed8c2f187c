import 'reflect-metadata';
import { X509Certificate as NodeCertificate } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsagesExtension,
  X509Certificate as PeculiarCertificate,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
} from '@peculiar/x509';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DistinguishedName } from '../../src/core/distinguished-name.ts';
import { formatIp, ipOctets, type San } from '../../src/core/san.ts';
import type { Serial } from '../../src/core/serial.ts';
import { approveCertificate } from '../../src/lint/approve.ts';
import {
  type CertificateTemplate,
  decodeCertificate,
  encodeTbsCertificate,
} from '../../src/x509/certificate.ts';
import { decodeName, encodeName } from '../../src/x509/name.ts';
import { keyIdentifier } from '../../src/x509/subject-public-key-info.ts';
import { issuer, leafSpki, leafTemplate, p256Spki, signTbs, toHex } from '../support/x509-fixtures.ts';

const serial = fc
  .uint8Array({ minLength: 8, maxLength: 20 })
  .filter(([first = 0]) => first > 0 && first < 0x80)
  .map((octets) => toHex(octets) as Serial);

const second = fc
  .date({ min: issuer.notBefore, max: new Date(issuer.notAfter.getTime() - 10_000), noInvalidDate: true })
  .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000));

const value = fc.stringMatching(/^[A-Za-z0-9äöü ,+=#"\\<>;._@-]{1,20}$/).filter((text) => text.length > 0);

const subject: fc.Arbitrary<DistinguishedName> = fc.array(
  fc.oneof(
    fc.record({ type: fc.constantFrom('CN' as const, 'O' as const, 'OU' as const, 'L' as const), value }),
    fc.record({ type: fc.constant('C' as const), value: fc.constantFrom('DE', 'FR') }),
  ),
  { minLength: 1, maxLength: 5 },
);

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
const host = fc.tuple(label, label).map(([left, right]) => `${left}.${right}`);
const san: fc.Arbitrary<San> = fc.oneof(
  host.map((name): San => ({ type: 'dns', value: name })),
  host.map((name): San => ({ type: 'email', value: `ops@${name}` })),
  host.map((name): San => ({ type: 'uri', value: `urn:${name}` })),
  fc.ipV4().map((address): San => ({ type: 'ip', value: formatIp(ipOctets(address)) })),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((octets): San => ({ type: 'ip', value: formatIp(octets) })),
);

const template: fc.Arbitrary<CertificateTemplate> = fc
  .record({
    serial,
    subject,
    start: second,
    lifeSeconds: fc.integer({ min: 1, max: 9 }),
    spki: fc.constantFrom(p256Spki, leafSpki),
    extendedKeyUsage: fc.constantFrom(['clientAuth'], ['serverAuth'], ['clientAuth', 'serverAuth'], [
      '1.2.3.4',
    ] as const),
    subjectAltNames: fc.uniqueArray(san, { maxLength: 4, selector: ({ type, value }) => type + value }),
    crlDistributionPoints: fc.constantFrom([], ['http://crl.example.com/ca.crl']),
  })
  .map(({ start, lifeSeconds, subject: name, ...rest }) => ({
    ...leafTemplate,
    ...(rest as Pick<CertificateTemplate, 'serial' | 'spki' | 'extendedKeyUsage'>),
    subjectAltNames: rest.subjectAltNames,
    crlDistributionPoints: rest.crlDistributionPoints,
    subject: encodeName(name),
    notBefore: start,
    notAfter: new Date(start.getTime() + lifeSeconds * 1000),
  }));

describe('every certificate that the linter approves', () => {
  test('is read by node:crypto, @peculiar/x509 and our own reader as it was meant', () => {
    fc.assert(
      fc.property(template, (wanted) => {
        const der = signTbs(approveCertificate(encodeTbsCertificate(wanted), issuer).bytesFor(issuer.spki));
        agreeWithNode(new NodeCertificate(der), wanted);
        agreeWithPeculiar(new PeculiarCertificate(der), wanted);
        const own = decodeCertificate(der);
        expect(own).toMatchObject({
          serial: wanted.serial,
          notBefore: wanted.notBefore,
          notAfter: wanted.notAfter,
          subjectAltNames: wanted.subjectAltNames,
          extendedKeyUsage: wanted.extendedKeyUsage,
          crlDistributionPoints: wanted.crlDistributionPoints,
        });
      }),
      { numRuns: 150 },
    );
  });
});

function agreeWithNode(read: NodeCertificate, wanted: CertificateTemplate): void {
  expect(read.serialNumber.toLowerCase()).toBe(wanted.serial);
  expect([Date.parse(read.validFrom), Date.parse(read.validTo)]).toEqual([
    wanted.notBefore.getTime(),
    wanted.notAfter.getTime(),
  ]);
  expect(toHex(read.publicKey.export({ format: 'der', type: 'spki' }))).toBe(toHex(wanted.spki));
  expect(read.ca).toBe(false);
  expect(read.keyUsage.length).toBe(wanted.extendedKeyUsage.length);
  for (const { type, value: name } of wanted.subjectAltNames) {
    if (type === 'dns') expect(read.checkHost(name)).toBe(name);
    if (type === 'ip') expect(read.checkIP(name)).toBe(name);
    if (type === 'email') expect(read.checkEmail(name)).toBe(name);
    if (type === 'uri') expect(read.subjectAltName).toContain(`URI:${name}`);
  }
}

function agreeWithPeculiar(read: PeculiarCertificate, wanted: CertificateTemplate): void {
  expect(read.serialNumber).toBe(wanted.serial);
  expect([read.notBefore, read.notAfter]).toEqual([wanted.notBefore, wanted.notAfter]);
  expect(toHex(new Uint8Array(read.publicKey.rawData))).toBe(toHex(wanted.spki));
  expect(toHex(new Uint8Array(read.subjectName.toArrayBuffer()))).toBe(toHex(wanted.subject));
  const names = decodeName(wanted.subject).map(({ type, value: text }) => ({ [type]: [text] }));
  expect(read.subjectName.toJSON()).toEqual(names);
  expect(read.getExtension(BasicConstraintsExtension)).toMatchObject({ ca: false, critical: false });
  expect(read.getExtension(KeyUsagesExtension)).toMatchObject({ usages: 1, critical: true });
  expect(read.getExtension(SubjectKeyIdentifierExtension)?.keyId).toBe(toHex(keyIdentifier(wanted.spki)));
  expect(read.getExtension(AuthorityKeyIdentifierExtension)?.keyId).toBe(toHex(issuer.keyIdentifier));
  expect(read.getExtension(ExtendedKeyUsageExtension)?.usages.length).toBe(wanted.extendedKeyUsage.length);
  const sans = read.getExtension(SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
  expect(sans.map(({ type }) => type)).toEqual(
    wanted.subjectAltNames.map(({ type }) => (type === 'uri' ? 'url' : type)),
  );
}
