import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Serial } from '../../../src/core/serial.ts';
import {
  decodeCertificate,
  decodeTbsCertificate,
  encodeTbsCertificate,
} from '../../../src/x509/certificate.ts';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
} from '../../../src/x509/der-writer.ts';
import { encodeExtension } from '../../../src/x509/extensions.ts';
import { oids } from '../../../src/x509/oids.ts';
import { encodeSignatureAlgorithm } from '../../../src/x509/signature-algorithm.ts';
import { describeWith, runProgram } from '../../support/outside-program.ts';
import { refusalOf } from '../../support/refusal.ts';
import {
  buildTbs,
  crlTemplate,
  dnsSan,
  extensionParts,
  hex,
  instant,
  intermediateTemplate,
  leafTemplate,
  rootTemplate,
  signCertificate,
  signTbs,
  tbsParts,
  toHex,
} from '../../support/x509-fixtures.ts';

const fullTemplate = {
  ...leafTemplate,
  notAfter: instant('2050-01-01T00:00:00Z'),
  extendedKeyUsage: ['clientAuth', 'serverAuth', '1.3.6.1.4.1.99999.1'],
  subjectAltNames: [
    { type: 'dns', value: 'billing.example.com' },
    { type: 'ip', value: '2001:db8::7' },
    { type: 'email', value: 'ops@example.com' },
    { type: 'uri', value: 'urn:billing' },
  ],
  crlDistributionPoints: ['http://a.example.com/ca.crl', 'http://b.example.com/ca.crl'],
  caIssuers: ['http://a.example.com/ca.crt'],
} as const;

describe('golden DER (Ed25519, whose signatures do not vary)', () => {
  test('a client certificate', () => {
    expect(toHex(signCertificate(leafTemplate)).match(/.{1,80}/g)).toMatchInlineSnapshot(`
      [
        "308201aa3082015ca00302010202104fa1b2c3d4e5f60718293a4b5c6d7e8f300506032b65703039",
        "310b300906035504061302444531153013060355040a0c0c4dc3bc6c6c657220476d624831133011",
        "06035504030c0a4dc3bc6c6c6572204341301e170d3236313132323038353530305a170d32373032",
        "32303039303030305a30123110300e06035504030c0762696c6c696e673059301306072a8648ce3d",
        "020106082a8648ce3d0301070342000460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6c",
        "e669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        "a372307030090603551d1304023000300e0603551d0f0101ff04040302078030130603551d25040c",
        "300a06082b06010505070302301d0603551d0e04160414b18b86ce1389e46de87aa4a5131ce83c11",
        "60fa33301f0603551d2304183016801434750f98bd59fcfc946da45aaabe933be154a4b530050603",
        "2b65700341000f2e0230a51ab659bb8802a8bf31cc6cfca3c2f074e56572ff4613de5df7ea92994f",
        "f15f8762dd0bfe1ce29732ff1c2653aab6d633e36cfae40f69eab1ecb60e",
      ]
    `);
  });

  test('a root', () => {
    expect(toHex(signCertificate(rootTemplate)).match(/.{1,80}/g)).toMatchInlineSnapshot(`
      [
        "3082019530820147a00302010202104fa1b2c3d4e5f60718293a4b5c6d7e8f300506032b65703039",
        "310b300906035504061302444531153013060355040a0c0c4dc3bc6c6c657220476d624831133011",
        "06035504030c0a4dc3bc6c6c65722043413020170d3236303130313030303030305a180f32303536",
        "303130313030303030305a3039310b300906035504061302444531153013060355040a0c0c4dc3bc",
        "6c6c657220476d62483113301106035504030c0a4dc3bc6c6c6572204341302a300506032b657003",
        "21008a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5ca3633061300f",
        "0603551d130101ff040530030101ff300e0603551d0f0101ff040403020106301d0603551d0e0416",
        "041434750f98bd59fcfc946da45aaabe933be154a4b5301f0603551d2304183016801434750f98bd",
        "59fcfc946da45aaabe933be154a4b5300506032b6570034100f6ccebc05dedfa90f57f2a490eb2c1",
        "4534b1fbaf72fed8f46b883bdce69799145560dea6bcc00aaf996dc7b5dfb3c6bb496db8fb930727",
        "ade2d4f34c064bc600",
      ]
    `);
  });

  test.each([
    ['2049-12-31T23:59:59Z', '170d3439313233313233353935395a'],
    ['2050-01-01T00:00:00Z', '180f32303530303130313030303030305a'],
  ])('notAfter %s is %s (RFC 5280 §4.1.2.5)', (notAfter, encoded) => {
    const tbs = encodeTbsCertificate({ ...leafTemplate, notAfter: instant(notAfter) });
    expect(toHex(tbs)).toContain(encoded);
    expect(decodeTbsCertificate(tbs).notAfter).toEqual(instant(notAfter));
  });
});

