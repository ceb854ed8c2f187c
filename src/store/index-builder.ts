import { revocationReasons } from '../core/revocation-reason.ts';
import { parseSerial } from '../core/serial.ts';
import { duplicateSerial, unknownSerial } from '../ledger/ledger-state.ts';
import type { BlockWriter } from './index-blocks.ts';
import type { LineScan } from './index-scan.ts';
import {
  certificateRow as at,
  clientHash,
  clientKey,
  compareOctets,
  flags,
  mix,
  type Place,
  type RowCounts,
  secondsBias,
  serialKeyOctets,
  type TableName,
  tableNames,
  tableWidths,
  writePlace,
  writeSeconds,
} from './index-tables.ts';

/** What the runs before this one know. Keys as in the tables. */
export interface OlderRuns {
  find(serialKey: Buffer): OlderCertificate | undefined;
  hasClient(clientKey: Buffer): boolean;
}

export interface OlderCertificate {
  readonly seq: number;
  readonly notAfter: number;
  readonly flags: number;
  /** The key of the certificate that this one takes over from. */
  supersedes(): Buffer | undefined;
}

interface ClientRow {
  readonly key: Buffer;
  /** The first octets of the key, to sort by. */
  readonly order: number;
  readonly firstSeq: number;
  readonly addedAt: number;
  place: Place;
}

const width = tableWidths.certificates;
/** In memory a row is followed by the keys of `byClient` and `byKey`. */
const clientAt = width;
const keyAt = width + 8;
const stride = width + 16;

/**
 * Folds scanned lines into the tables of one run, about 120 octets of memory a certificate: a row each, found by its serial
 * in a hash table; sorting comes at the end.
 */
export class RunBuilder {
  clientCount = 0;
  longestValidityMs = 0;
  entries = 0;
  /** Keys that were compromised after their certificate's revocation, in hex. */
  readonly barredKeys = new Set<string>();
  readonly #older: OlderRuns;
  #rows: Buffer;
  #count = 0;
  /** All flags that hold, those from older runs included; the row's own flags are this run's facts. */
  #state: Uint8Array;
  /** The row of the certificate that it takes over from; −1: none, −2: ask the older runs. */
  #supersedes: Int32Array;
  #slots: Int32Array;
  readonly #clients = new Map<string, ClientRow>();
  readonly #revocations: number[] = [];
  readonly #revokedEnds: number[] = [];
  readonly #supersededEnds: number[] = [];
  readonly #bothEnds: number[] = [];
  readonly #settled: number[] = [];

  /** @param estimate how many certificates there may be; more is no fault */
  constructor(older: OlderRuns, estimate: number) {
    this.#older = older;
    const capacity = Math.max(estimate, 64);
    this.#rows = Buffer.alloc(capacity * stride);
    this.#state = new Uint8Array(capacity);
    this.#supersedes = new Int32Array(capacity);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2))).fill(-1);
  }

  /** Takes in the line that was scanned from `octets`, which lies at that place. */
  add(scan: LineScan, octets: Buffer, segment: number, offset: number, length: number): void {
    this.entries++;
    if (scan.type === 'issued') this.#issue(scan, octets, segment, offset, length);
    else if (scan.type === 'delivered') this.#deliver(this.#known(octets, scan), scan.timeMs);
    else if (scan.type === 'revoked') this.#revoke(this.#known(octets, scan), scan);
    else if (scan.type === 'key-compromised') this.#bar(octets, scan);
    else if (scan.type === 'client-added') this.#addClient(scan, octets, { segment, offset, length });
  }

  /** Writes the tables and gives the numbers of their rows. */
  write(writer: BlockWriter): RowCounts {
    const counts: Partial<Record<TableName, number>> = {};
    for (const name of tableNames) {
      writer.begin(tableWidths[name]);
      this.#writeTable(name, writer);
      counts[name] = writer.end();
    }
    writer.finish();
    return counts as RowCounts;
  }

