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

  test.each([20_000, 250_000])('is found among %i', (count) => {
    const one = entries([Uint8Array.of(7, ...new Uint8Array(15))]);
    const many = Buffer.concat(Array.from({ length: count }, () => one));
    // Each differs from the next one in its last octets, and from one far away in others alone.
    for (let index = 0; index < count; index++) {
      const end = index * one.length + 20;
      many.writeUInt32BE(Math.imul(index % 150_000, 0x9e3779b1) >>> 0, end - 4);
      many.writeUInt32BE(Math.floor(index / 150_000), end - 12);
    }
    expect(findRepeatedSerial(many)).toBeUndefined();
    const first = many.subarray(0, one.length);
    expect(findRepeatedSerial(Buffer.concat([many, first, first]))).toBe(count);
  });
});
