import { KeyedRows } from './index-keyed-rows.ts';
import { certificateRow as at, flags, serialKeyOctets, tableWidths } from './index-tables.ts';

/** In memory a row of `certificates` is followed by the keys of `byClient` and `byKey`. */
export const clientKeyAt = tableWidths.certificates;
export const keyKeyAt = clientKeyAt + 8;
export const stride = keyKeyAt + 8;

/** Where a certificate takes over from none, or from one that only older runs know. */
export const supersedesNone = -1;
export const supersedesUnknown = -2;

/**
 * The certificates of a run that is being made, found by their serials: 105 octets each, 6 to 12 in the hash table, and 24
 * while they are sorted, which comes at the end.
 */
export class CertificateRows {
  readonly rows: KeyedRows;
  /** The row of the certificate that each takes over from, or one of the two above. */
  supersedes: Int32Array;
  /** All flags that hold, those from older runs included; the row's own flags are this run's facts. */
  #state: Uint8Array;

  /** @param estimate how many certificates there may be; more is no fault */
  constructor(estimate: number) {
    this.rows = new KeyedRows({ stride, keyOctets: serialKeyOctets, estimate });
    const capacity = Math.max(estimate, 64);
    this.#state = new Uint8Array(capacity);
    this.supersedes = new Int32Array(capacity);
  }

  get octets(): Buffer {
    return this.rows.octets;
  }

  get count(): number {
    return this.rows.count;
  }

  /** Makes the draft a row, all zeros after its key. */
  add(state: number, supersedes: number): number {
    const row = this.rows.add();
    if (row === this.#state.length) this.#grow();
    this.#state[row] = state;
    this.supersedes[row] = supersedes;
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

  seq(row: number): number {
    return this.octets.readUIntBE(row * stride + at.seq, 6);
  }

  /** The rows of which this run says one of these flags, in the order they came. */
  saying(flag: number): Uint32Array {
    const found = new Uint32Array(this.count);
    let count = 0;
    for (let row = 0; row < this.count; row++) if (this.says(row, flag)) found[count++] = row;
    return found.subarray(0, count);
  }

  #grow(): void {
    const state = new Uint8Array(this.#state.length * 2);
    state.set(this.#state);
    this.#state = state;
    const supersedes = new Int32Array(state.length);
    supersedes.set(this.supersedes);
    this.supersedes = supersedes;
  }
}
