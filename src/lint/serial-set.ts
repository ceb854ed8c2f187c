import type { CrlEntryCursor } from '../x509/crl-entry.ts';

/** The serials of a CRL's entries, by where they lie in it: of a million no text or object is made, and they take 16 MiB. */
export class SerialSet {
  readonly #bytes: Uint8Array;
  /** An open hash table: in each slot where a serial starts, or 0. */
  readonly #slots: Uint32Array;

  /** @param bytes the content of revokedCertificates */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    // No entry has less than 20 octets, so that a fifth of the slots at least stays free.
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(bytes.length / 16 + 1)));
  }

  /** Takes in the serial of the entry that the cursor stands on; false if it was in before. */
  add({ serialStart, serialLength }: CrlEntryCursor): boolean {
    const slots = this.#slots;
    let slot = this.#hash(serialStart + serialLength) & (slots.length - 1);
    for (let other = slots[slot]; other; other = slots[slot]) {
      if (this.#isSame(other, serialStart, serialLength)) return false;
      slot = (slot + 1) & (slots.length - 1);
    }
    slots[slot] = serialStart;
    return true;
  }

  /** Of the last octets before `end`, which differ most: drawn at random, or counted up. */
  #hash(end: number): number {
    const bytes = this.#bytes;
    const octets =
      ((bytes[end - 4] ?? 0) << 24) |
      ((bytes[end - 3] ?? 0) << 16) |
      ((bytes[end - 2] ?? 0) << 8) |
      (bytes[end - 1] ?? 0);
    return Math.imul(octets, 0x9e3779b1) >>> 7;
  }

  /** Compares from the last octet to the first, and then the length, which stands before it. */
  #isSame(start: number, other: number, length: number): boolean {
    const bytes = this.#bytes;
    for (let index = length - 1; index >= -1; index--) {
      if (bytes[start + index] !== bytes[other + index]) return false;
    }
    return true;
  }
}
