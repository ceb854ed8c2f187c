import { revocationReasons } from '../core/revocation-reason.ts';
import { checkLink } from '../ledger/chain.ts';
import { parseEntry } from '../ledger/entry-codec.ts';
import { copyOctets } from './index-octets.ts';
import { LineScan } from './index-scan.ts';
import { clientHash } from './index-tables.ts';
import type { Journal, JournalPoint } from './journal.ts';

/**
 * What the index takes from one line, 112 octets, as it goes from the scan to the fold, or from one thread to another. Numbers
 * are in the machine's order, places in octets:
 *
 *      0  type, reason; 1 with an invalidity date; 1 with `supersedes`, or for a CRL of the root
 *      4  length of the line without its newline
 *      8  seq, time in ms, offset in its segment: float64 each
 *     32  notBefore, and notAfter or the invalidity date, in Unix seconds: float64 each
 *     48  serial, left-aligned, and its length: 24. Or where the client's name begins and ends in the batch: int32 each
 *     72  the serial that is superseded: 24. Or a key that was compromised: 32
 *     96  hash of the client's name, first octets of the key's SHA-256: 8 each
 */
const lineOctets = 112;
const lineWords = lineOctets / 4;
const lineNumbers = lineOctets / 8;
const at = { serial: 48, name: 48, superseded: 72, barred: 72, clientHash: 96, key: 104 } as const;

const lineTypes = [
  'other',
  'issued',
  'delivered',
  'revoked',
  'key-compromised',
  'client-added',
  'crl-published',
  'authority-created',
] as const;

type LineType = (typeof lineTypes)[number];

const typeCodes = Object.fromEntries(lineTypes.map((type, code) => [type, code])) as Record<LineType, number>;

/** How many lines are in a batch at most: those of a megabyte, or so. */
const batchLines = 2048;

/** Number of lines, segment, octets of the journal. */
const headerOctets = 16;

/** Names of clients follow the lines: to be hashed by who folds, who has less to do than who scans. */
const namesAt = headerOctets + batchLines * lineOctets;
export const batchOctets = namesAt + (1 << 15);

/** Octets of a serial's key with zeros to whole words. */
export const serialOctets = 24;

/** Lines that follow one another in a segment, scanned. */
export class LineBatch {
  readonly octets: Buffer;
  readonly words: Int32Array;
  readonly #numbers: Float64Array;
  #namesEnd = namesAt;

  /** @param memory which another thread may share */
  constructor(memory: ArrayBuffer | SharedArrayBuffer = new ArrayBuffer(batchOctets), start = 0) {
    this.octets = Buffer.from(memory, start, batchOctets);
    this.words = new Int32Array(memory, start, batchOctets / 4);
    this.#numbers = new Float64Array(memory, start, batchOctets / 8);
  }

  get count(): number {
    return this.words[0] ?? 0;
  }

  get segment(): number {
    return this.words[1] ?? 0;
  }

  /** How much of the journal these lines are. */
  get journalOctets(): number {
    return this.words[2] ?? 0;
  }

  type(line: number): LineType {
    return lineTypes[this.octets[headerOctets + line * lineOctets] ?? 0] ?? 'other';
  }

  /** CRLReason code. */
  reason(line: number): number {
    return this.octets[headerOctets + line * lineOctets + 1] ?? 0;
  }

  hasInvalidityDate(line: number): boolean {
    return this.octets[headerOctets + line * lineOctets + 2] === 1;
  }

  hasSuperseded(line: number): boolean {
    return this.octets[headerOctets + line * lineOctets + 3] === 1;
  }

  isRoot(line: number): boolean {
    return this.hasSuperseded(line);
  }

  length(line: number): number {
    return this.words[(headerOctets + line * lineOctets + 4) >> 2] ?? 0;
  }

  seq(line: number): number {
    return this.#number(line, 1);
  }

  timeMs(line: number): number {
    return this.#number(line, 2);
  }

  offset(line: number): number {
    return this.#number(line, 3);
  }

  notBefore(line: number): number {
    return this.#number(line, 4);
  }

  notAfter(line: number): number {
    return this.#number(line, 5);
  }

  invalidityDate(line: number): number {
    return this.#number(line, 5);
  }

  /** Where in {@link octets} the client's name begins and ends. */
  nameStart(line: number): number {
    return this.words[(headerOctets + line * lineOctets + at.name) >> 2] ?? 0;
  }

  nameEnd(line: number): number {
    return this.words[((headerOctets + line * lineOctets + at.name) >> 2) + 1] ?? 0;
  }

  /** Where in {@link octets} these stand: each begins with a word. */
  serialAt(line: number): number {
    return headerOctets + line * lineOctets + at.serial;
  }

  supersededAt(line: number): number {
    return headerOctets + line * lineOctets + at.superseded;
  }

  barredAt(line: number): number {
    return headerOctets + line * lineOctets + at.barred;
  }

  /** Of the client's name, then of the key. */
  hashesAt(line: number): number {
    return headerOctets + line * lineOctets + at.clientHash;
  }

