import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeRevocationPage, type Revocation } from '../../../src/core/revocation-page.ts';
import type { Serial } from '../../../src/core/serial.ts';
import { crlRevocations, decodeCrl, findRevocation } from '../../../src/x509/crl.ts';
import { encodeTbsCrl, TbsCrlEncoder } from '../../../src/x509/crl-encoder.ts';
import {
  boolean,
  explicit,
  generalizedTime,
  integer,
  octetString,
  oid,
  sequence,
  time,
} from '../../../src/x509/der-writer.ts';
import {
  authorityKeyIdentifierExtension,
  crlNumberExtension,
  encodeExtension,
} from '../../../src/x509/extensions.ts';
import { oids } from '../../../src/x509/oids.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { encodeSignatureAlgorithm } from '../../../src/x509/signature-algorithm.ts';
import { describeWith, runProgram } from '../../support/outside-program.ts';
import { refusalOf } from '../../support/refusal.ts';
import {
  caKey,
  crlTemplate,
  hex,
  instant,
  issuer,
  signCrl,
  signTbs,
  toHex,
} from '../../support/x509-fixtures.ts';

const revokedAt = instant('2026-11-20T12:00:00Z');
const revocations: readonly Revocation[] = [
  { serial: '01' as Serial, revokedAt, reason: 'unspecified' },
  { serial: '80' as Serial, revokedAt, reason: 'keyCompromise' },
  {
    serial: '7fffffffffffffffffffffffffffffffffffffff' as Serial,
    revokedAt: instant('2050-01-01T00:00:00Z'),
    reason: 'aACompromise',
    invalidityDate: instant('2026-11-01T00:00:00Z'),
  },
  {
    serial: 'ab01' as Serial,
    revokedAt,
    reason: 'unspecified',
    invalidityDate: instant('2051-01-01T00:00:00Z'),
  },
];
const template = { ...crlTemplate, revocations: [encodeRevocationPage(revocations)] };

describe('golden DER', () => {
  test('an empty CRL has no revokedCertificates (RFC 5280 §5.1.2.6)', () => {
    expect(toHex(signCrl(crlTemplate)).match(/.{1,80}/g)).toMatchInlineSnapshot(`
      [
        "3081e6308199020101300506032b65703039310b300906035504061302444531153013060355040a",
        "0c0c4dc3bc6c6c657220476d62483113301106035504030c0a4dc3bc6c6c6572204341170d323631",
        "3132323039303030305a170d3236313232323039303030305aa0343032301f0603551d2304183016",
        "801434750f98bd59fcfc946da45aaabe933be154a4b5300f0603551d140408020601a2027bd68030",
        "0506032b6570034100b2415700e967849ae54f580655ff83ca487a705013d971e7e38d73045ab7dd",
        "0a39e6a6d19f50f6923e2af7eb47fdcdb75ca35828c9af5b11b0697f5f97c9360f",
      ]
    `);
  });

  test('entries without and with reason and invalidity date', () => {
    const entries = decodeCrl(signCrl(template)).entries ?? new Uint8Array(0);
    expect(toHex(entries).match(/.{1,80}/g)).toMatchInlineSnapshot(`
      [
        "3012020101170d3236313132303132303030305a302102020080170d323631313230313230303030",
        "5a300c300a0603551d1504030a0101304f02147fffffffffffffffffffffffffffffffffffffff18",
        "0f32303530303130313030303030305a3026300a0603551d1504030a010a30180603551d18041118",
        "0f32303236313130313030303030305a3030020300ab01170d3236313132303132303030305a301a",
        "30180603551d180411180f32303531303130313030303030305a",
      ]
    `);
  });

  test.each([
    ['2049-12-31T23:59:59Z', '170d3439313233313233353935395a'],
    ['2050-01-01T00:00:00Z', '180f32303530303130313030303030305a'],
  ])('nextUpdate %s is %s (RFC 5280 §5.1.2.5)', (nextUpdate, encoded) => {
    expect(toHex(encodeTbsCrl({ ...crlTemplate, nextUpdate: instant(nextUpdate) }))).toContain(encoded);
  });
});

