import { describe, expect, test } from 'vitest';
import type { Serial } from '../../../src/core/serial.ts';
import { approveCertificate } from '../../../src/lint/approve.ts';
import type { IssuerFacts } from '../../../src/lint/rule.ts';
import { certificateRules } from '../../../src/lint/rules.ts';
import {
  type CertificateTemplate,
  decodeTbsCertificate,
  encodeTbsCertificate,
} from '../../../src/x509/certificate.ts';
import {
  bitString,
  explicit,
  generalizedTime,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  printableString,
  sequence,
  set,
  time,
  utf8String,
} from '../../../src/x509/der-writer.ts';
import {
  authorityKeyIdentifierExtension,
  basicConstraintsExtension,
  crlDistributionPointsExtension,
  encodeExtension,
  keyUsageExtension,
  nameConstraintsExtension,
  subjectAltNameExtension,
  subjectKeyIdentifierExtension,
} from '../../../src/x509/extensions.ts';
import { encodeName } from '../../../src/x509/name.ts';
import { oids } from '../../../src/x509/oids.ts';
import { encodeSignatureAlgorithm } from '../../../src/x509/signature-algorithm.ts';
import { encodeSpki, keyIdentifier } from '../../../src/x509/subject-public-key-info.ts';
import { freshKey } from '../../support/fresh-key.ts';
import { refusalOf } from '../../support/refusal.ts';
import {
  buildTbs,
  dnsSan,
  hex,
  instant,
  intermediateTemplate,
  issuer,
  leafSpki,
  leafTemplate,
  p256Spki,
  rootTemplate,
  selfIssuer,
  toHex,
} from '../../support/x509-fixtures.ts';

const from = (template: Partial<CertificateTemplate>) =>
  encodeTbsCertificate({ ...leafTemplate, ...template });
const ca = (template: Partial<CertificateTemplate>) =>
  encodeTbsCertificate({ ...intermediateTemplate, ...template });
const dns = (value: string) => ({ type: 'dns', value }) as const;
const uri = (value: string) => ({ type: 'uri', value }) as const;
const rsaSpki = encodeSpki('rsa2048', freshKey('rsa2048').pair.publicKey);
const noRevAvail = encodeExtension(oids.noRevAvail, nullValue);
const ocsp = encodeExtension(
  oids.authorityInfoAccess,
  sequence(sequence(oid(oids.ocsp), implicit(6, octetString(Buffer.from('http://ocsp.example.com'))))),
);
const constrained: IssuerFacts = { ...issuer, permittedDns: ['example.com', 'internal'] };

describe('the linter approves', () => {
  const good: readonly (readonly [string, Uint8Array, IssuerFacts?])[] = [
    ['a client certificate', from({})],
    ['its parts built by hand', buildTbs()],
    ['a root', encodeTbsCertificate(rootTemplate), selfIssuer],
    ['an issuing CA', ca({}), { ...issuer, pathLength: 1 }],
    ['a CA below one without a limit', ca({ permittedDns: ['example.com'] })],
    [
      'all kinds of names',
      from({
        subjectAltNames: [
          dns('*.example.com'),
          uri('urn:a'),
          { type: 'ip', value: '10.0.0.7' },
          { type: 'email', value: 'a@b.de' },
        ],
      }),
    ],
    [
      'an empty subject beside a critical name',
      from({ subject: sequence(), subjectAltNames: [dns('a.de')] }),
    ],
    [
      'a SPIFFE ID beside a DNS name',
      from({ subjectAltNames: [uri('spiffe://example.com/a'), dns('a.de')] }),
    ],
    ['an Ed25519 key', from({ spki: leafSpki })],
    ['an RSA key that enciphers', from({ spki: rsaSpki, keyUsage: ['digitalSignature', 'keyEncipherment'] })],
    ['the whole life of the issuer', from({ notBefore: issuer.notBefore, notAfter: issuer.notAfter })],
    ['a serial of 20 octets', from({ serial: `7f${'ff'.repeat(19)}` as Serial })],
    [
      'names within the constraints',
      from({ subjectAltNames: [dns('a.example.com'), dns('EXAMPLE.com'.toLowerCase())] }),
      constrained,
    ],
    ['a CN of one label under constraints', from({}), constrained],
    [
      'a CN like a DNS name beside a permitted name',
      from({ subject: encodeName([{ type: 'CN', value: 'a.b.c' }]), subjectAltNames: [dns('a.internal')] }),
      constrained,
    ],
    ['a CA with narrower constraints', ca({ permittedDns: ['a.example.com'] }), constrained],
    ['noRevAvail', buildTbs({}, { noRevAvail })],
    [
      'a subject in PrintableString, as imported CAs have it',
      buildTbs({ subject: sequence(set(sequence(oid('2.5.4.3'), printableString('billing')))) }),
    ],
  ];

  test.each(good.map(([title, tbs, facts]) => ({ title, tbs, facts })))(
    '$title',
    ({ tbs, facts = issuer }) => {
      expect(toHex(approveCertificate(tbs, facts).bytesFor(facts.spki))).toBe(toHex(tbs));
    },
  );
});