describe('extensions', () => {
  const value = (template: typeof leafTemplate, type: string) => {
    const found = decodeTbsCertificate(encodeTbsCertificate(template)).extensions.find(
      ({ oid }) => oid === type,
    );
    return found && [found.critical, toHex(found.value)];
  };

  test.each([
    [
      'an empty BasicConstraints on a leaf, not critical',
      leafTemplate,
      oids.basicConstraints,
      [false, '3000'],
    ],
    ['cA alone on a root', rootTemplate, oids.basicConstraints, [true, '30030101ff']],
    [
      'path length 0 on an issuing CA',
      intermediateTemplate,
      oids.basicConstraints,
      [true, '30060101ff020100'],
    ],
    ['digitalSignature', leafTemplate, oids.keyUsage, [true, '03020780']],
    [
      'digitalSignature and keyEncipherment for RSA',
      { ...leafTemplate, keyUsage: ['digitalSignature', 'keyEncipherment'] },
      oids.keyUsage,
      [true, '030205a0'],
    ],
    ['keyCertSign and cRLSign', rootTemplate, oids.keyUsage, [true, '03020106']],
    ['clientAuth', leafTemplate, oids.extKeyUsage, [false, '300a06082b06010505070302']],
    [
      'names, not critical beside a subject',
      { ...leafTemplate, subjectAltNames: [{ type: 'dns', value: 'a.b' }] },
      oids.subjectAltName,
      [false, '30058203612e62'],
    ],
    [
      'names, critical without one (RFC 5280 §4.2.1.6)',
      { ...leafTemplate, subject: sequence(), subjectAltNames: [{ type: 'dns', value: 'a.b' }] },
      oids.subjectAltName,
      [true, '30058203612e62'],
    ],
    [
      'one distribution point with two URLs',
      { ...leafTemplate, crlDistributionPoints: ['http://a', 'http://b'] },
      oids.cRLDistributionPoints,
      [false, '301a3018a016a0148608687474703a2f2f618608687474703a2f2f62'],
    ],
    [
      'caIssuers',
      { ...leafTemplate, caIssuers: ['http://a'] },
      oids.authorityInfoAccess,
      [false, '3016301406082b060105050730028608687474703a2f2f61'],
    ],
    [
      'permitted DNS names',
      { ...intermediateTemplate, permittedDns: ['a.b'] },
      oids.nameConstraints,
      [true, '3009a00730058203612e62'],
    ],
    ['no distribution point without URLs', leafTemplate, oids.cRLDistributionPoints, undefined],
    ['no purposes on a CA', rootTemplate, oids.extKeyUsage, undefined],
  ] as const)('have %s', (_, template, type, expected) => {
    expect(value(template, type)).toEqual(expected);
  });
});

