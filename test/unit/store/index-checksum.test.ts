import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksum } from '../../../src/store/index-checksum.ts';

const words = 1022;

function sums(block: Int32Array): string {
  const { a, b } = checksum(block, 0, words);
  return `${a} ${b}`;
}

/** A block of words that look random. */
function block(seed: number): Int32Array {
  return Int32Array.from({ length: words }, (_, index) => Math.imul(index + seed, 0x9e3779b1) ^ (index << 7));
}

describe('the checksum of a block', () => {
  it('differs for each bit of a block, of zeros or not, that is flipped', () => {
    for (const made of [new Int32Array(words), block(1)]) {
      const seen = new Set([sums(made)]);
      for (let bit = 0; bit < words * 32; bit++) {
        const changed = made.slice();
        changed[bit >>> 5] = (changed[bit >>> 5] ?? 0) ^ (1 << (bit & 31));
        seen.add(sums(changed));
      }
      expect(seen.size).toBe(words * 32 + 1);
    }
  });

  it('changes in both halves when one word changes, whatever to', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(words - 1), fc.integer(), (seed, at, difference) => {
        fc.pre(difference !== 0);
        const made = block(seed);
        const before = checksum(made, 0, words);
        made[at] = (made[at] ?? 0) ^ difference;
        const after = checksum(made, 0, words);
        expect(after.a).not.toBe(before.a);
        expect(after.b).not.toBe(before.b);
      }),
    );
  });

  it('changes when words are swapped, moved, or replaced by zeros as after a power cut', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(words - 1), fc.nat(words - 1), fc.nat(400), (seed, from, to, count) => {
        const made = block(seed);
        const swapped = made.slice();
        swapped[from] = made[to] ?? 0;
        swapped[to] = made[from] ?? 0;
        const moved = made.slice().copyWithin(to, from, from + count);
        const cut = made.slice().fill(0, from);
        for (const changed of [swapped, moved, cut]) {
          const isSame = changed.every((word, index) => word === made[index]);
          expect(sums(changed) === sums(made)).toBe(isSame);
        }
      }),
    );
  });
});
