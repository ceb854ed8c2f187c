import { compareOctets } from './index-octets.ts';

/** Rows of one width, one after another, and the same memory as words. */
export interface RowMemory {
  readonly octets: Buffer;
  readonly words: Int32Array;
  /** Octets of a row, a multiple of four. */
  readonly stride: number;
  readonly count: number;
}

/** Memory to sort in, 12 octets a row: kept from one sorting to the next, it is taken from the system once. */
export class SortSpace {
  readonly #bits: Uint32Array;
  readonly #others: Pairs;

  /** @param rows how many may be sorted in it */
  constructor(rows: number) {
    this.#bits = new Uint32Array(rows);
    this.#others = { rows: new Uint32Array(rows), bits: new Uint32Array(rows) };
  }

  /** The bits of so many rows, and as many pairs more. */
  take(rows: number): { readonly bits: Uint32Array; readonly others: Pairs } {
    const others = { rows: this.#others.rows.subarray(0, rows), bits: this.#others.bits.subarray(0, rows) };
    return { bits: this.#bits.subarray(0, rows), others };
  }
}

/**
 * The rows given, which are in the order they came, sorted by the octets at `start`, and left in that order where these are
 * the same: by 32 bits first, and then in full where these do not tell neighbours apart. They are sorted where they are.
 */
export function sortRows(
  memory: RowMemory,
  rows: Uint32Array,
  start: number,
  length: number,
  space = new SortSpace(rows.length),
): Uint32Array {
  const { octets, stride, count } = memory;
  // The high octet of dates is the same for most of them: then the low ones tell them apart, and tell all.
  const bitsAt = length === 5 && isSame(memory, rows, start) ? start + 1 : start;
  const { bits, others } = space.take(rows.length);
  for (let index = 0; index < rows.length; index++) {
    bits[index] = bitsOf(octets, (rows[index] ?? 0) * stride + bitsAt);
  }
  // Of equal neighbours the rest is looked at, which lies too far apart to look for it in each row.
  const rest = length === 8 ? new Uint32Array(count) : undefined;
  if (rest) for (let row = 0; row < rest.length; row++) rest[row] = bitsOf(octets, row * stride + start + 4);
  const sorted = sortByBits({ rows, bits }, others);
  rows.set(sorted.rows);
  if (bitsAt > start) return rows;
  const order = rest
    ? (a: number, b: number): number => (rest[a] ?? 0) - (rest[b] ?? 0)
    : (a: number, b: number): number =>
        compareOctets(octets, a * stride + start, octets, b * stride + start, length);
  sortEqual(rows, sorted.bits, order);
  return rows;
}

function bitsOf(octets: Buffer, at: number): number {
  return (
    (((octets[at] ?? 0) << 24) |
      ((octets[at + 1] ?? 0) << 16) |
      ((octets[at + 2] ?? 0) << 8) |
      (octets[at + 3] ?? 0)) >>>
    0
  );
}

function sortEqual(rows: Uint32Array, bits: Uint32Array, order: (a: number, b: number) => number): void {
  for (let first = 0, end = 1; first < rows.length; first = end++) {
    let isInOrder = true;
    for (; end < rows.length && bits[end] === bits[first]; end++) {
      isInOrder &&= order(rows[end - 1] ?? 0, rows[end] ?? 0) <= 0;
    }
    if (!isInOrder) rows.subarray(first, end).sort((a, b) => order(a, b) || a - b);
  }
}

function isSame({ octets, stride }: RowMemory, rows: Uint32Array, octetAt: number): boolean {
  const first = octets[(rows[0] ?? 0) * stride + octetAt];
  for (let index = 1; index < rows.length; index++) {
    if (octets[(rows[index] ?? 0) * stride + octetAt] !== first) return false;
  }
  return true;
}

/** Rows, and beside each the 32 bits by which it is sorted. */
interface Pairs {
  readonly rows: Uint32Array;
  readonly bits: Uint32Array;
}

/** Sorts rows by their bits, equal ones in the order they came: a radix sort. Both are overwritten. */
function sortByBits(pairs: Pairs, others: Pairs): Pairs {
  let from = pairs;
  let to = others;
  // Eleven bits at a time: so many places to write to stay in the nearest cache.
  for (const shift of [0, 11, 22]) {
    sortByDigit(from, to, shift);
    [from, to] = [to, from];
  }
  return from;
}

function sortByDigit({ rows, bits }: Pairs, into: Pairs, shift: number): void {
  const places = new Uint32Array(0x800);
  for (let index = 0; index < bits.length; index++) {
    const digit = ((bits[index] ?? 0) >>> shift) & 0x7ff;
    places[digit] = (places[digit] ?? 0) + 1;
  }
  let before = 0;
  for (let digit = 0; digit < places.length; digit++) {
    const count = places[digit] ?? 0;
    places[digit] = before;
    before += count;
  }
  for (let index = 0; index < bits.length; index++) {
    const word = bits[index] ?? 0;
    const digit = (word >>> shift) & 0x7ff;
    const place = places[digit] ?? 0;
    places[digit] = place + 1;
    into.bits[place] = word;
    into.rows[place] = rows[index] ?? 0;
  }
}