describe('a certificate that was read', () => {
  test('says all that its template said', () => {
    const der = signCertificate(fullTemplate);
    const { signatureAlgorithm, issuer, subject, spki, authorityKeyIdentifier, ...rest } =
      decodeCertificate(der);
    expect(rest).toMatchObject({
      version: 3,
      serial: fullTemplate.serial,
      notBefore: fullTemplate.notBefore,
      notAfter: fullTemplate.notAfter,
      timeForms: { notBefore: 'UTCTime', notAfter: 'GeneralizedTime' },
      basicConstraints: { ca: false },
      keyUsage: fullTemplate.keyUsage,
      extendedKeyUsage: fullTemplate.extendedKeyUsage,
      subjectAltNames: fullTemplate.subjectAltNames,
      crlDistributionPoints: fullTemplate.crlDistributionPoints,
      caIssuers: fullTemplate.caIssuers,
      ocsp: [],
      permittedDns: [],
    });
    expect(
      [issuer, subject, spki, authorityKeyIdentifier].map((octets) => toHex(octets ?? new Uint8Array(0))),
    ).toEqual(
      [fullTemplate.issuer, fullTemplate.subject, fullTemplate.spki, crlTemplate.authorityKeyIdentifier].map(
        toHex,
      ),
    );
    expect(toHex(signatureAlgorithm)).toBe('300506032b6570');
    expect(
      new X509Certificate(der).verify(new X509Certificate(signCertificate(rootTemplate)).publicKey),
    ).toBe(true);
  });

  test('keeps the first octet of a serial from being read as a sign', () => {
    const der = signCertificate({ ...leafTemplate, serial: 'ff01' as Serial });
    expect(decodeCertificate(der).serial).toBe('ff01');
    expect(new X509Certificate(der).serialNumber).toBe('FF01');
  });
});

