import { describe, expect, test } from 'vitest';
import { encodeRevocationPage } from '../../../src/core/revocation-page.ts';
import { type Serial, serialFromOctets } from '../../../src/core/serial.ts';
import { Approved, approveCertificate, approveCrl } from '../../../src/lint/approve.ts';
import { encodeTbsCertificate } from '../../../src/x509/certificate.ts';
import { encodeTbsCrl } from '../../../src/x509/crl-encoder.ts';
import { refusalOf } from '../../support/refusal.ts';
import {
  buildTbs,
  crlTemplate,
  instant,
  intermediateTemplate,
  issuer,
  leafSpki,
  leafTemplate,
  rootTemplate,
  selfIssuer,
  toHex,
} from '../../support/x509-fixtures.ts';

describe('an approval', () => {
  test('holds the bytes that were linted, whatever becomes of the ones that were given', () => {
    const tbs = encodeTbsCertificate(leafTemplate);
    const before = toHex(tbs);
    const approved = approveCertificate(tbs, issuer);
    tbs.fill(0);
    expect(toHex(approved.bytesFor(issuer.spki))).toBe(before);
  });

  test('takes a large CRL over, so that nobody else can change it', () => {
    const revocations = Array.from({ length: 1000 }, (_, index) => ({
      serial: serialFromOctets(Buffer.from(`40${index.toString(16).padStart(30, '0')}`, 'hex')),
      revokedAt: crlTemplate.thisUpdate,
      reason: 'keyCompromise' as const,
    }));
    const tbs = encodeTbsCrl({ ...crlTemplate, revocations: [encodeRevocationPage(revocations)] });
    const before = toHex(tbs);
    const approved = approveCrl(tbs, issuer);
    expect(tbs.length).toBe(0);
    expect(toHex(approved.bytesFor(issuer.spki))).toBe(before);
  });

  test('gives its bytes away once', () => {
    const approved = approveCertificate(encodeTbsCertificate(leafTemplate), issuer);
    approved.bytesFor(issuer.spki);
    expect(() => approved.bytesFor(issuer.spki)).toThrow('this was signed already');
  });

  test('is for the key of the issuer alone that it was made for', () => {
    const approved = approveCertificate(encodeTbsCertificate(leafTemplate), issuer);
    expect(() => approved.bytesFor(leafSpki)).toThrow('this was approved for another issuer');
  });

  test.each([
    ['an intermediate', intermediateTemplate, issuer],
    ['a root', rootTemplate, selfIssuer],
  ])('is given to %s', (_, template, facts) => {
    expect(approveCertificate(encodeTbsCertificate(template), facts)).toBeInstanceOf(Approved);
  });

  test('cannot be made by anybody else', () => {
    const seal = Symbol('approved by the linter');
    const bytes = new Uint8Array(0);
    expect(() => new Approved(seal as never, bytes, bytes)).toThrow('only the linter approves');
  });

  test('is refused with every finding, each with its clause', () => {
    const tbs = encodeTbsCertificate({
      ...leafTemplate,
      serial: '01' as Serial,
      notAfter: instant('2060-01-01T00:00:00Z'),
    });
    const refusal = refusalOf(() => approveCertificate(tbs, issuer));
    expect([refusal.code, refusal.message, refusal.hint]).toMatchInlineSnapshot(`
      [
        "lint/refused",
        "serial has 1 octets < 8 required (CA/Browser Forum BR §7.1); notAfter 2060-01-01T00:00:00Z is after the issuer's 2056-01-01T00:00:00Z (RFC 5280 §6.1.3)",
        "the certificate was not signed; change what was asked for, or report a bug if the request was sound",
      ]
    `);
  });

  test('is refused for bytes that are not DER', () => {
    const refusal = refusalOf(() => approveCertificate(buildTbs().subarray(0, 100), issuer));
    expect([refusal.code, refusal.message]).toEqual([
      'lint/refused',
      'tbsCertificate is cut off (at offset 0)',
    ]);
  });
});
