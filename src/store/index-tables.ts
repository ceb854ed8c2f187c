import { hash } from 'node:crypto';
import { clientNameKey } from '../core/client-name.ts';
import { type Serial, serialOctets } from '../core/serial.ts';
import { type BlockReader, blockOctets, firstRowAt, IndexDamage, rowsPerBlock } from './index-blocks.ts';
import { mix } from './index-hash.ts';

/** notAfter and seq. */
export const liveKeyOctets = 11;

/** The key by which `byClient` and `byKey` are sorted; seq follows. */
export const postingKeyOctets = 8;
export const postingPlaceAt = 15;

/** notAfter, seq and place: how a row of `byNotAfter` stands in one of `certificates`. */
export const endRowOctets = 24;

/**
 * The tables of a run, in the order they lie in its file, with the width of their rows in octets. Numbers are big-endian,
 * so that rows sort as octets: `seq` 6, seconds 5 (see {@link secondsBias}), milliseconds 8 (float64), a line's place 13:
 * segment 4, offset 5, length without newline 4.
 */
export const tableWidths = {
  /** What this run tells of one serial: see {@link certificateRow}. */
  certificates: 84,
  /** Hash of the client's name 8, a zero, seq, place of the `issued` line. */
  byClient: 28,
  /** First octets of the key's SHA-256 8, a zero, seq, place. */
  byKey: 28,
  /** notAfter, seq, place. */
  byNotAfter: endRowOctets,
  /** notAfter of certificates that were revoked in this run. */
  revokedEnds: 5,
  /** notAfter, seq, place of certificates that were issued in this run and were live at its end; when delivered, 0 if not yet. */
  live: endRowOctets + 8,
  /** notAfter, seq of live certificates of older runs that were superseded or revoked in this one. */
  ended: liveKeyOctets,
  /** seq and place of certificates that were issued in this run and owed a delivery at its end. */
  undelivered: 19,
  /** seq of certificates of older runs whose delivery is owed no more. */
  settled: 6,
  /** seq of the `revoked` entry, notAfter: in the order of their recording. */
  revocations: 11,
  /** Their entries of a CRL, as in a RevocationPage. A block ends in zeros where the next one has no room. */
  crlEntries: 1,
  /** SHA-256 of the name's key 16 and of the name 16, seq and time of its first entry, place of its latest, 0. */
  clients: 60,
} as const;

export type TableName = keyof typeof tableWidths;

export const tableNames = Object.keys(tableWidths) as TableName[];

/** Where the parts of a row of `certificates` begin. Parts whose flag is not set are zeros. */
export const certificateRow = {
  /** 20 octets, left-aligned, then their number. */
  serial: 0,
  flags: 21,
  /** Two zeros before: these three are a row of `byNotAfter`. */
  notAfter: 24,
  seq: 29,
  place: 35,
  deliveredAt: 48,
  supersededAt: 56,
  revokedAt: 64,
  revokedSeq: 72,
  reason: 78,
  invalidityDate: 79,
} as const;

export const serialKeyOctets = 21;

export const flags = { issued: 1, delivered: 2, superseded: 4, revoked: 8, invalidity: 16 } as const;

/** Added to Unix seconds, so that years before 1970 sort first. */
export const secondsBias = 2 ** 39;

/** Where a line lies in the journal; `length` without its newline. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

export function writePlace(row: Buffer, at: number, segment: number, offset: number, length: number): void {
  writeNumber(row, at, segment, 4);
  writeNumber(row, at + 4, offset, 5);
  writeNumber(row, at + 9, length, 4);
}

export function readPlace(row: Buffer, at: number): Place {
  return {
    segment: row.readUInt32BE(at),
    offset: row.readUIntBE(at + 4, 5),
    length: row.readUInt32BE(at + 9),
  };
}

export function writeSeconds(row: Buffer, at: number, seconds: number): void {
  writeNumber(row, at, seconds + secondsBias, 5);
}

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

export function readSeconds(row: Buffer, at: number): number {
  // By hand: a CRL reads a hundred thousand of them, and Buffer.readUIntBE checks its arguments each time.
  const low =
    ((row[at + 1] ?? 0) << 24) | ((row[at + 2] ?? 0) << 16) | ((row[at + 3] ?? 0) << 8) | (row[at + 4] ?? 0);
  return (row[at] ?? 0) * 2 ** 32 + (low >>> 0) - secondsBias;
}

/** The least notAfter that is not before `instant`, as it stands in rows. */
export function endKey(instant: Date): Buffer {
  const seconds = Math.ceil(instant.getTime() / 1000) + secondsBias;
  const key = Buffer.alloc(5);
  key.writeUIntBE(Math.min(Math.max(seconds, 0), 2 ** 40 - 1), 0, 5);
  return key;
}