describe('a certificate is refused', () => {
  test('when it is cut off anywhere', () => {
    const der = signCertificate(fullTemplate);
    for (let length = 0; length < der.length; length++) {
      expect(refusalOf(() => decodeCertificate(der.subarray(0, length))).code).toBe('x509/malformed');
    }
  });

  test('when anything follows it', () => {
    const der = Uint8Array.from([...signCertificate(leafTemplate), 0]);
    expect(refusalOf(() => decodeCertificate(der)).message).toContain('1 octets follow certificate');
  });

  const extension = (type: string, value: Uint8Array) =>
    buildTbs({}, { extra: encodeExtension(type, value) });
  const uri = implicit(6, octetString(hex('613a62')));

  test.each([
    ['v1', buildTbs({ version: hex('') }, none()), 'certificate is v1, not v3'],
    ['v1 spelt out', buildTbs({ version: explicit(0, integer(0)) }), 'version spells out its default'],
    ['with a negative serial', buildTbs({ serial: hex('020181') }), 'serial 81 is negative'],
    ['with the serial zero', buildTbs({ serial: integer(0) }), 'serial "" is not positive'],
    [
      'with a serial of 21 octets',
      buildTbs({ serial: integer(new Uint8Array(21).fill(1)) }),
      'serial has 21 octets > 20 allowed',
    ],
    [
      'with a padded serial',
      buildTbs({ serial: hex('02020001') }),
      'serialNumber is not in its fewest octets',
    ],
    [
      'with another algorithm inside than outside',
      buildTbs({ signatureAlgorithm: encodeSignatureAlgorithm('ecdsa-with-SHA256') }),
      'certificate has two signature algorithms (RFC 5280 §4.1.1.2)',
    ],
    [
      'with an extension twice',
      buildTbs({}, { again: extensionParts.ku }),
      'certificate has extension 2.5.29.15 twice',
    ],
    [
      'with an empty list of extensions',
      sequence(...Object.values(tbsParts), explicit(3, sequence())),
      'extension is missing or cut off',
    ],
    [
      'with a unique identifier (RFC 5280 §4.1.2.8)',
      sequence(...Object.values(tbsParts), implicit(1, bitString(hex('01')))),
      'extensions has tag 81, not a3',
    ],
    [
      'with critical FALSE spelt out',
      buildTbs({}, { x: sequence(oid('1.2.3'), boolean(false), octetString()) }),
      'critical of extension 1.2.3 spells out its default',
    ],
    [
      'with cA FALSE spelt out (X.690 §11.5)',
      buildTbs({}, { bc: encodeExtension(oids.basicConstraints, sequence(boolean(false))) }),
      'cA spells out its default',
    ],
    [
      'with a path length but no cA',
      buildTbs({}, { bc: encodeExtension(oids.basicConstraints, sequence(integer(0))) }),
      'BasicConstraints has a pathLenConstraint without cA',
    ],
    [
      'with an unknown key usage',
      buildTbs({}, { ku: encodeExtension(oids.keyUsage, hex('0303050020')) }),
      'KeyUsage has the unknown bit 10',
    ],
    [
      'with an empty ExtKeyUsage',
      buildTbs({}, { eku: encodeExtension(oids.extKeyUsage, sequence()) }),
      'KeyPurposeId is missing or cut off',
    ],
    [
      'with a NULL behind an extension value',
      extension(oids.subjectAltName, hex('30058203612e620500')),
      '2 octets follow general names',
    ],
    [
      'with a CRL issuer',
      extension(
        oids.cRLDistributionPoints,
        sequence(sequence(explicit(0, explicit(0, uri)), explicit(2, uri))),
      ),
      'octets follow distributionPoint',
    ],
    [
      'with a CRL at a directory name',
      extension(
        oids.cRLDistributionPoints,
        sequence(sequence(explicit(0, explicit(0, explicit(4, sequence()))))),
      ),
      'general name [4] is not',
    ],
    [
      'with a CRL at a DNS name',
      extension(
        oids.cRLDistributionPoints,
        sequence(sequence(explicit(0, explicit(0, implicit(2, octetString(hex('61'))))))),
      ),
      'distributionPoint is not a URI',
    ],
    [
      'with an unknown access method',
      extension(oids.authorityInfoAccess, sequence(sequence(oid('1.2.3'), uri))),
      'AuthorityInfoAccess has the unknown method 1.2.3',
    ],
    [
      'with excluded subtrees',
      extension(oids.nameConstraints, sequence(explicit(1, sequence()))),
      'permittedSubtrees has tag a1, not a0',
    ],
    [
      'with permitted IP addresses',
      extension(
        oids.nameConstraints,
        sequence(explicit(0, sequence(implicit(7, octetString(new Uint8Array(8)))))),
      ),
      'dNSName of a GeneralSubtree has tag 87, not 82',
    ],
    [
      'with a time that does not exist',
      buildTbs({ validity: sequence(hex('170d3236303233303030303030305a'), nullValue) }),
      'notBefore is not a time',
    ],
  ])('%s', (_, tbs, message) => {
    const refusal = refusalOf(() => decodeCertificate(signTbs(tbs)));
    expect(refusal.code).toBe('x509/malformed');
    expect(refusal.message).toContain(message);
  });

  test('with another algorithm outside than inside', () => {
    const tbs = buildTbs({}, { dnsSan });
    const der = sequence(
      tbs,
      encodeSignatureAlgorithm('sha256WithRSAEncryption'),
      bitString(new Uint8Array(64)),
    );
    expect(refusalOf(() => decodeCertificate(der)).message).toContain('two signature algorithms');
  });
});

describeWith('openssl')('judged by openssl', () => {
  test('every field is shown as it was meant', () => {
    const text = runProgram(
      'openssl',
      ['x509', '-inform', 'DER', '-text', '-noout'],
      signCertificate(fullTemplate),
    );
    for (const expected of [
      'Serial Number:\n            4f:a1:b2:c3:d4:e5:f6:07:18:29:3a:4b:5c:6d:7e:8f',
      'Not After : Jan  1 00:00:00 2050 GMT',
      'X509v3 Basic Constraints: \n                CA:FALSE',
      'X509v3 Key Usage: critical\n                Digital Signature\n',
      'TLS Web Client Authentication, TLS Web Server Authentication, 1.3.6.1.4.1.99999.1',
      'DNS:billing.example.com, IP Address:2001:DB8:0:0:0:0:0:7, email:ops@example.com, URI:urn:billing',
      'CA Issuers - URI:http://a.example.com/ca.crt',
    ]) {
      expect(text).toContain(expected);
    }
  });
});

/** No extensions at all. */
function none(): Record<string, Uint8Array> {
  return Object.fromEntries(Object.keys(extensionParts).map((name) => [name, new Uint8Array(0)]));
}
