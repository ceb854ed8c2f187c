import { describe, expect, test } from 'vitest';
import { isUtcTime, readTimeDigits, writeTimeDigits } from '../../../src/core/asn1-time.ts';

const seconds = (text: string) => Date.parse(text) / 1000;

function written(unixSeconds: number, generalized: boolean): string {
  const target = Buffer.alloc(16);
  return target.toString('latin1', 0, writeTimeDigits(target, 0, unixSeconds, generalized));
}

function read(text: string, generalized: boolean): number {
  return readTimeDigits(Buffer.from(text), 0, text.length, generalized);
}

describe('the form of a time', () => {
  test.each([
    ['1949-12-31T23:59:59Z', false],
    ['1950-01-01T00:00:00Z', true],
    ['2049-12-31T23:59:59Z', true],
    ['2050-01-01T00:00:00Z', false],
  ])('%s is UTCTime: %s (RFC 5280 §4.1.2.5)', (text, expected) => {
    expect(isUtcTime(seconds(text))).toBe(expected);
  });
});

describe('digits', () => {
  test('every 97th day from year 1 through 9999 is written as Date has it, and read back', () => {
    for (
      let at = seconds('0001-01-01T00:00:00Z');
      at < seconds('9999-12-31T23:59:59Z');
      at += 97 * 86_400 + 3_671
    ) {
      const expected = new Date(at * 1000).toISOString().replace(/[-:T]|\.000/g, '');
      if (written(at, true) !== expected || read(expected, true) !== at)
        expect(written(at, true)).toBe(expected);
    }
  });

  test('the last second that ASN.1 can say is written', () => {
    expect(written(seconds('9999-12-31T23:59:59Z'), true)).toBe('99991231235959Z');
  });

  test.each([Number.NaN, seconds('9999-12-31T23:59:59Z') + 1, -62_135_596_801])('%d is a bug', (value) => {
    expect(() => written(value, true)).toThrow(RangeError);
  });

  test('two-digit years are 1950 through 2049 (RFC 5280 §4.1.2.5.1)', () => {
    expect(read('500101000000Z', false)).toBe(seconds('1950-01-01T00:00:00Z'));
    expect(read('491231235959Z', false)).toBe(seconds('2049-12-31T23:59:59Z'));
  });

  test.each([
    ['without seconds', '2612312359Z', false],
    ['with an offset', '261231235959+0000', false],
    ['without Z', '2612312359590', false],
    ['with a fraction', '20261231235959.5Z', true],
    ['on 30 February', '20260230000000Z', true],
    ['on 29 February of a common year', '21000229000000Z', true],
    ['in month 13', '20261301000000Z', true],
    ['in month 0', '20260001000000Z', true],
    ['on day 0', '20260100000000Z', true],
    ['at 24 o’clock', '20260101240000Z', true],
    ['at minute 60', '20260101006000Z', true],
    ['at a leap second', '20261231235960Z', true],
    ['with a sign', '2026010100000-Z', true],
    ['with a letter', '2O260101000000Z', true],
  ])('a time %s is refused', (_, text, generalized) => {
    expect(read(text, generalized)).toBeNaN();
  });

  test('29 February of a leap year is read', () => {
    expect(read('20000229000000Z', true)).toBe(seconds('2000-02-29T00:00:00Z'));
  });
});
