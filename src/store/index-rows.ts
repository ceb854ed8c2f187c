import {
  certificateRow as at,
  compareOctets,
  flags,
  mix,
  serialKeyOctets,
  tableWidths,
} from './index-tables.ts';

/** In memory a row of `certificates` is followed by the keys of `byClient` and `byKey`. */
export const clientKeyAt = tableWidths.certificates;
export const keyKeyAt = clientKeyAt + 8;
export const stride = keyKeyAt + 8;

/** Where a certificate takes over from none, or from one that only older runs know. */
export const supersedesNone = -1;
export const supersedesUnknown = -2;

/**
 * The certificates of a run that is being made, about 120 octets of memory each: a row found by its serial in a hash table.
 * Sorting comes at the end.
 */
export class CertificateRows {
  /** The rows, one after another: replaced when they grow. */
  octets: Buffer;
  count = 0;
  /** The row of the certificate that each takes over from, or one of the two above. */
  supersedes: Int32Array;
  /** All flags that hold, those from older runs included; the row's own flags are this run's facts. */
  #state: Uint8Array;
  #slots: Int32Array;

  /** @param estimate how many certificates there may be; more is no fault */
  constructor(estimate: number) {
    const capacity = Math.max(estimate, 64);
    this.octets = Buffer.alloc(capacity * stride);
    this.#state = new Uint8Array(capacity);
    this.supersedes = new Int32Array(capacity);
    this.#slots = emptySlots(capacity);
  }

  /** The row of the certificate with that key in `certificates`; −1 if there is none. */
  find(key: Buffer): number {
    // Most certificates are delivered right after they were issued.
    const last = this.count - 1;
    if (last >= 0 && compareOctets(this.octets, last * stride, key, 0, serialKeyOctets) === 0) return last;
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(key, 0) & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot] ?? -1;
      if (row < 0) return -1;
      if (compareOctets(this.octets, row * stride, key, 0, serialKeyOctets) === 0) return row;
    }
  }

  /** A new row for that key, all zeros after it. */
  add(key: Buffer, state: number, supersedes: number): number {
    if (this.count === this.#state.length) this.#grow();
    const row = this.count++;
    copyOctets(key, 0, this.octets, row * stride, serialKeyOctets);
    this.#state[row] = state;
    this.supersedes[row] = supersedes;
    this.#enter(row);
    return row;
  }

  /** True if one of these flags holds, whichever run says so. */
  has(row: number, flag: number): boolean {
    return ((this.#state[row] ?? 0) & flag) !== 0;
  }

  /** True if this run says one of these flags. */
  says(row: number, flag: number): boolean {
    return ((this.octets[row * stride + at.flags] ?? 0) & flag) !== 0;
  }

  isIssuedHere(row: number): boolean {
    return this.says(row, flags.issued);
  }

  set(row: number, flag: number): void {
    this.#state[row] = (this.#state[row] ?? 0) | flag;
    const flagsAt = row * stride + at.flags;
    this.octets[flagsAt] = (this.octets[flagsAt] ?? 0) | flag;
  }

  serialKey(row: number): Buffer {
    return this.octets.subarray(row * stride, row * stride + serialKeyOctets);
  }

  /** As it stands in the row: seconds with their bias. */
  notAfter(row: number): number {
    return this.octets.readUIntBE(row * stride + at.notAfter, 5);
  }

  /**
   * The rows that pass, sorted by the octets at `start`, and rows with the same octets in the order they came: by 32 bits
   * of the key, and then in full where these do not tell neighbours apart.
   */
  sorted(start: number, length: number, passes: (row: number) => boolean): Uint32Array {
    const rows = this.octets;
    // The high octet of dates is the same for most of them: then the low ones tell them apart.
    const bitsAt = length === 5 && this.#isSame(start, passes) ? start + 1 : start;
    const bits = new Uint32Array(this.count);
    const passing = new Uint32Array(this.count);
    let count = 0;
    for (let row = 0; row < this.count; row++) {
      if (!passes(row)) continue;
      bits[row] = rows.readUInt32BE(row * stride + bitsAt);
      passing[count++] = row;
    }
    const sorted = sortByBits(passing.subarray(0, count), bits);
    const order = (a: number, b: number): number =>
      compareOctets(rows, a * stride + start, rows, b * stride + start, length);
    for (let first = 0, end = 1; first < count; first = end++) {
      let isInOrder = true;
      for (; end < count && bits[sorted[end] ?? 0] === bits[sorted[first] ?? 0]; end++) {
        isInOrder &&= order(sorted[end - 1] ?? 0, sorted[end] ?? 0) <= 0;
      }
      if (!isInOrder) sorted.subarray(first, end).sort((a, b) => order(a, b) || a - b);
    }
    return sorted;
  }

  /** True if the octet is the same in all rows that pass. */
  #isSame(octetAt: number, passes: (row: number) => boolean): boolean {
    let first = -1;
    for (let row = 0; row < this.count; row++) {
      if (!passes(row)) continue;
      const octet = this.octets[row * stride + octetAt] ?? 0;
      if (first < 0) first = octet;
      else if (octet !== first) return false;
    }
    return true;
  }

  #enter(row: number): void {
    const mask = this.#slots.length - 1;
    let slot = hashOf(this.octets, row * stride) & mask;
    while ((this.#slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row;
  }

  #grow(): void {
    const capacity = this.#state.length * 2;
    const octets = Buffer.alloc(capacity * stride);
    octets.set(this.octets);
    this.octets = octets;
    const state = new Uint8Array(capacity);
    state.set(this.#state);
    this.#state = state;
    const supersedes = new Int32Array(capacity);
    supersedes.set(this.supersedes);
    this.supersedes = supersedes;
    this.#slots = emptySlots(capacity);
    for (let row = 0; row < this.count; row++) this.#enter(row);
  }
}

/** Quicker than Buffer.copy for a few octets. */
export function copyOctets(source: Buffer, start: number, into: Buffer, at: number, length: number): void {
  for (let index = 0; index < length; index++) into[at + index] = source[start + index] ?? 0;
}

function emptySlots(capacity: number): Int32Array {
  return new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2))).fill(-1);
}

