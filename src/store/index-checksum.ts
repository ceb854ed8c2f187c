/**
 * Two numbers of 32 bits that tell whether `count` words, an even number, are those that they were. A change within one word
 * changes both for certain, since each step maps states one to one; of other accidents one in 2^64 passes. Nobody is kept from
 * forging it, nor would be by a hash: it has no key, and who can write to an index can write its checksums.
 *
 * In JavaScript, since a call of node:crypto for 4 KiB takes three times as long. Words are in the order of the machine: on
 * one with another order an index is built anew.
 */
export function checksum(words: Int32Array, start: number, count: number): { a: number; b: number } {
  // Neighbours go to lanes of their own: a lane waits for itself alone. Each word enters two lanes of different make.
  let xorEven = 1;
  let xorOdd = 2;
  let sumEven = 3;
  let sumOdd = 4;
  const end = start + count;
  for (let at = start; at < end; at += 2) {
    const even = words[at] ?? 0;
    const odd = words[at + 1] ?? 0;
    xorEven = Math.imul(xorEven ^ even, 0x9e3779b1);
    xorEven ^= xorEven >>> 15;
    xorOdd = Math.imul(xorOdd ^ odd, 0x85ebca6b);
    xorOdd ^= xorOdd >>> 15;
    sumEven = Math.imul(((sumEven << 7) | (sumEven >>> 25)) + even, 0xc2b2ae35);
    sumOdd = Math.imul(((sumOdd << 9) | (sumOdd >>> 23)) + odd, 0x27d4eb2f);
  }
  return { a: mix(xorEven ^ mix(sumOdd)), b: mix(xorOdd ^ mix(sumEven)) };
}

/** Spreads the bits of a 32-bit number, one to one (the finalizer of MurmurHash3). */
export function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