/** The key of a serial in `certificates`. */
export function serialKey(serial: Serial): Buffer {
  const key = Buffer.alloc(serialKeyOctets);
  const octets = serialOctets(serial);
  key.set(octets);
  key[20] = octets.length;
  return key;
}

/** The key of a client's name in `byClient`: not collision-free, so the line itself is looked at. */
export function clientHash(name: Uint8Array, start: number, end: number, into: Buffer, at: number): void {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let index = start; index < end; index++) {
    const octet = name[index] ?? 0;
    high = Math.imul(high ^ octet, 0x01000193);
    low = Math.imul(low ^ (octet + 0x5b), 0x5bd1e995) ^ (low >>> 15);
  }
  into.writeInt32BE(mix(high ^ low), at);
  into.writeInt32BE(mix(low + Math.imul(high, 0x27d4eb2f)), at + 4);
}

/** The key of a client in `clients`: of its name's key, then of its name. */
export function clientKey(name: string): Buffer {
  const nameHash = clientNameHash(name);
  const nameKey = clientNameKey(name);
  return Buffer.concat([nameKey === name ? nameHash : clientNameHash(nameKey), nameHash]);
}

/** What stands in `clients` of the {@link nameDigest} of a name, or of its name's key. */
export function clientNameHash(text: string): Buffer {
  return nameDigest(text).subarray(0, clientNameOctets);
}

export const clientNameOctets = 16;