function hashOf(octets: Buffer, at: number): number {
  return mix(
    octets.readInt32LE(at) ^
      Math.imul(octets.readInt32LE(at + 4), 0x9e3779b1) ^
      Math.imul(octets.readInt32LE(at + 8), 0x85ebca6b) ^
      Math.imul(octets.readInt32LE(at + 12), 0xc2b2ae35) ^
      Math.imul(octets.readInt32LE(at + 16), 0x27d4eb2f) ^
      (octets[at + 20] ?? 0),
  );
}

/** Rows by their 32 bits, equal ones in the order they came: a radix sort, 16 bits at a time. */
function sortByBits(rows: Uint32Array, bits: Uint32Array): Uint32Array {
  let from: Uint32Array = rows;
  let to: Uint32Array = new Uint32Array(rows.length);
  for (const shift of [0, 16]) {
    const ends = new Uint32Array(65_536);
    for (const row of from) add(ends, ((bits[row] ?? 0) >>> shift) & 0xffff, 1);
    let before = 0;
    for (let value = 0; value < ends.length; value++) before += add(ends, value, before) - before;
    for (let index = from.length - 1; index >= 0; index--) {
      const row = from[index] ?? 0;
      to[add(ends, ((bits[row] ?? 0) >>> shift) & 0xffff, -1)] = row;
    }
    [from, to] = [to, from];
  }
  return from;
}

function add(numbers: Uint32Array, index: number, summand: number): number {
  const sum = (numbers[index] ?? 0) + summand;
  numbers[index] = sum;
  return sum;
}