describe('a CRL that was read', () => {
  const crl = decodeCrl(signCrl(template));

  test('says all that its template said', () => {
    expect(crl).toMatchObject({
      version: 2,
      thisUpdate: template.thisUpdate,
      nextUpdate: template.nextUpdate,
      number: template.number,
      entryCount: 4,
    });
    expect(toHex(crl.issuer)).toBe(toHex(issuer.subject));
    expect(toHex(crl.authorityKeyIdentifier)).toBe(toHex(issuer.keyIdentifier));
    expect(verify(null, crl.tbs, createPublicKey(caKey), crl.signature)).toBe(true);
  });

  test('lists the revocations in their order', () => {
    expect([...crlRevocations(crl)]).toEqual(revocations);
  });

  test.each(revocations)('finds $serial', (revocation) => {
    expect(findRevocation(crl, revocation.serial)).toEqual(revocation);
  });

  test.each(['02', '8001', '0180', 'ab', 'ab02'])('does not find %s', (serial) => {
    expect(findRevocation(crl, serial as Serial)).toBeUndefined();
  });

  test('is empty when nothing is revoked', () => {
    const empty = decodeCrl(signCrl(crlTemplate));
    expect([empty.entryCount, [...crlRevocations(empty)], findRevocation(empty, '01' as Serial)]).toEqual([
      0,
      [],
      undefined,
    ]);
  });

  test('spans pages', () => {
    const pages = revocations.map((revocation) => encodeRevocationPage([revocation]));
    expect(toHex(encodeTbsCrl({ ...template, revocations: pages }))).toBe(toHex(encodeTbsCrl(template)));
  });
});

describe('a CRL is refused', () => {
  test('when it is cut off anywhere', () => {
    const der = signCrl(template);
    for (let length = 0; length < der.length; length++) {
      expect(refusalOf(() => decodeCrl(der.subarray(0, length))).code).toBe('x509/malformed');
    }
  });

  const head = [
    integer(1),
    encodeSignatureAlgorithm('Ed25519'),
    issuer.subject,
    time(template.thisUpdate),
    time(template.nextUpdate),
  ];
  const known = [authorityKeyIdentifierExtension(issuer.keyIdentifier), crlNumberExtension(1n)];
  const tail = explicit(0, sequence(...known));
  const withEntry = (...parts: Uint8Array[]) => sequence(...head, sequence(sequence(...parts)), tail);
  const withEntryExtension = (...extensions: Uint8Array[]) =>
    withEntry(integer(5), time(revokedAt), sequence(...extensions));
  const withExtensions = (...extensions: Uint8Array[]) =>
    sequence(...head, explicit(0, sequence(...extensions)));
  const reason = encodeExtension(oids.reasonCode, hex('0a0101'));
  const invalidity = encodeExtension(oids.invalidityDate, generalizedTime(revokedAt));

  test('but for its faults it is read', () => {
    expect(decodeCrl(signTbs(withEntryExtension(reason, invalidity))).entryCount).toBe(1);
  });

  test.each([
    ['v1', sequence(...head.slice(1), tail), 'CRL is v1, not v2'],
    ['without nextUpdate', sequence(...head.slice(0, 4), tail), 'CRL has no nextUpdate (RFC 5280 §5.1.2.5)'],
    ['without extensions', sequence(...head), 'CRL has no CRLNumber (RFC 5280 §5.2.3)'],
    [
      'without AuthorityKeyIdentifier',
      withExtensions(crlNumberExtension(1n)),
      'CRL has no AuthorityKeyIdentifier (RFC 5280 §5.2.1)',
    ],
    [
      'with a negative number',
      withExtensions(encodeExtension(oids.cRLNumber, hex('020181'))),
      'CRLNumber is negative',
    ],
    [
      'that is a delta',
      withExtensions(...known, encodeExtension(oids.deltaCRLIndicator, integer(1), { critical: true })),
      'CRL has the critical extension 2.5.29.27',
    ],
    ['with an extension twice', withExtensions(...known, ...known), 'CRL has extension 2.5.29.35 twice'],
    ['with an empty list', sequence(...head, sequence(), tail), 'CRL has an empty revokedCertificates'],
    ['with an empty entry', withEntry(), 'CRL entry 0 has a missing or unexpected element'],
    [
      'with a padded serial',
      withEntry(hex('02020001'), time(revokedAt)),
      'CRL entry 0 has a serial that is not minimal',
    ],
    [
      'with a serial of no octets',
      withEntry(hex('0200'), time(revokedAt)),
      'CRL entry 0 has a serial that is not minimal',
    ],
    [
      'with a length that is not minimal',
      withEntry(hex('02810105'), time(revokedAt)),
      'CRL entry 0 has a length that is not minimal',
    ],
    [
      'with an indefinite length',
      withEntry(hex('0280050000'), time(revokedAt)),
      'CRL entry 0 has a malformed length',
    ],
    ['with an entry cut off', withEntry(hex('0205')), 'CRL entry 0 has an element that is cut off'],
    ['with a malformed time', withEntry(integer(5), hex('1701 5a')), 'CRL entry 0 has a malformed time'],
    [
      'with empty entry extensions',
      withEntryExtension(),
      'CRL entry 0 has an empty list of extensions (RFC 5280 §5.1.2.6)',
    ],
    [
      'with something behind them',
      withEntry(integer(5), time(revokedAt), sequence(reason), integer(1)),
      'CRL entry 0 has something behind its extensions',
    ],
    ['with two reasons', withEntryExtension(reason, reason), 'CRL entry 0 has two reason codes'],
    [
      'with two invalidity dates',
      withEntryExtension(invalidity, invalidity),
      'CRL entry 0 has two invalidity dates',
    ],
    [
      'with a reason of two octets',
      withEntryExtension(encodeExtension(oids.reasonCode, hex('0a020101'))),
      'CRL entry 0 has a malformed reason code',
    ],
    [
      'with UTCTime for an invalidity date',
      withEntryExtension(encodeExtension(oids.invalidityDate, time(revokedAt))),
      'CRL entry 0 has a missing or unexpected element',
    ],
    [
      'with critical FALSE',
      withEntryExtension(sequence(oid(oids.reasonCode), boolean(false), octetString(hex('0a0101')))),
      'CRL entry 0 has a malformed critical flag',
    ],
    [
      'with an unknown critical entry extension (RFC 5280 §5.3)',
      withEntryExtension(encodeExtension('2.5.29.29', sequence(), { critical: true })),
      'CRL entry 0 has an unknown critical extension',
    ],
  ])('%s', (_, tbs, message) => {
    const refusal = refusalOf(() => decodeCrl(signTbs(tbs)));
    expect(refusal.code).toBe('x509/malformed');
    expect(refusal.message).toContain(message);
  });

  test('with a fault in an entry that begins and ends as the one before', () => {
    const good = sequence(integer(5), time(revokedAt), sequence(reason));
    const bad = Uint8Array.from(good);
    const day = Buffer.from(bad).indexOf(Buffer.from('1120')) + 2;
    expect(bad[day]).toBe(0x32);
    bad[day] = 0x39; // the 90th
    const crl = (...entries: Uint8Array[]) => signTbs(sequence(...head, sequence(...entries), tail));
    expect(decodeCrl(crl(good, good)).entryCount).toBe(2);
    expect(refusalOf(() => decodeCrl(crl(good, bad))).message).toContain('CRL entry 1 has a malformed time');
  });

  test('entry by entry: removeFromCRL and negative serials can be read over, but not returned', () => {
    const crl = decodeCrl(signTbs(withEntryExtension(encodeExtension(oids.reasonCode, hex('0a0108')))));
    expect(refusalOf(() => findRevocation(crl, '05' as Serial)).message).toContain('has the reason code 8');
    const negative = decodeCrl(signTbs(withEntry(hex('020181'), time(revokedAt))));
    expect(refusalOf(() => [...crlRevocations(negative)]).message).toContain('serial 81 is negative');
  });
});