const bad: readonly (readonly [
  rule: string,
  fixture: string,
  tbs: Uint8Array,
  finding: string,
  issuer?: IssuerFacts,
])[] = [
  ['version', 'v2', buildTbs({ version: explicit(0, integer(1)) }), 'version is v2, not v3'],
  ['serial-positive', 'zero', buildTbs({ serial: integer(0) }), 'serial is zero'],
  [
    'serial-positive',
    'a negative one',
    buildTbs({ serial: hex('0209 ff7fffffffffffffff') }),
    'serial is negative',
  ],
  [
    'serial-length',
    '21 octets',
    buildTbs({ serial: integer(new Uint8Array(21).fill(1)) }),
    'serial has 21 octets > 20 allowed',
  ],
  [
    'serial-length',
    '20 octets and a sign octet',
    buildTbs({ serial: integer(new Uint8Array(20).fill(0x80)) }),
    'serial has 21 octets > 20 allowed',
  ],
  ['serial-entropy', 'a counter', from({ serial: '01' as Serial }), 'serial has 1 octets < 8 required'],
  [
    'signature-algorithm',
    "another key's",
    from({ signatureAlgorithm: 'ecdsa-with-SHA256' }),
    "signature algorithm is not Ed25519, the one of the issuer's key",
  ],
  [
    'signature-algorithm',
    'NULL parameters with Ed25519',
    buildTbs({ signatureAlgorithm: sequence(oid(oids.idEd25519), nullValue) }),
    'signature algorithm is not Ed25519',
  ],
  [
    'signature-algorithm',
    'no parameters with RSA',
    buildTbs({ signatureAlgorithm: sequence(oid(oids.sha256WithRSAEncryption)) }),
    'signature algorithm is not sha256WithRSAEncryption',
    { ...issuer, spki: rsaSpki },
  ],
  [
    'signature-algorithm',
    'SHA-256 with P-384',
    buildTbs({ signatureAlgorithm: encodeSignatureAlgorithm('ecdsa-with-SHA256') }),
    'signature algorithm is not ecdsa-with-SHA384',
    { ...issuer, spki: encodeSpki('p384', freshKey('p384').pair.publicKey) },
  ],
  [
    'issuer-name',
    'another string type',
    buildTbs({ issuer: sequence(set(sequence(oid('2.5.4.3'), printableString('CA')))) }),
    'issuer "CN=CA" is not, octet for octet, the CA\'s subject "CN=CA"',
    { ...issuer, subject: encodeName([{ type: 'CN', value: 'CA' }]) },
  ],
  [
    'issuer-name',
    'no name',
    buildTbs({ issuer: sequence() }),
    'issuer is empty',
    { ...issuer, subject: sequence() },
  ],
  [
    'validity-form',
    'GeneralizedTime in 2027',
    buildTbs({ validity: sequence(time(leafTemplate.notBefore), generalizedTime(leafTemplate.notAfter)) }),
    'notAfter 2027-02-20T09:00:00Z is written as GeneralizedTime, not UTCTime',
  ],
  [
    'validity-form',
    'GeneralizedTime at the end of 2049',
    buildTbs({
      validity: sequence(
        generalizedTime(instant('2049-12-31T23:59:59Z')),
        time(instant('2050-01-01T00:00:00Z')),
      ),
    }),
    'notBefore 2049-12-31T23:59:59Z is written as GeneralizedTime',
  ],
  [
    'validity-order',
    'an end at the beginning',
    from({ notAfter: leafTemplate.notBefore }),
    'notAfter 2026-11-22T08:55:00Z is not after notBefore 2026-11-22T08:55:00Z',
  ],
  [
    'validity-within-issuer',
    'an early beginning',
    from({ notBefore: instant('2025-12-31T23:59:59Z') }),
    "notBefore 2025-12-31T23:59:59Z is before the issuer's 2026-01-01T00:00:00Z",
  ],
  [
    'validity-within-issuer',
    'a late end',
    from({ notAfter: instant('2056-01-01T00:00:01Z') }),
    "notAfter 2056-01-01T00:00:01Z is after the issuer's 2056-01-01T00:00:00Z",
  ],
  ['subject-name', 'a CA without one', ca({ subject: sequence() }), 'subject of a CA is empty'],
  [
    'subject-name',
    'an unknown attribute',
    buildTbs({ subject: sequence(set(sequence(oid('1.2.3'), utf8String('a')))) }),
    'subject has an attribute of the unknown type 1.2.3',
  ],
  [
    'subject-name',
    'two attributes in an RDN',
    buildTbs({
      subject: sequence(
        set(sequence(oid('2.5.4.3'), utf8String('a')), sequence(oid('2.5.4.3'), utf8String('b'))),
      ),
    }),
    'subject has an RDN of several attributes',
  ],
  [
    'subject-name',
    'a country in UTF8String',
    buildTbs({ subject: sequence(set(sequence(oid('2.5.4.6'), utf8String('DE')))) }),
    'subject attribute C has the string type 12, not 19',
  ],
  [
    'subject-name',
    'a CN of 65 characters',
    from({ subject: encodeName([{ type: 'CN', value: 'a'.repeat(65) }]) }),
    'has 65 characters > 64 allowed',
  ],
  [
    'subject-name',
    'a newline',
    from({ subject: encodeName([{ type: 'CN', value: 'a\nb' }]) }),
    'holds a control character',
  ],
  [
    'subject-name',
    'broken UTF-8',
    buildTbs({ subject: sequence(set(sequence(oid('2.5.4.3'), hex('0c01ff')))) }),
    'name attribute is not UTF-8',
  ],
  [
    'identity',
    'nobody',
    buildTbs({ subject: sequence() }),
    'subject is empty and there is no SubjectAltName',
  ],
  [
    'identity',
    'an empty subject beside names that are not critical',
    buildTbs({ subject: sequence() }, { dnsSan }),
    'SubjectAltName is not critical though the subject is empty',
  ],
  [
    'identity',
    'critical names beside a subject',
    buildTbs({}, { san: subjectAltNameExtension([dns('a.de')], { critical: true }) }),
    'SubjectAltName is critical though the subject is not empty',
  ],
  [
    'public-key',
    'a point off the curve',
    from({ spki: encodeSpki('p256', hex(`04${'01'.repeat(64)}`)) }),
    'P-256 key is not on its curve',
  ],
  [
    'public-key',
    'a curve that we do not know',
    from({ spki: sequence(sequence(oid(oids.idEcPublicKey), oid('1.3.132.0.10')), bitString(hex('04'))) }),
    'EC curve 1.3.132.0.10 is not supported',
  ],
  [
    'self-signed',
    'a leaf with the name of its CA',
    from({ subject: issuer.subject }),
    "subject is the issuer's own",
  ],
  [
    'self-signed',
    'a leaf',
    from({ subject: issuer.subject, spki: issuer.spki }),
    'self-signed certificate is no CA',
    selfIssuer,
  ],
  [
    'self-signed',
    'another name',
    ca({ spki: issuer.spki }),
    'self-signed certificate has another subject than issuer',
    selfIssuer,
  ],
  [
    'self-signed',
    'another key',
    ca({ subject: issuer.subject }),
    "self-signed certificate has not the signer's key",
    selfIssuer,
  ],
  [
    'extensions-once',
    'two KeyUsages',
    buildTbs({}, { again: keyUsageExtension(['digitalSignature']) }),
    'extension 2.5.29.15 stands twice',
  ],
  [
    'extensions-known',
    'a foreign one',
    buildTbs({}, { extra: encodeExtension('1.2.3.4', nullValue) }),
    'extension 1.2.3.4 is not one that we make',
  ],
  [
    'extensions-critical',
    'KeyUsage that is not',
    buildTbs({}, { ku: encodeExtension(oids.keyUsage, hex('03020780')) }),
    'extension 2.5.29.15 is not critical',
  ],
  [
    'extensions-critical',
    'BasicConstraints of a CA that is not',
    buildTbs({}, { bc: encodeExtension(oids.basicConstraints, hex('30030101ff')) }),
    'extension 2.5.29.19 is not critical',
  ],
  [
    'extensions-critical',
    'SubjectKeyIdentifier that is',
    buildTbs(
      {},
      {
        ski: encodeExtension(oids.subjectKeyIdentifier, octetString(keyIdentifier(p256Spki)), {
          critical: true,
        }),
      },
    ),
    'extension 2.5.29.14 is critical',
  ],
  ['basic-constraints', 'none', buildTbs({}, { bc: hex('') }), 'BasicConstraints is missing'],
  [
    'path-length',
    'a CA below path length 0',
    ca({}),
    'issuer has path length 0: no CA may stand below it',
    { ...issuer, pathLength: 0 },
  ],
  [
    'path-length',
    'a path as long as the issuer’s',
    ca({ basicConstraints: { ca: true, pathLength: 1 } }),
    "path length 1 is not below the issuer's 1",
    { ...issuer, pathLength: 1 },
  ],
  [
    'ca-key-usage',
    'a CA that cannot sign CRLs',
    ca({ keyUsage: ['keyCertSign'] }),
    'KeyUsage of a CA lacks cRLSign',
  ],
  [
    'ca-key-usage',
    'a leaf turned CA',
    buildTbs({}, { bc: basicConstraintsExtension({ ca: true }) }),
    'KeyUsage of a CA lacks keyCertSign',
  ],
  [
    'ca-key-usage',
    'a CA that may also be a client',
    ca({ keyUsage: ['keyCertSign', 'cRLSign', 'digitalSignature'] }),
    'KeyUsage of a CA has digitalSignature',
  ],
  ['leaf-key-usage', 'none', from({ keyUsage: [] }), 'KeyUsage lacks digitalSignature'],
  [
    'leaf-key-usage',
    'keyCertSign',
    from({ keyUsage: ['digitalSignature', 'keyCertSign'] }),
    'KeyUsage has keyCertSign though the certificate is no CA',
  ],
  [
    'key-usage-of-key',
    'an EC key that enciphers',
    from({ keyUsage: ['digitalSignature', 'keyEncipherment'] }),
    'KeyUsage has keyEncipherment, which EC keys must not have',
  ],
  [
    'key-usage-of-key',
    'an Ed25519 key that agrees',
    from({ spki: leafSpki, keyUsage: ['digitalSignature', 'keyAgreement'] }),
    'KeyUsage has keyAgreement, which Ed25519 keys must not have',
  ],
  ['extended-key-usage', 'none', from({ extendedKeyUsage: [] }), 'ExtKeyUsage is missing'],
  [
    'extended-key-usage',
    'any',
    from({ extendedKeyUsage: ['clientAuth', oids.anyExtendedKeyUsage] }),
    'ExtKeyUsage has anyExtendedKeyUsage',
  ],
  [
    'extended-key-usage',
    'one twice',
    from({ extendedKeyUsage: ['clientAuth', 'clientAuth'] }),
    'ExtKeyUsage has clientAuth twice',
  ],
  [
    'extended-key-usage',
    'a CA with purposes',
    ca({ extendedKeyUsage: ['clientAuth'] }),
    'ExtKeyUsage stands in a CA certificate',
  ],
  ['subject-key-identifier', 'none', buildTbs({}, { ski: hex('') }), 'SubjectKeyIdentifier is missing'],
  [
    'subject-key-identifier',
    "another key's",
    buildTbs({}, { ski: subjectKeyIdentifierExtension(issuer.keyIdentifier) }),
    "SubjectKeyIdentifier is not that of the certificate's key",
  ],
  ['authority-key-identifier', 'none', buildTbs({}, { aki: hex('') }), 'AuthorityKeyIdentifier is missing'],
  [
    'authority-key-identifier',
    "another key's",
    buildTbs({}, { aki: authorityKeyIdentifierExtension(keyIdentifier(p256Spki)) }),
    "AuthorityKeyIdentifier is not the issuer's SubjectKeyIdentifier",
  ],
  [
    'subject-alt-names',
    'capitals',
    from({ subjectAltNames: [dns('API.example.com')] }),
    'SubjectAltName dns:API.example.com is not spelt api.example.com',
  ],
  [
    'subject-alt-names',
    'an empty label',
    from({ subjectAltNames: [dns('a..b')] }),
    'dns name "a..b" has an empty label',
  ],
  ['subject-alt-names', 'a relative URI', from({ subjectAltNames: [uri('/a')] }), 'is not absolute'],
  [
    'subject-alt-names',
    'a SPIFFE ID with a port',
    from({ subjectAltNames: [uri('spiffe://a:1/b')] }),
    'is not a SPIFFE ID',
  ],
  [
    'subject-alt-names',
    'a name twice',
    from({ subjectAltNames: [dns('a.de'), dns('a.de')] }),
    'SubjectAltName has dns:a.de twice',
  ],
  [
    'spiffe-id',
    'another URI beside it',
    from({ subjectAltNames: [uri('spiffe://a/b'), uri('urn:c')] }),
    'SPIFFE ID stands beside 1 more URI names',
  ],
  ['spiffe-id', 'a CA', ca({ subjectAltNames: [uri('spiffe://a/b')] }), 'a CA has a SPIFFE ID'],
  [
    'name-constraints',
    'a leaf',
    buildTbs({}, { nc: nameConstraintsExtension(['a.de']) }),
    'NameConstraints stands in a certificate that is no CA',
  ],
  [
    'name-constraints',
    'a leading dot',
    ca({ permittedDns: ['.a.de'] }),
    'NameConstraints permits ".a.de", which is no DNS name',
  ],
  [
    'permitted-names',
    'a DNS name outside',
    from({ subjectAltNames: [dns('a.example.com'), dns('badexample.com')] }),
    "DNS name badexample.com is outside of the issuer's name constraints (example.com, internal)",
    constrained,
  ],
  [
    'permitted-names',
    'a wildcard above',
    from({ subjectAltNames: [dns('*.com')] }),
    'DNS name *.com is outside',
    constrained,
  ],
  [
    'permitted-names',
    'a CN like a DNS name, which OpenSSL checks where there is no dNSName',
    from({ subject: encodeName([{ type: 'CN', value: 'acme.billing' }]) }),
    'DNS name acme.billing is outside',
    constrained,
  ],
  [
    'permitted-names',
    'a CA with wider constraints',
    ca({ permittedDns: ['com'] }),
    'DNS name com is outside',
    constrained,
  ],
  [
    'no-rev-avail',
    'a CA',
    buildTbs({}, { bc: basicConstraintsExtension({ ca: true }), noRevAvail }),
    'noRevAvail stands in a CA certificate',
  ],
  [
    'no-rev-avail',
    'a CRL beside it',
    buildTbs({}, { cdp: crlDistributionPointsExtension(['http://a.de']), noRevAvail }),
    'noRevAvail stands beside CRLDistributionPoints',
  ],
  [
    'no-rev-avail',
    'a delta CRL beside it',
    buildTbs({}, { f: encodeExtension(oids.freshestCRL, sequence()), noRevAvail }),
    'noRevAvail stands beside FreshestCRL',
  ],
  [
    'no-rev-avail',
    'an OCSP responder beside it',
    buildTbs({}, { ocsp, noRevAvail }),
    'noRevAvail stands beside an OCSP responder',
  ],
  [
    'http-urls',
    'an https CRL',
    from({ crlDistributionPoints: ['https://a.de/ca.crl'] }),
    'URL https://a.de/ca.crl is not an http URL',
  ],
  [
    'http-urls',
    'an ldap CRL',
    from({ crlDistributionPoints: ['ldap://a.de/ca'] }),
    'URL ldap://a.de/ca is not an http URL',
  ],
  ['http-urls', 'a file', from({ caIssuers: ['file:///ca.crt'] }), 'URL file:///ca.crt is not an http URL'],
];

