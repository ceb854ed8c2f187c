import type { CrlEntryCursor } from '../x509/crl-entry.ts';

/** The serials of a CRL's entries, by where they lie in it: of a million no text or object is made, and they take 8 MiB. */
export class SerialSet {
  readonly #bytes: Uint8Array;
  /**
   * An open hash table: in each slot where a serial starts, or 0. The bits above hold some of its hash, so that others are
   * seldom looked at, each of which would have to be fetched from far away.
   */
  readonly #slots: Uint32Array;
  /** The bits of a slot that say where. */
  readonly #place: number;

  /** @param bytes the content of revokedCertificates */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    // A quarter of the slots at least stays free.
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2((4 * countElements(bytes)) / 3 + 1)));
    this.#place = 0xffff_ffff >>> Math.clz32(bytes.length);
  }

  /** Takes in the serial of the entry that the cursor stands on; false if it was in before. */
  add({ serialStart, serialLength }: CrlEntryCursor): boolean {
    const slots = this.#slots;
    const place = this.#place;
    const hash = this.#hash(serialStart + serialLength);
    const content = (serialStart | (hash & ~place)) >>> 0;
    let slot = hash & (slots.length - 1);
    for (let other = slots[slot]; other; other = slots[slot]) {
      const isAlike = ((other ^ content) & ~place) === 0;
      if (isAlike && this.#isSame(other & place, serialStart, serialLength)) return false;
      slot = (slot + 1) & (slots.length - 1);
    }
    slots[slot] = content;
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
    const mixed = Math.imul(octets, 0x9e3779b1);
    // The upper octets are the better mixed: slots take the lower.
    return mixed ^ (mixed >>> 15);
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

/** How many elements lie one after another, at least as many as the cursor takes before it refuses one. */
function countElements(bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < bytes.length; count++) {
    const length = bytes[at + 1] ?? 0;
    if (length < 0x80) at += 2 + length;
    else if (length === 0x81) at += 3 + (bytes[at + 2] ?? 0);
    else at += 4 + (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
  }
  return count;
}
