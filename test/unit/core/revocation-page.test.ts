import { describe, expect, it } from 'vitest';
import { CrlEntryEncoder } from '../../../src/core/crl-entry.ts';
import {
  countRevocations,
  encodeRevocationPage,
  type Revocation,
} from '../../../src/core/revocation-page.ts';
import { parseSerial } from '../../../src/core/serial.ts';
import { crlRevocations } from '../../../src/x509/crl.ts';
import { hex, toHex } from '../../support/x509-fixtures.ts';

const revocations: Revocation[] = [
  { serial: parseSerial('01'), revokedAt: new Date('2026-11-22T09:30:00.999Z'), reason: 'unspecified' },
  {
    serial: parseSerial('9f'.repeat(19)),
    revokedAt: new Date('9999-12-31T23:59:59Z'),
    reason: 'keyCompromise',
    invalidityDate: new Date('1970-01-01T00:00:00Z'),
  },
];

describe('a revocation page', () => {
  it('is the entries of a CRL in DER (RFC 5280 §5.1.2.6, §5.3)', () => {
    const page = encodeRevocationPage(revocations);
    expect(toHex(page)).toBe(
      [
        `3012020101170d${Buffer.from('261122093000Z').toString('hex')}`,
        `304f021400${'9f'.repeat(19)}180f${Buffer.from('99991231235959Z').toString('hex')}`,
        `3026300a0603551d1504030a010130180603551d180411180f${Buffer.from('19700101000000Z').toString('hex')}`,
      ].join(''),
    );
    expect(countRevocations(page)).toBe(2);
  });

  it('is read where it lies in a larger buffer', () => {
    const larger = Buffer.concat([Buffer.alloc(3, 0xff), encodeRevocationPage(revocations)]);
    expect([...crlRevocations({ entries: larger.subarray(3) })].map(({ serial }) => serial)).toEqual(
      revocations.map(({ serial }) => serial),
    );
  });

  it('may be empty', () => {
    expect([encodeRevocationPage([]).length, countRevocations(new Uint8Array(0))]).toEqual([0, 0]);
  });

  it('does not end within an entry', () => {
    const page = encodeRevocationPage(revocations);
    for (let length = 1; length < page.length; length++) {
      if (length === 20) continue;
      expect(() => countRevocations(page.subarray(0, length))).toThrow('ends within an entry');
    }
  });
});

describe('an entry of a CRL', () => {
  const facts = { revokedAt: 1_795_338_000, reason: 1, invalidityDate: undefined };

  it('has of the one before it what follows the serial only if it says the same', () => {
    const encoder = new CrlEntryEncoder();
    const serial = hex('05');
    const encode = (change: object) => toHex(encoder.encode(serial, { ...facts, ...change }));
    const changes = [{}, { reason: 0 }, { revokedAt: 5 }, { invalidityDate: 0 }, { invalidityDate: 7 }, {}];
    for (const change of changes) {
      const alone = toHex(new CrlEntryEncoder().encode(serial, { ...facts, ...change }));
      expect([encode(change), encode(change)]).toEqual([alone, alone]);
    }
  });

  it.each([
    ['no octets', ''],
    ['a leading zero', '0001'],
    ['21 octets', '01'.repeat(21)],
  ])('is refused for a serial with %s', (_, serial) => {
    expect(() => new CrlEntryEncoder().encode(hex(serial), facts)).toThrow(RangeError);
  });
});