  /** Scans lines from there on until the octets end, this is full, or a line is not canonical or not the next: gives where. */
  fill(
    scan: LineScan,
    octets: Buffer,
    from: number,
    before: { segment: number; offset: number; seq: number },
  ): number {
    let next = from;
    let count = 0;
    this.#namesEnd = namesAt;
    for (; next < octets.length && count < batchLines; count++) {
      if (!scan.read(octets, next) || scan.seq !== before.seq + count + 1) break;
      if (this.#namesEnd + scan.clientEnd - scan.clientStart > batchOctets) break;
      this.#put(scan, count, before.offset + next, scan.end - next);
      next = scan.end + 1;
    }
    this.words[0] = count;
    this.words[1] = before.segment;
    this.words[2] = next - from;
    return next;
  }

  #put(scan: LineScan, line: number, offset: number, length: number): void {
    const { octets } = this;
    const { type, view } = scan;
    const start = headerOctets + line * lineOctets;
    const number = (headerOctets >> 3) + line * lineNumbers;
    octets[start] = typeCodes[type];
    this.words[(headerOctets >> 2) + line * lineWords + 1] = length;
    this.#numbers[number + 1] = scan.seq;
    this.#numbers[number + 2] = scan.timeMs;
    this.#numbers[number + 3] = offset;
    if (type === 'issued') {
      octets[start + 3] = scan.supersedesStart < 0 ? 0 : 1;
      this.#numbers[number + 4] = scan.notBefore;
      this.#numbers[number + 5] = scan.notAfter;
      writeSerialKey(view, scan.serialStart, scan.serialEnd, octets, start + at.serial);
      if (scan.supersedesStart >= 0)
        writeSerialKey(view, scan.supersedesStart, scan.supersedesEnd, octets, start + at.superseded);
      clientHash(scan.octets, scan.clientStart, scan.clientEnd, octets, start + at.clientHash);
      readHex(view, scan.keyStart, 8, octets, start + at.key);
    } else if (type === 'delivered') {
      writeSerialKey(view, scan.serialStart, scan.serialEnd, octets, start + at.serial);
    } else if (type === 'revoked') {
      writeSerialKey(view, scan.serialStart, scan.serialEnd, octets, start + at.serial);
      octets[start + 1] = revocationReasons[scan.reason];
      octets[start + 2] = scan.invalidityDate === undefined ? 0 : 1;
      this.#numbers[number + 5] = scan.invalidityDate ?? 0;
    } else if (type === 'key-compromised') {
      writeSerialKey(view, scan.serialStart, scan.serialEnd, octets, start + at.serial);
      readHex(view, scan.keyStart, 32, octets, start + at.barred);
    } else if (type === 'client-added') {
      const { clientStart, clientEnd } = scan;
      const nameAt = (start + at.name) >> 2;
      copyOctets(scan.octets, clientStart, octets, this.#namesEnd, clientEnd - clientStart);
      this.words[nameAt] = this.#namesEnd;
      this.#namesEnd += clientEnd - clientStart;
      this.words[nameAt + 1] = this.#namesEnd;
    } else if (type === 'crl-published') octets[start + 3] = scan.isRoot ? 1 : 0;
  }

  #number(line: number, index: number): number {
    return this.#numbers[(headerOctets >> 3) + line * lineNumbers + index] ?? 0;
  }
}

/** From where lines are scanned: the segment, its octets and lines before that, and the number of the last line. */
export type ScanStart = Pick<JournalPoint, 'segment' | 'offset' | 'line' | 'seq'>;

/**
 * The journal's lines after a point, scanned, a batch at a time. Throws `ledger/…` at the first that is not canonical.
 *
 * @param nextBatch what the next lines are put into; it is given back filled
 */
export function* scanLines(
  journal: Journal,
  start: ScanStart,
  nextBatch: () => LineBatch,
): Generator<LineBatch, void> {
  const scan = new LineScan();
  let { segment, line, seq } = start;
  for (const chunk of journal.chunksAfter(start)) {
    if (chunk.segment !== segment) line = 0;
    segment = chunk.segment;
    const { octets, offset } = chunk;
    for (let from = 0; from < octets.length; ) {
      const batch = nextBatch();
      const next = batch.fill(scan, octets, from, { segment, offset, seq });
      if (next === from)
        refuse(octets.subarray(from, octets.indexOf(0x0a, from)), seq, journal.where(segment, line + 1));
      from = next;
      line += batch.count;
      seq += batch.count;
      yield batch;
    }
  }
}

/** Throws what is wrong with a line that the scan did not understand, or that is out of order. */
function refuse(line: Buffer, seq: number, where: string): never {
  const entry = parseEntry(line, where);
  checkLink(entry, { seq, hash: entry.prev }, where);
  throw new Error(`${where} is canonical, and was not understood`);
}

/** Writes the key of a serial in hex, and zeros up to what follows it in a row. */
function writeSerialKey(view: DataView, start: number, end: number, into: Buffer, at: number): void {
  const length = Math.min((end - start) >>> 1, 20);
  readHex(view, start, length, into, at);
  for (let index = length; index < serialOctets; index++) into[at + index] = 0;
  into[at + 20] = length;
}

/** Reads octets in lower-case hex, two at a time: `a` to `f` are nine more than their low four bits. */
function readHex(view: DataView, start: number, octets: number, into: Buffer, at: number): void {
  for (let index = 0; index < octets; index += 2) {
    // With an odd number of octets the quote after them, and what follows, makes one too many.
    const digits = view.getInt32(start + 2 * index);
    const nibbles = (digits & 0x0f0f0f0f) + 9 * ((digits >>> 6) & 0x01010101);
    into[at + index] = (nibbles >>> 20) | (nibbles >>> 16);
    into[at + index + 1] = (nibbles >>> 4) | nibbles;
  }
}
