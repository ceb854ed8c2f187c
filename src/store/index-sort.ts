/** Rows, and beside each the 32 bits by which it is sorted. */
interface Pairs {
  readonly rows: Uint32Array;
  readonly bits: Uint32Array;
}

/** Sorts rows by their bits, equal ones in the order they came: a radix sort. What was given is overwritten. */
export function sortByBits(pairs: Pairs): Pairs {
  const { length } = pairs.rows;
  let from = pairs;
  let to: Pairs = { rows: new Uint32Array(length), bits: new Uint32Array(length) };
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