describe('the linter refuses', () => {
  test.each(bad.map(asCase))('$name: $fixture', ({ name, tbs, finding, facts }) => {
    const rule = certificateRules.find((candidate) => candidate.name === name);
    const refusal = refusalOf(() => approveCertificate(tbs, facts));
    expect(refusal.code).toBe('lint/refused');
    expect(refusal.message).toContain(finding);
    // The rule itself says so, not one beside it.
    const certificate = decodeTbsCertificate(tbs);
    const said = () => rule?.check(certificate, facts);
    expect(orRefusal(said)).toContain(finding);
  });

  test('by every rule that there is', () => {
    expect(new Set(bad.map(([rule]) => rule))).toEqual(new Set(certificateRules.map(({ name }) => name)));
  });

  test('nothing that it cites without a clause', () => {
    for (const { name, cites } of certificateRules) expect(cites, name).toMatch(/§/);
    expect(new Set(certificateRules.map(({ name }) => name)).size).toBe(certificateRules.length);
  });
});

function orRefusal(said: () => string | undefined): string | undefined {
  try {
    return said();
  } catch (error) {
    return refusalOf(() => {
      throw error;
    }).message;
  }
}

function asCase([name, fixture, tbs, finding, facts = issuer]: (typeof bad)[number]) {
  return { name, fixture, tbs, finding, facts };
}