  #issue(scan: LineScan, octets: Buffer, segment: number, offset: number, length: number): void {
    const key = scratchKey(octets, scan.serialStart, scan.serialEnd);
    const olderRow = this.#find(key);
    if (olderRow >= 0) throw duplicateSerial(serialText(octets, scan.serialStart, scan.serialEnd));
    let supersedes = -1;
    if (scan.supersedesStart >= 0) {
      supersedes = this.#find(scratchKey(octets, scan.supersedesStart, scan.supersedesEnd));
      if (supersedes < 0) throw unknownSerial(serialText(octets, scan.supersedesStart, scan.supersedesEnd));
    }
    const row = this.#newRow(scratchKey(octets, scan.serialStart, scan.serialEnd), flags.issued, supersedes);
    const base = row * stride;
    const rows = this.#rows;
    rows[base + at.flags] = flags.issued;
    rows.writeUIntBE(scan.seq, base + at.seq, 6);
    writePlace(rows, base + at.place, segment, offset, length);
    writeSeconds(rows, base + at.notAfter, scan.notAfter);
    clientHash(octets, scan.clientStart, scan.clientEnd, rows, base + clientAt);
    readHex(octets, scan.keyStart, 8, rows, base + keyAt);
    this.longestValidityMs = Math.max(this.longestValidityMs, (scan.notAfter - scan.notBefore) * 1000);
  }

  #deliver(row: number, timeMs: number): void {
    if (this.#has(row, flags.delivered)) return;
    this.#settle(row);
    this.#set(row, flags.delivered);
    this.#rows.writeDoubleBE(timeMs, row * stride + at.deliveredAt);
    for (let older = this.#replacedBy(row); older >= 0; older = this.#replacedBy(older)) {
      if (this.#has(older, flags.superseded)) return;
      this.#settle(older);
      this.#set(older, flags.superseded);
      this.#rows.writeDoubleBE(timeMs, older * stride + at.supersededAt);
      this.#supersededEnds.push(this.#notAfter(older));
      if (this.#has(older, flags.revoked)) this.#bothEnds.push(this.#notAfter(older));
    }
  }

  #revoke(row: number, scan: LineScan): void {
    if (this.#has(row, flags.revoked)) return;
    this.#settle(row);
    this.#set(row, flags.revoked);
    const base = row * stride;
    this.#rows.writeUIntBE(scan.seq, base + at.revokedSeq, 6);
    this.#rows.writeDoubleBE(scan.timeMs, base + at.revokedAt);
    this.#rows[base + at.reason] = revocationReasons[scan.reason];
    if (scan.invalidityDate !== undefined) {
      this.#set(row, flags.invalidity);
      writeSeconds(this.#rows, base + at.invalidityDate, scan.invalidityDate);
    }
    this.#revocations.push(row);
    this.#revokedEnds.push(this.#notAfter(row));
    if (this.#has(row, flags.superseded)) this.#bothEnds.push(this.#notAfter(row));
  }

  #bar(octets: Buffer, scan: LineScan): void {
    this.#known(octets, scan);
    this.barredKeys.add(octets.toString('latin1', scan.keyStart, scan.keyStart + 64));
  }

  #addClient(scan: LineScan, octets: Buffer, place: Place): void {
    const name = octets.toString('utf8', scan.clientStart, scan.clientEnd);
    const known = this.#clients.get(name);
    if (known) {
      known.place = place;
      return;
    }
    const key = clientKey(name);
    this.#clients.set(name, {
      key,
      order: key.readUIntBE(0, 6),
      firstSeq: scan.seq,
      addedAt: scan.timeMs,
      place,
    });
    if (!this.#older.hasClient(key)) this.clientCount++;
  }

  /** Notes that an older run's certificate is owed no delivery any more. Call before the flag is set. */
  #settle(row: number): void {
    if (this.#rowHas(row, flags.issued)) return;
    if (this.#has(row, flags.delivered | flags.superseded | flags.revoked)) return;
    this.#settled.push(this.#rows.readUIntBE(row * stride + at.seq, 6));
  }

  #replacedBy(row: number): number {
    const supersedes = this.#supersedes[row] ?? -1;
    if (supersedes !== -2) return supersedes;
    const key = this.#older.find(this.#serialKey(row))?.supersedes();
    const found = key ? this.#find(key) : -1;
    this.#supersedes[row] = found;
    return found;
  }

  #known(octets: Buffer, { serialStart, serialEnd }: LineScan): number {
    const row = this.#find(scratchKey(octets, serialStart, serialEnd));
    if (row < 0) throw unknownSerial(serialText(octets, serialStart, serialEnd));
    return row;
  }

  /** The row of that serial; one is made for a certificate of an older run. −1 if nobody knows it. */
  #find(key: Buffer): number {
    // Most certificates are delivered right after they were issued.
    const last = this.#count - 1;
    if (last >= 0 && compareOctets(this.#rows, last * stride, key, 0, serialKeyOctets) === 0) return last;
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(key, 0) & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot] ?? -1;
      if (row < 0) break;
      if (compareOctets(this.#rows, row * stride, key, 0, serialKeyOctets) === 0) return row;
    }
    const older = this.#older.find(key);
    if (!older) return -1;
    const row = this.#newRow(key, older.flags, -2);
    this.#rows.writeUIntBE(older.seq, row * stride + at.seq, 6);
    writeSeconds(this.#rows, row * stride + at.notAfter, older.notAfter);
    return row;
  }

  #newRow(key: Buffer, state: number, supersedes: number): number {
    if (this.#count === this.#state.length) this.#grow();
    const row = this.#count++;
    copy(key, 0, this.#rows, row * stride, serialKeyOctets);
    this.#state[row] = state;
    this.#supersedes[row] = supersedes;
    this.#enter(row);
    return row;
  }

  #enter(row: number): void {
    const mask = this.#slots.length - 1;
    let slot = hashOf(this.#rows, row * stride) & mask;
    while ((this.#slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row;
  }

  #grow(): void {
    const capacity = this.#state.length * 2;
    const rows = Buffer.alloc(capacity * stride);
    rows.set(this.#rows);
    this.#rows = rows;
    const state = new Uint8Array(capacity);
    state.set(this.#state);
    this.#state = state;
    const supersedes = new Int32Array(capacity);
    supersedes.set(this.#supersedes);
    this.#supersedes = supersedes;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2))).fill(-1);
    for (let row = 0; row < this.#count; row++) this.#enter(row);
  }

  #serialKey(row: number): Buffer {
    return this.#rows.subarray(row * stride, row * stride + serialKeyOctets);
  }

  #notAfter(row: number): number {
    return this.#rows.readUIntBE(row * stride + at.notAfter, 5);
  }

  #has(row: number, flag: number): boolean {
    return ((this.#state[row] ?? 0) & flag) !== 0;
  }

  #rowHas(row: number, flag: number): boolean {
    return ((this.#rows[row * stride + at.flags] ?? 0) & flag) !== 0;
  }

  #set(row: number, flag: number): void {
    this.#state[row] = (this.#state[row] ?? 0) | flag;
    const flagsAt = row * stride + at.flags;
    this.#rows[flagsAt] = (this.#rows[flagsAt] ?? 0) | flag;
  }

  #writeTable(name: TableName, writer: BlockWriter): void {
    if (name === 'certificates') this.#writeCertificates(writer);
    else if (name === 'byClient') this.#writePostings(writer, clientAt);
    else if (name === 'byKey') this.#writePostings(writer, keyAt);
    else if (name === 'byNotAfter') this.#writeByNotAfter(writer);
    else if (name === 'revokedEnds') writeSorted(writer, this.#revokedEnds, 5);
    else if (name === 'supersededEnds') writeSorted(writer, this.#supersededEnds, 5);
    else if (name === 'bothEnds') writeSorted(writer, this.#bothEnds, 5);
    else if (name === 'undelivered') this.#writeUndelivered(writer);
    else if (name === 'settled') writeSorted(writer, this.#settled, 6);
    else if (name === 'revocations') this.#writeRevocations(writer);
    else this.#writeClients(writer);
  }

  #writeCertificates(writer: BlockWriter): void {
    for (const row of this.#sort(0, serialKeyOctets, (candidate) => this.#rowHas(candidate, 0xff))) {
      const into = writer.row();
      copy(this.#rows, row * stride, writer.buffer, into, width);
      if (this.#rowHas(row, flags.issued)) continue;
      // What an older run has said is not said again.
      writer.buffer.fill(0, into + at.seq, into + at.deliveredAt);
    }
  }

  #writePostings(writer: BlockWriter, keyAt: number): void {
    for (const row of this.#sort(keyAt, 8, (candidate) => this.#rowHas(candidate, flags.issued))) {
      const into = writer.row();
      const base = row * stride;
      copy(this.#rows, base + keyAt, writer.buffer, into, 8);
      copy(this.#rows, base + at.seq, writer.buffer, into + 8, 19);
    }
  }

  #writeByNotAfter(writer: BlockWriter): void {
    for (const row of this.#sort(at.notAfter, 5, (candidate) => this.#rowHas(candidate, flags.issued))) {
      const into = writer.row();
      const base = row * stride;
      copy(this.#rows, base + at.notAfter, writer.buffer, into, 5);
      copy(this.#rows, base + at.seq, writer.buffer, into + 5, 19);
    }
  }

  #writeUndelivered(writer: BlockWriter): void {
    for (let row = 0; row < this.#count; row++) {
      if (!this.#rowHas(row, flags.issued)) continue;
      if (this.#has(row, flags.delivered | flags.superseded | flags.revoked)) continue;
      copy(this.#rows, row * stride + at.seq, writer.buffer, writer.row(), 19);
    }
  }

  #writeRevocations(writer: BlockWriter): void {
    const rows = this.#rows;
    for (const row of this.#revocations) {
      const into = writer.row();
      const base = row * stride;
      copy(rows, base + at.revokedSeq, writer.buffer, into, 6);
      copy(rows, base + at.notAfter, writer.buffer, into + 6, 5);
      const page = into + 11;
      writer.buffer[page] = rows[base + 20] ?? 0;
      copy(rows, base + at.serial, writer.buffer, page + 1, 20);
      writer.buffer[page + 21] = rows[base + at.reason] ?? 0;
      writer.buffer.writeUIntBE(Math.floor(rows.readDoubleBE(base + at.revokedAt) / 1000), page + 22, 5);
      const invalidity = this.#rowHas(row, flags.invalidity)
        ? rows.readUIntBE(base + at.invalidityDate, 5) - secondsBias
        : 0;
      writer.buffer.writeUIntBE(invalidity, page + 27, 5);
    }
  }

  #writeClients(writer: BlockWriter): void {
    const rows = [...this.#clients.values()].sort((a, b) => a.order - b.order || a.key.compare(b.key));
    for (const { key, firstSeq, addedAt, place } of rows) {
      const into = writer.row();
      writer.buffer.set(key, into);
      writer.buffer.writeUIntBE(firstSeq, into + 32, 6);
      writer.buffer.writeDoubleBE(addedAt, into + 38);
      writePlace(writer.buffer, into + 46, place.segment, place.offset, place.length);
    }
  }

  /**
   * The rows that pass, sorted by the octets at `start`, and rows with the same octets in the order they came: by 32 bits
   * of the key, and then in full where these do not tell neighbours apart.
   */
  #sort(start: number, length: number, passes: (row: number) => boolean): Uint32Array {
    const rows = this.#rows;
    // The high octet of dates is the same for most of them: then the low ones tell them apart.
    const bitsAt = length === 5 && this.#isSame(start, passes) ? start + 1 : start;
    const bits = new Uint32Array(this.#count);
    const passing = new Uint32Array(this.#count);
    let count = 0;
    for (let row = 0; row < this.#count; row++) {
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
    for (let row = 0; row < this.#count; row++) {
      if (!passes(row)) continue;
      const octet = this.#rows[row * stride + octetAt] ?? 0;
      if (first < 0) first = octet;
      else if (octet !== first) return false;
    }
    return true;
  }
}

const scratch = Buffer.alloc(serialKeyOctets);

/** The key of a serial in hex, in a buffer that the next call overwrites. */
function scratchKey(octets: Buffer, start: number, end: number): Buffer {
  const length = Math.min((end - start) >>> 1, 20);
  readHex(octets, start, length, scratch, 0);
  for (let index = length; index < 20; index++) scratch[index] = 0;
  scratch[20] = length;
  return scratch;
}

function readHex(from: Buffer, start: number, octets: number, into: Buffer, at: number): void {
  for (let index = 0; index < octets; index++) {
    const digits = start + 2 * index;
    into[at + index] = ((nibbles[from[digits] ?? 0] ?? 0) << 4) | (nibbles[from[digits + 1] ?? 0] ?? 0);
  }
}

/** The value of each lower-case hex digit. */
const nibbles = new Uint8Array(256);
for (let value = 0; value < 16; value++) nibbles[value.toString(16).charCodeAt(0)] = value;

function serialText(octets: Buffer, start: number, end: number) {
  return parseSerial(octets.toString('latin1', start, end));
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

function copy(from: Buffer, start: number, into: Buffer, at: number, length: number): void {
  for (let index = 0; index < length; index++) into[at + index] = from[start + index] ?? 0;
}

function writeSorted(writer: BlockWriter, numbers: readonly number[], octets: number): void {
  for (const number of Float64Array.from(numbers).sort())
    writer.buffer.writeUIntBE(number, writer.row(), octets);
}
