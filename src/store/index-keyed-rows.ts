import { wordsOf } from './index-blocks.ts';
import { mix } from './index-hash.ts';
import type { RowMemory } from './index-sort.ts';

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
export class KeyedRows implements RowMemory {
  /** Replaced when they grow. Another thread may share them. */
  memory: SharedArrayBuffer;
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
    this.memory = new SharedArrayBuffer(this.#capacity * stride);
    this.octets = Buffer.from(this.memory);
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

  /** Gives the memory of the hash table back. Nothing is found or added after that. */
  close(): void {
    this.#slots = new Int32Array(0);
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
    this.memory = new SharedArrayBuffer(this.#capacity * this.stride);
    const octets = Buffer.from(this.memory);
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