describe('a revocation page that is none is a bug', () => {
  test('when it ends within an entry', () => {
    const page = encodeRevocationPage(revocations);
    const encoder = new TbsCrlEncoder(crlTemplate, revocations.length);
    expect(() => encoder.add(page.subarray(0, -1))).toThrow('ends within an entry');
  });

  test('when there are more than were announced', () => {
    const encoder = new TbsCrlEncoder(crlTemplate, 1);
    const page = encodeRevocationPage([
      { serial: '0a' as Serial, revokedAt: crlTemplate.thisUpdate, reason: 'unspecified' },
    ]);
    encoder.add(page);
    expect(() => encoder.add(page)).toThrow(RangeError);
  });
});

describeWith('openssl')('judged by openssl', () => {
  test('every entry is shown as it was meant', () => {
    const text = runProgram('openssl', ['crl', '-text', '-noout'], encodePem('X509 CRL', signCrl(template)));
    expect(
      text.slice(text.indexOf('Version'), text.indexOf('Signature Algorithm: ED25519\n    Signature Value')),
    ).toMatchInlineSnapshot(`
      "Version 2 (0x1)
              Signature Algorithm: ED25519
              Issuer: C = DE, O = M\\C3\\BCller GmbH, CN = M\\C3\\BCller CA
              Last Update: Nov 22 09:00:00 2026 GMT
              Next Update: Dec 22 09:00:00 2026 GMT
              CRL extensions:
                  X509v3 Authority Key Identifier: 
                      34:75:0F:98:BD:59:FC:FC:94:6D:A4:5A:AA:BE:93:3B:E1:54:A4:B5
                  X509v3 CRL Number: 
                      1795338000000
      Revoked Certificates:
          Serial Number: 01
              Revocation Date: Nov 20 12:00:00 2026 GMT
          Serial Number: 80
              Revocation Date: Nov 20 12:00:00 2026 GMT
              CRL entry extensions:
                  X509v3 CRL Reason Code: 
                      Key Compromise
          Serial Number: 7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
              Revocation Date: Jan  1 00:00:00 2050 GMT
              CRL entry extensions:
                  X509v3 CRL Reason Code: 
                      AA Compromise
                  Invalidity Date: 
                      Nov  1 00:00:00 2026 GMT
          Serial Number: AB01
              Revocation Date: Nov 20 12:00:00 2026 GMT
              CRL entry extensions:
                  Invalidity Date: 
                      Jan  1 00:00:00 2051 GMT
          "
    `);
  });
});
