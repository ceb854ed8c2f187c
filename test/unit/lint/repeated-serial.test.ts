import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findRepeatedSerial } from '../../../src/lint/repeated-serial.ts';
import { integer, sequence, time } from '../../../src/x509/der-writer.ts';

const revokedAt = time(new Date('2026-11-22T09:00:00Z'));

function entries(serials: readonly (Uint8Array | number)[]): Uint8Array {
  return Buffer.concat(serials.map((serial) => sequence(integer(serial), revokedAt)));
}

/** Serials that often end alike, or are the same: of few octets, and long ones of few different ones. */
const serial = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 2 }).map((octets) => Uint8Array.of(1, ...octets)),
  fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 19 }), fc.integer({ min: 1, max: 3 }))
    .map(([first, length, last]) => Uint8Array.of(first, ...new Uint8Array(length), last).subarray(0, 20)),
);

describe('the entry that repeats a serial', () => {
  test('is found, and the first one of many, where there is one', () => {
    fc.assert(
      fc.property(fc.array(serial, { maxLength: 40 }), (serials) => {
        const texts = serials.map((octets) => Buffer.from(octets).toString('hex'));
        const repeated = texts.findIndex((text, index) => texts.indexOf(text) < index);
        expect(findRepeatedSerial(entries(serials))).toBe(repeated < 0 ? undefined : repeated);
      }),
      { numRuns: 500 },
    );
  });

  test('is none where serials only end alike', () => {
    const long = [1, 2, 3].map((first) => Uint8Array.of(first, ...new Uint8Array(15).fill(7)));
    expect(findRepeatedSerial(entries([...long, new Uint8Array(8).fill(7)]))).toBeUndefined();
  });

  test('is found among many', () => {
    const counted = Array.from({ length: 20_000 }, (_, index) => 70_000 - index);
    expect(findRepeatedSerial(entries(counted))).toBeUndefined();
    expect(findRepeatedSerial(entries([...counted, 60_000]))).toBe(20_000);
  });
});
