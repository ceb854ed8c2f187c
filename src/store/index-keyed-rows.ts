import { wordsOf } from './index-blocks.ts';
import { mix } from './index-hash.ts';
import { sortByBits } from './index-sort.ts';
import { compareOctets } from './index-tables.ts';

export interface KeyedRowsOptions {
  /** Octets of a row, a multiple of four. */
  readonly stride: number;
  /** The key stands at the beginning of a row. */
  readonly keyOctets: number;
  /** How many rows there may be; more is no fault. */
  readonly estimate: number;
}

/** The last word of a key of 4 n + 1 octets: what follows in that word is no part of it. */
const firstOctetOfWord = new Int32Array(new Uint8Array([0xff, 0, 0, 0]).buffer)[0] ?? 0;

/**
 * Rows of one width in one stretch of memory, each found by its key in a hash table. A key is written into the draft, the place
 * of the row that comes next, and is looked for there, so that nothing is copied.
 */
export class KeyedRows {
  /** The rows, one after another, and the same memory as words: replaced when they grow. */
  octets: Buffer;
  words: Int32Array;
  count = 0;
  readonly stride: number;
  readonly #rowWords: number;
  readonly #keyWords: number;
  readonly #lastWord: number;
  /** Row + 1; 0 where there is none. */
  #slots: Int32Array;
  #capacity: number;
  /** The row that was found last. */
  #found = -1;

  constructor({ stride, keyOctets, estimate }: KeyedRowsOptions) {
    this.stride = stride;
    this.#rowWords = stride / 4;
    this.#keyWords = Math.ceil(keyOctets / 4);
    this.#lastWord = keyOctets % 4 === 0 ? -1 : firstOctetOfWord;
    this.#capacity = Math.max(estimate, 64);
    this.octets = Buffer.alloc(this.#capacity * stride);
    this.words = wordsOf(this.octets);
    this.#slots = slotsFor(this.#capacity);
  }

  /** Where the draft begins in {@link octets}. */
  get draft(): number {
    return this.count * this.stride;
  }

  /** The row with the draft's key; −1 if there is none. */
  find(): number {
    const last = this.count - 1;
    // Most certificates are delivered right after they were issued.
    if (last >= 0 && this.#isDraft(last)) return last;
    // They are renewed in about the order they came: that is memory at hand, where the table is not.
    const next = this.#found + 1;
    if (next < last && this.#isDraft(next)) {
      this.#found = next;
      return next;
    }
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = this.#hashOf(this.count) & mask; ; slot = (slot + 1) & mask) {
      const row = (slots[slot] ?? 0) - 1;
      if (row < 0) return -1;
      if (!this.#isDraft(row)) continue;
      this.#found = row;
      return row;
    }
  }

  /** Makes the draft a row. Its key must be new, and what follows the key in it as it is to be. */
  add(): number {
    const row = this.count++;
    this.#enter(row);
    // The draft has its place too.
    if (this.count === this.#capacity) this.#grow();
    return row;
  }

  /**
   * The rows given, which are in the order they came, sorted by the octets at `start`, and left in that order where these are
   * the same: by 32 bits first, and then in full where these do not tell neighbours apart. What was given is overwritten.
   */
  sorted(rows: Uint32Array, start: number, length: number): Uint32Array {
    const { octets, stride } = this;
    // The high octet of dates is the same for most of them: then the low ones tell them apart, and tell all.
    const bitsAt = length === 5 && this.#isSame(rows, start) ? start + 1 : start;
    const bits = new Uint32Array(rows.length);
    for (let index = 0; index < rows.length; index++) {
      bits[index] = this.#bits((rows[index] ?? 0) * stride + bitsAt);
    }
    // Of equal neighbours the rest is looked at, which lies too far apart to look for it in each row.
    const rest = length === 8 ? new Uint32Array(this.count) : undefined;
    if (rest) for (let row = 0; row < rest.length; row++) rest[row] = this.#bits(row * stride + start + 4);
    const sorted = sortByBits({ rows, bits });
    if (bitsAt > start) return sorted.rows;
    const order = rest
      ? (a: number, b: number): number => (rest[a] ?? 0) - (rest[b] ?? 0)
      : (a: number, b: number): number =>
          compareOctets(octets, a * stride + start, octets, b * stride + start, length);
    this.#sortEqual(sorted.rows, sorted.bits, order);
    return sorted.rows;
  }

  #bits(at: number): number {
    const { octets } = this;
    return (
      (((octets[at] ?? 0) << 24) |
        ((octets[at + 1] ?? 0) << 16) |
        ((octets[at + 2] ?? 0) << 8) |
        (octets[at + 3] ?? 0)) >>>
      0
    );
  }

  #sortEqual(rows: Uint32Array, bits: Uint32Array, order: (a: number, b: number) => number): void {
    for (let first = 0, end = 1; first < rows.length; first = end++) {
      let isInOrder = true;
      for (; end < rows.length && bits[end] === bits[first]; end++) {
        isInOrder &&= order(rows[end - 1] ?? 0, rows[end] ?? 0) <= 0;
      }
      if (!isInOrder) rows.subarray(first, end).sort((a, b) => order(a, b) || a - b);
    }
  }

  #isSame(rows: Uint32Array, octetAt: number): boolean {
    const first = this.octets[(rows[0] ?? 0) * this.stride + octetAt];
    for (let index = 1; index < rows.length; index++) {
      if (this.octets[(rows[index] ?? 0) * this.stride + octetAt] !== first) return false;
    }
    return true;
  }

  #isDraft(row: number): boolean {
    const { words } = this;
    const a = row * this.#rowWords;
    const b = this.count * this.#rowWords;
    const last = this.#keyWords - 1;
    for (let index = 0; index < last; index++) if (words[a + index] !== words[b + index]) return false;
    return (((words[a + last] ?? 0) ^ (words[b + last] ?? 0)) & this.#lastWord) === 0;
  }

  #hashOf(row: number): number {
    const at = row * this.#rowWords;
    const last = this.#keyWords - 1;
    let bits = (this.words[at + last] ?? 0) & this.#lastWord;
    for (let index = 0; index < last; index++) {
      bits = Math.imul(bits ^ (this.words[at + index] ?? 0), 0x9e3779b1);
      bits ^= bits >>> 15;
    }
    return mix(bits);
  }

  #enter(row: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#hashOf(row) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = row + 1;
  }

  #grow(): void {
    this.#capacity *= 2;
    const octets = Buffer.alloc(this.#capacity * this.stride);
    octets.set(this.octets);
    this.octets = octets;
    this.words = wordsOf(octets);
    this.#slots = slotsFor(this.#capacity);
    for (let row = 0; row < this.count; row++) this.#enter(row);
  }
}

function slotsFor(capacity: number): Int32Array {
  return new Int32Array(2 ** Math.ceil(Math.log2(capacity * 1.5)));
}
