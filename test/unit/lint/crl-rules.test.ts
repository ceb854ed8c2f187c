import { describe, expect, test } from 'vitest';
import { encodeRevocationPage } from '../../../src/core/revocation-page.ts';
import type { Serial } from '../../../src/core/serial.ts';
import { approveCrl, type CrlIssuerFacts } from '../../../src/lint/approve.ts';
import { crlEntriesRules, crlEntryRules, crlRules } from '../../../src/lint/rules.ts';
import { encodeTbsCrl, type SmallCrlTemplate } from '../../../src/x509/crl-encoder.ts';
import { explicit, generalizedTime, integer, sequence, time } from '../../../src/x509/der-writer.ts';
import {
  authorityKeyIdentifierExtension,
  crlNumberExtension,
  encodeExtension,
} from '../../../src/x509/extensions.ts';
import { encodeName } from '../../../src/x509/name.ts';
import { oids } from '../../../src/x509/oids.ts';
import { encodeSignatureAlgorithm } from '../../../src/x509/signature-algorithm.ts';
import { refusalOf } from '../../support/refusal.ts';
import { crlTemplate, hex, instant, issuer, toHex } from '../../support/x509-fixtures.ts';

const revokedAt = instant('2026-11-20T12:00:00Z');
const parts = {
  version: integer(1),
  signatureAlgorithm: encodeSignatureAlgorithm('Ed25519'),
  issuer: issuer.subject,
  thisUpdate: time(crlTemplate.thisUpdate),
  nextUpdate: time(crlTemplate.nextUpdate),
  entries: hex(''),
};
const aki = authorityKeyIdentifierExtension(issuer.keyIdentifier);
const number = crlNumberExtension(7n);

const from = (template: Partial<SmallCrlTemplate>) => encodeTbsCrl({ ...crlTemplate, ...template });
const build = (changed: Partial<typeof parts>, ...extensions: Uint8Array[]) =>
  sequence(
    ...Object.values({ ...parts, ...changed }),
    explicit(0, sequence(...(extensions.length > 0 ? extensions : [aki, number]))),
  );
const entry = (...fields: Uint8Array[]) => build({ entries: sequence(sequence(...fields)) });
const withReason = (code: string, critical = false) =>
  entry(integer(5), time(revokedAt), sequence(encodeExtension(oids.reasonCode, hex(code), { critical })));

describe('the linter approves', () => {
  const revocations = [
    encodeRevocationPage([
      { serial: '80ff' as Serial, revokedAt, reason: 'keyCompromise', invalidityDate: revokedAt },
      { serial: '01' as Serial, revokedAt: instant('2050-01-01T00:00:00Z'), reason: 'unspecified' },
    ]),
  ];

  const alike = encodeRevocationPage(
    ['01', '0101', '010101', '0102', '0201', '80', '8001'].map((serial) => ({
      serial: serial as Serial,
      revokedAt,
      reason: 'unspecified',
    })),
  );

  const good: readonly (readonly [string, Uint8Array, CrlIssuerFacts?])[] = [
    ['an empty CRL', from({})],
    ['its parts built by hand', build({})],
    ['entries', from({ revocations })],
    ['serials that begin or end alike', from({ revocations: [alike] })],
    ['a greater number than the last', from({ number: 8n }), { ...issuer, lastNumber: 7n }],
    ['a number of 20 octets', from({ number: 2n ** 159n - 1n })],
  ];

  test.each(good.map(([title, tbs, facts]) => ({ title, tbs, facts })))(
    '$title',
    ({ tbs, facts = issuer }) => {
      const approved = approveCrl(tbs, facts);
      expect(toHex(approved.bytesFor(facts.spki))).toBe(toHex(tbs));
    },
  );
});

