/** Octets that come in chunks, to be taken in the lengths that a format wants. */
export class OctetReader {
  readonly #chunks: Iterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  /** How many octets were taken. */
  taken = 0;

  constructor(chunks: Iterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  /** True if nothing is left. */
  isAtEnd(): boolean {
    while (this.#chunk.length === 0) {
      const next = this.#chunks.next();
      if (next.done) return true;
      this.#chunk = next.value;
    }
    return false;
  }

  /** At least one octet and at most so many, without a copy; none at the end. */
  takeSome(most: number): Uint8Array {
    if (this.isAtEnd()) return new Uint8Array();
    const some = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(some.length);
    this.taken += some.length;
    return some;
  }

  /** That many octets, fewer only where they end. */
  takeUpTo(length: number): Buffer {
    const parts: Uint8Array[] = [];
    let left = length;
    while (left > 0 && !this.isAtEnd()) {
      const part = this.takeSome(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }
}
