/** Writes a whole number below 2^53 in so many octets. By hand: Buffer.writeUIntBE checks its arguments each time. */
export function writeNumber(row: Buffer, at: number, value: number, octets: number): void {
  const high = Math.floor(value / 2 ** 32);
  let low = value - high * 2 ** 32;
  const last = at + octets - 1;
  for (let index = last; index > last - 4; index--) {
    row[index] = low;
    low >>>= 8;
  }
  if (octets > 4) row[last - 4] = high;
  if (octets > 5) row[last - 5] = high >>> 8;
}

/** Quicker than Buffer.copy for a few octets. */
export function copyOctets(source: Buffer, start: number, into: Buffer, at: number, length: number): void {
  for (let index = 0; index < length; index++) into[at + index] = source[start + index] ?? 0;
}

/** Copies words of memory; places are in octets. */
export function copyWords(
  from: Int32Array,
  start: number,
  into: Int32Array,
  at: number,
  octets: number,
): void {
  for (let word = 0; word < octets / 4; word++) into[at / 4 + word] = from[start / 4 + word] ?? 0;
}

/** Below, equal to or above zero as octets sort. Quicker than Buffer.compare for a few octets. */
export function compareOctets(a: Buffer, aAt: number, b: Buffer, bAt: number, length: number): number {
  for (let index = 0; index < length; index++) {
    const difference = (a[aAt + index] ?? 0) - (b[bAt + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
