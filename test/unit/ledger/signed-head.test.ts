import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaError } from '../../../src/core/ca-error.ts';
import {
  encodeHeadStatement,
  encodeSignedHead,
  parseSignedHead,
  type SignedHead,
} from '../../../src/ledger/signed-head.ts';
import { refusalOf } from '../../support/refusal.ts';

const head: SignedHead = {
  authority: 'Acme API CA',
  seq: 42,
  hash: '3b'.repeat(32),
  time: new Date('2026-11-22T09:30:00Z'),
  key: '9e'.repeat(20),
  signature: Buffer.from('signature'),
};

const text = `private-ca ledger head v1
authority: Acme API CA
seq: 42
hash: 3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b
time: 2026-11-22T09:30:00Z
key: 9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e
signature: c2lnbmF0dXJl
`;

const parse = (octets: string | Uint8Array) => parseSignedHead(Buffer.from(octets), 'kept.head');

describe('a signed head', () => {
  it('is seven lines, and all before the last are signed', () => {
    expect(encodeSignedHead(head)).toBe(text);
    expect(Buffer.from(encodeHeadStatement(head)).toString()).toBe(text.replace(/signature: .*\n/, ''));
    expect(parse(text)).toEqual(head);
  });

  it('is signed over octets that are no TBSCertificate and no TBSCertList, whatever they say (X.690 §8.9)', () => {
    expect(encodeHeadStatement(head)[0]).not.toBe(0x30);
  });

  it('is read as it was written, whatever it says', () => {
    const heads = fc.record({
      authority: fc
        .string({ unit: 'binary', minLength: 1 })
        .filter((name) => !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(name)),
      seq: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
      hash: hex(32),
      time: fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) => new Date(seconds * 1000)),
      key: hex(20),
      signature: fc.uint8Array({ minLength: 1, maxLength: 600 }).map((octets) => Buffer.from(octets)),
    });
    fc.assert(
      fc.property(heads, (each) => {
        expect(parse(encodeSignedHead(each))).toEqual(each);
      }),
    );
  });

  it('has one spelling: what is read is what would be written, and all else is refused', () => {
    const characters = fc.constantFrom(...'\n\r\t =:0A9azZ\u00e9\ufffd');
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(3), fc.array(characters, { maxLength: 3 }), (at, cut, put) => {
        const changed = text.slice(0, at) + put.join('') + text.slice(at + cut);
        try {
          expect(encodeSignedHead(parse(changed))).toBe(changed);
        } catch (error) {
          if (!(error instanceof CaError)) throw error;
          expect(error.code).toMatch(/^ledger\/(malformed-head|unknown-version)$/);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, string | Uint8Array]>([
    ['of nothing', ''],
    ['with the line ends of Windows', text.replaceAll('\n', '\r\n')],
    ['without its last line end', text.slice(0, -1)],
    ['with an empty line after it', `${text}\n`],
    ['with a byte order mark', `\ufeff${text}`],
    ['without its signature', text.replace(/signature: .*\n/, '')],
    ['with another order of lines', text.replace(/(seq: .*\n)(hash: .*\n)/, '$2$1')],
    ['with a line twice', text.replace(/(seq: .*\n)/, '$1$1')],
    ['with two spaces after a colon', text.replace('seq: ', 'seq:  ')],
    ['with entry 0', text.replace('seq: 42', 'seq: 0')],
    ['with a number that begins with zero', text.replace('seq: 42', 'seq: 042')],
    ['with a number beyond 2^53', text.replace('seq: 42', 'seq: 9007199254740993')],
    ['with capital hexadecimal digits', text.replace('3b', '3B')],
    ['with a short hash', text.replace('3b', '')],
    ['with a day that is none', text.replace('11-22', '02-30')],
    ['with a time of another zone', text.replace('09:30:00Z', '09:30:0+1')],
    ['with a short key identifier', text.replace('9e', '')],
    ['with base64 that ends in stray bits', text.replace('dXJl', 'dXJ=')],
    ['with base64 without padding', text.replace('c2lnbmF0dXJl', 'c2lnbmF0dXI')],
    ['with base64 of two lines', text.replace('c2ln', 'c2ln\n')],
    ['with an empty name', text.replace('Acme API CA', '')],
    ['with a name that steers a terminal', text.replace('Acme', 'Ac\u001bme')],
    ['with octets that are not UTF-8', Buffer.from(text.replace('Acme', 'Acm\u00e9'), 'latin1')],
  ])('is refused %s', (_, octets) => {
    const { code, message } = refusalOf(() => parse(octets));
    expect(code).toBe('ledger/malformed-head');
    expect(message).toMatch(/^kept\.head /);
  });

  it('of a later version is refused, with the advice to upgrade', () => {
    const { code, message, hint } = refusalOf(() => parse(text.replace('head v1', 'head v2')));
    expect([code, message, hint]).toEqual([
      'ledger/unknown-version',
      'kept.head is a head of version 2; this program knows version 1',
      'upgrade this program',
    ]);
  });

  it('is not made for a name of two lines, which could forge the lines after it', () => {
    const authority = 'Acme\nseq: 1';
    expect(refusalOf(() => encodeSignedHead({ ...head, authority })).code).toBe('ledger/malformed-head');
  });
});

function hex(octets: number) {
  return fc
    .uint8Array({ minLength: octets, maxLength: octets })
    .map((value) => Buffer.from(value).toString('hex'));
}