const bad: readonly (readonly [
  rule: string,
  fixture: string,
  tbs: Uint8Array,
  finding: string,
  facts?: CrlIssuerFacts,
])[] = [
  ['crl-version', 'v1', build({ version: hex('') }), 'version is v1, not v2'],
  [
    'signature-algorithm',
    "another key's",
    from({ signatureAlgorithm: 'sha256WithRSAEncryption' }),
    "signature algorithm is not Ed25519, the one of the issuer's key",
  ],
  [
    'issuer-name',
    'another name',
    from({ issuer: encodeName([{ type: 'CN', value: 'x' }]) }),
    'issuer "CN=x" is not, octet for octet',
  ],
  [
    'update-form',
    'GeneralizedTime in 2026',
    build({ thisUpdate: generalizedTime(crlTemplate.thisUpdate) }),
    'thisUpdate 2026-11-22T09:00:00Z is written as GeneralizedTime, not UTCTime',
  ],
  [
    'update-form',
    'GeneralizedTime for the next one',
    build({ nextUpdate: generalizedTime(crlTemplate.nextUpdate) }),
    'nextUpdate 2026-12-22T09:00:00Z is written as GeneralizedTime',
  ],
  ['update-order', 'no next update', build({ nextUpdate: hex('') }), 'nextUpdate is missing'],
  [
    'update-order',
    'a next update in the past',
    from({ nextUpdate: crlTemplate.thisUpdate }),
    'nextUpdate 2026-11-22T09:00:00Z is not after thisUpdate',
  ],
  ['authority-key-identifier', 'none', build({}, number), 'AuthorityKeyIdentifier is missing'],
  [
    'authority-key-identifier',
    "another key's",
    from({ authorityKeyIdentifier: new Uint8Array(20) }),
    "AuthorityKeyIdentifier is not the issuer's",
  ],
  ['crl-number', 'none', build({}, aki), 'CRLNumber is missing'],
  ['crl-number', '21 octets', from({ number: 2n ** 159n }), 'has more than 20 octets'],
  [
    'crl-number',
    'the last one again',
    from({ number: 7n }),
    'CRLNumber 7 is not greater than the last one, 7',
    { ...issuer, lastNumber: 7n },
  ],
  [
    'crl-extensions',
    'a delta',
    build({}, aki, number, encodeExtension(oids.deltaCRLIndicator, integer(1), { critical: true })),
    'extension 2.5.29.27 (deltaCRLIndicator) is not one that we make',
  ],
  [
    'crl-extensions',
    'a partition',
    build({}, aki, number, encodeExtension(oids.issuingDistributionPoint, sequence())),
    'extension 2.5.29.28 (issuingDistributionPoint) is not one that we make',
  ],
  ['crl-extensions', 'one twice', build({}, aki, number, number), 'extension 2.5.29.20 stands twice'],
  [
    'crl-extensions',
    'a critical one',
    build({}, aki, encodeExtension(oids.cRLNumber, integer(7), { critical: true })),
    'extension 2.5.29.20 is critical',
  ],
  [
    'no-empty-list',
    'an empty list',
    build({ entries: sequence() }),
    'revokedCertificates is present but empty',
  ],
  [
    'entry-once',
    'one twice, as two readings of a record give it',
    build({ entries: sequence(...[5, 6, 7, 6].map((serial) => sequence(integer(serial), time(revokedAt)))) }),
    'entry 3 has the serial of an entry before it',
  ],
  ['entry-serial', 'a negative one', entry(hex('020181'), time(revokedAt)), 'entry 0 has a negative serial'],
  ['entry-serial', 'zero', entry(integer(0), time(revokedAt)), 'entry 0 has the serial zero'],
  [
    'entry-serial',
    '21 octets',
    entry(integer(new Uint8Array(21).fill(1)), time(revokedAt)),
    'entry 0 has a serial of 21 octets > 20 allowed',
  ],
  [
    'entry-time-form',
    'GeneralizedTime in 2026',
    entry(integer(5), generalizedTime(revokedAt)),
    'entry 0 has its revocation date as GeneralizedTime',
  ],
  ['entry-reason', 'unspecified', withReason('0a0100'), 'entry 0 spells out the reason "unspecified"'],
  [
    'entry-reason',
    'removeFromCRL',
    withReason('0a0108'),
    'entry 0 has the reason code 8, which no full CRL has',
  ],
  ['entry-reason', 'a code that does not exist', withReason('0a0107'), 'entry 0 has the reason code 7'],
  ['entry-extensions', 'a critical reason', withReason('0a0101', true), 'entry 0 has a critical extension'],
  [
    'entry-extensions',
    'a foreign one',
    entry(integer(5), time(revokedAt), sequence(encodeExtension('1.2.3', sequence()))),
    'entry 0 has an extension that we do not make',
  ],
];

describe('the linter refuses', () => {
  test.each(bad.map(asCase))('$name: $fixture', ({ tbs, finding, facts }) => {
    const refusal = refusalOf(() => approveCrl(tbs, facts));
    expect(refusal.code).toBe('lint/refused');
    expect(refusal.message).toContain(finding);
    expect(refusal.message.split(';')).toHaveLength(1);
  });

  test('by every rule that there is', () => {
    const names = [...crlRules, ...crlEntryRules, ...crlEntriesRules].map(({ name }) => name);
    expect(new Set(bad.map(([rule]) => rule))).toEqual(new Set(names));
  });

  test('many bad entries with ten findings, no more', () => {
    const negative = (octet: number) => sequence(hex(`0201${octet.toString(16)}`), time(revokedAt));
    const entries = Array.from({ length: 50 }, (_, index) => negative(0x80 + index));
    const { message } = refusalOf(() => approveCrl(build({ entries: sequence(...entries) }), issuer));
    expect(message.split('; ')).toHaveLength(10);
  });

  test('entries that are not DER', () => {
    const { code, message } = refusalOf(() => approveCrl(entry(integer(5), hex('1700')), issuer));
    expect([code, message]).toEqual([
      'lint/refused',
      expect.stringContaining('CRL entry 0 has a malformed time'),
    ]);
  });
});

function asCase([name, fixture, tbs, finding, facts = issuer]: (typeof bad)[number]) {
  return { name, fixture, tbs, finding, facts };
}
