import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyedRows } from '../../../src/store/index-keyed-rows.ts';
import { sortRows } from '../../../src/store/index-sort.ts';

const few = fc.array(fc.uint8Array({ minLength: 5, maxLength: 5, max: 3 }), { maxLength: 300 });
const many = fc.array(fc.uint8Array({ minLength: 5, maxLength: 5 }), { maxLength: 300 });

/** Enters those keys once each, and something that is no key after each; gives the rows they were found at. */
function enter(rows: KeyedRows, keys: readonly Uint8Array[]): number[] {
  return keys.map((key, index) => {
    rows.octets.set(key, rows.draft);
    const known = rows.find();
    if (known >= 0) return known;
    rows.octets[rows.draft + 5] = index;
    return rows.add();
  });
}

describe('rows found by their keys', () => {
  it('are each found again, however many there are, and whatever follows the key in its last word', () => {
    fc.assert(
      fc.property(fc.oneof(few, many), (keys) => {
        const rows = new KeyedRows({ stride: 12, keyOctets: 5, estimate: 1 });
        const distinct = [...new Set(keys.map((key) => Buffer.from(key).toString('hex')))];
        const expected = keys.map((key) => distinct.indexOf(Buffer.from(key).toString('hex')));
        expect(enter(rows, keys)).toEqual(expected);
        expect(rows.count).toBe(distinct.length);
        expect(enter(rows, keys)).toEqual(expected);
      }),
    );
  });

  it('are sorted as octets, and left in their order where these are the same', () => {
    fc.assert(
      fc.property(
        fc.oneof(few, many),
        fc.constantFrom([0, 5], [0, 4], [1, 4]),
        (keys, [start = 0, length = 0]) => {
          const rows = new KeyedRows({ stride: 12, keyOctets: 5, estimate: 1 });
          enter(rows, keys);
          const all = Array.from({ length: rows.count }, (_, row) => row);
          const part = (row: number) => rows.octets.subarray(row * 12 + start, row * 12 + start + length);
          const expected = all.toSorted((a, b) => part(a).compare(part(b)) || a - b);
          expect([...sortRows(rows, Uint32Array.from(all), start, length)]).toEqual(expected);
        },
      ),
    );
  });
});