/** SHA-256 of a client's name. */
export function nameDigest(text: string | Uint8Array): Buffer {
  return hash('sha256', text, 'buffer');
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

/** How many blocks are read at once at most. */
const mostAhead = 64;

/** After so many guesses among even keys the right block is found nine times in ten. */
const mostGuesses = 5;

/** A block's number in its table, and the first 32 bits of its first key. */
interface KnownBlock {
  readonly number: number;
  readonly bits: number;
}

const unknownBlock: KnownBlock = { number: 0, bits: 0 };

function bitsOf(block: Buffer): number {
  return block.readUInt32BE(firstRowAt);
}

/** The rows of one table of a run, sorted as octets, read a block at a time. */
export class Table {
  readonly width: number;
  readonly count: number;
  readonly #blocks: BlockReader;
  readonly #firstBlock: number;
  readonly #perBlock: number;
  #knownEnds: readonly [KnownBlock, KnownBlock] | undefined;

  constructor(blocks: BlockReader, firstBlock: number, width: number, count: number) {
    this.#blocks = blocks;
    this.#firstBlock = firstBlock;
    this.width = width;
    this.count = count;
    this.#perBlock = rowsPerBlock(width);
  }

  get blockCount(): number {
    return Math.ceil(this.count / this.#perBlock);
  }

  /** Reads the whole table into memory, before it is asked for much. */
  preload(): void {
    if (this.count > 0) this.#blocks.preload(this.#firstBlock, this.blockCount);
  }

  /** All rows, as stretches of octets, each good until the next one is asked for: a long table takes no more memory than a short one. */
  *allRows(): Generator<Buffer> {
    yield* this.rows(0, this.count, Buffer.allocUnsafeSlow(mostAhead * blockOctets));
  }

  /**
   * The rows from `start` to `end`, as stretches of octets; who reads on and on gets more and more at once.
   *
   * @param into memory that may be used for each stretch anew
   */
  *rows(start: number, end: number, into?: Buffer): Generator<Buffer> {
    const last = start < end ? Math.ceil(end / this.#perBlock) : 0;
    let ahead = 1;
    for (let number = Math.floor(start / this.#perBlock); number < last; ) {
      const count = Math.min(ahead, last - number);
      const blocks = this.#blocksFrom(number, count, into);
      for (let index = 0; index < count; index++, number++) {
        const before = number * this.#perBlock;
        const from = Math.max(start - before, 0);
        const to = Math.min(end - before, this.#perBlock);
        const at = index * blockOctets + firstRowAt;
        yield blocks.subarray(at + from * this.width, at + to * this.width);
      }
      ahead = Math.min(ahead * 2, mostAhead);
    }
  }

  /** The number of the first row that does not sort before `key`. */
  lowerBound(key: Buffer): number {
    // Most keys are hashes or random serials and lie evenly: look where the key should be on the straight line through the two
    // blocks that were looked at last, at first the table's ends. Where they lie unevenly that leads nowhere soon, and the
    // search goes on by halves.
    const wanted = key.readUInt32BE(0);
    let low = 0;
    let high = this.blockCount;
    let [before, last] = this.#ends();
    for (let looks = 0; low < high; looks++) {
      const step = ((wanted - last.bits) / (last.bits - before.bits)) * (last.number - before.number);
      const isGuess = looks < mostGuesses && Number.isFinite(step);
      const guess = isGuess ? Math.floor(last.number + step) : (low + high) >>> 1;
      const number = Math.min(Math.max(guess, low), high - 1);
      const rows = Math.min(this.#perBlock, this.count - number * this.#perBlock);
      const block = this.#block(number);
      if (this.#compare(block, 0, key) >= 0) high = number;
      else if (this.#compare(block, rows - 1, key) < 0) low = number + 1;
      else return number * this.#perBlock + this.#searchBlock(block, rows, key);
      before = last;
      last = { number, bits: bitsOf(block) };
    }
    return Math.min(low * this.#perBlock, this.count);
  }

  /** The stretch of rows that begin with `key`, one after another. */
  *startingWith(key: Buffer): Generator<Buffer> {
    for (const rows of this.rows(this.lowerBound(key), this.count)) {
      for (let at = 0; at < rows.length; at += this.width) {
        if (rows.compare(key, 0, key.length, at, at + key.length) !== 0) return;
        yield rows.subarray(at, at + this.width);
      }
    }
  }

  /** The first row that begins with `key`. */
  find(key: Buffer): Buffer | undefined {
    const row = this.lowerBound(key);
    if (row === this.count) return undefined;
    const at = firstRowAt + (row % this.#perBlock) * this.width;
    const block = this.#block(Math.floor(row / this.#perBlock));
    return compareOctets(block, at, key, 0, key.length) === 0
      ? block.subarray(at, at + this.width)
      : undefined;
  }

  #searchBlock(block: Buffer, rows: number, key: Buffer): number {
    let low = 0;
    let high = rows - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(block, middle, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #ends(): readonly [KnownBlock, KnownBlock] {
    const last = this.blockCount - 1;
    // Who goes to the middle of three has not far to go from there.
    if (last < 3) return [unknownBlock, unknownBlock];
    this.#knownEnds ??= [
      { number: 0, bits: bitsOf(this.#block(0)) },
      { number: last, bits: bitsOf(this.#block(last)) },
    ];
    return this.#knownEnds;
  }

  #compare(block: Buffer, row: number, key: Buffer): number {
    return compareOctets(block, firstRowAt + row * this.width, key, 0, key.length);
  }

  #block(number: number): Buffer {
    return this.#blocksFrom(number, 1);
  }

  #blocksFrom(number: number, count: number, into?: Buffer): Buffer {
    if (number < 0 || number + count > this.blockCount) throw new IndexDamage(`there is no block ${number}`);
    const first = this.#firstBlock + number;
    return count === 1 ? this.#blocks.block(first) : this.#blocks.blocks(first, count, into);
  }
}

/** The tables of a run, with the number of rows of each. */
export type Run = { readonly [N in TableName]: Table };

export type RowCounts = { readonly [N in TableName]: number };

export function openRun(blocks: BlockReader, counts: RowCounts): Run {
  const tables: Partial<Record<TableName, Table>> = {};
  let firstBlock = 0;
  for (const name of tableNames) {
    const table = new Table(blocks, firstBlock, tableWidths[name], counts[name]);
    tables[name] = table;
    firstBlock += table.blockCount;
  }
  return tables as Run;
}

/** What a run covers and how it is called; `entries` tells when it is time to merge it with others. */
export interface RunInfo {
  /** 16 hex digits. */
  readonly id: string;
  readonly entries: number;
  readonly rows: RowCounts;
}

/** What an index holds beside its runs. */
export interface IndexSummary {
  readonly clientCount: number;
  readonly longestValidityMs: number;
  /** Those of `key-compromised` entries, which are few. */
  readonly barredKeys: readonly string[];
  /** Place of the first line, and of the latest `crl-published` of each issuer. */
  readonly authority: Place;
  readonly rootCrl?: Place;
  readonly issuingCrl?: Place;
}
