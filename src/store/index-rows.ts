import { wordsOf } from './index-blocks.ts';
import { KeyedRows } from './index-keyed-rows.ts';
import type { RowMemory } from './index-sort.ts';
import { certificateRow as at, flags, serialKeyOctets, tableWidths } from './index-tables.ts';

/**
 * In memory a row of `certificates` is in two parts, so that what is sorted and looked for lies close together: up to `place`,
 * then the keys of `byClient` and `byKey`; and {@link CertificateRows.facts}.
 */
export const stride = 64;
export const factsAt = at.deliveredAt;
export const clientKeyAt = stride - 16;
export const keyKeyAt = stride - 8;
export const factsOctets = tableWidths.certificates - factsAt;
/** The facts, and the row of the certificate that this one takes over from. */
export const factsStride = factsOctets + 4;

/** In memory alone: all flags that hold, those from older runs included. */
const stateAt = at.flags + 1;

/** Where a certificate takes over from none, or from one that only older runs know. */
export const supersedesNone = -1;
export const supersedesUnknown = -2;

/**
 * The certificates of a run that is being made, found by their serials: 104 octets each, 6 to 12 in the hash table, and 24
 * while they are sorted, which comes at the end.
 */
export class CertificateRows {
  readonly rows: KeyedRows;
  /** What follows the place in each row, from {@link factsAt} on, and the same memory as words: replaced when they grow. */
  facts: Buffer;
  factWords: Int32Array;

  /** @param estimate how many certificates there may be; more is no fault */
  constructor(estimate: number) {
    this.rows = new KeyedRows({ stride, keyOctets: serialKeyOctets, estimate });
    this.facts = Buffer.alloc(Math.max(estimate, 64) * factsStride);
    this.factWords = wordsOf(this.facts);
  }

  get octets(): Buffer {
    return this.rows.octets;
  }

  /** Makes the draft a row, all zeros after its key. */
  add(state: number, supersedes: number): number {
    const row = this.rows.add();
    if (row * factsStride === this.facts.length) this.#growFacts();
    this.octets[row * stride + stateAt] = state;
    this.replace(row, supersedes);
    return row;
  }

  /** True if one of these flags holds, whichever run says so. */
  has(row: number, flag: number): boolean {
    return ((this.octets[row * stride + stateAt] ?? 0) & flag) !== 0;
  }

  /** True if this run says one of these flags. */
  says(row: number, flag: number): boolean {
    return ((this.octets[row * stride + at.flags] ?? 0) & flag) !== 0;
  }

  isIssuedHere(row: number): boolean {
    return this.says(row, flags.issued);
  }

  set(row: number, flag: number): void {
    const { octets } = this;
    const flagsAt = row * stride + at.flags;
    octets[flagsAt] = (octets[flagsAt] ?? 0) | flag;
    octets[flagsAt + 1] = (octets[flagsAt + 1] ?? 0) | flag;
  }

  /** The row of the certificate that this one takes over from, or {@link supersedesNone} or {@link supersedesUnknown}. */
  supersedes(row: number): number {
    return this.factWords[((row + 1) * factsStride) / 4 - 1] ?? supersedesNone;
  }

  /** Sets {@link supersedes}. */
  replace(row: number, supersedes: number): void {
    this.factWords[((row + 1) * factsStride) / 4 - 1] = supersedes;
  }

  /** As it stands in the row: seconds with their bias. */
  notAfter(row: number): number {
    return this.octets.readUIntBE(row * stride + at.notAfter, 5);
  }

  seq(row: number): number {
    return this.octets.readUIntBE(row * stride + at.seq, 6);
  }

  /** The rows of which this run says one of these flags, in the order they came. */
  saying(flag: number): Uint32Array {
    return rowsSaying(this.rows, flag);
  }

  #growFacts(): void {
    const facts = Buffer.alloc(this.facts.length * 2);
    facts.set(this.facts);
    this.facts = facts;
    this.factWords = wordsOf(facts);
  }
}

/** The rows of which this run says one of these flags, in the order they came. */
export function rowsSaying({ octets, count }: RowMemory, flag: number): Uint32Array {
  const found = new Uint32Array(count);
  let length = 0;
  for (let row = 0; row < count; row++) {
    if (((octets[row * stride + at.flags] ?? 0) & flag) !== 0) found[length++] = row;
  }
  return found.subarray(0, length);
}
