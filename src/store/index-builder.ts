import { revocationReasons } from '../core/revocation-reason.ts';
import { parseSerial } from '../core/serial.ts';
import { duplicateSerial, unknownSerial } from '../ledger/ledger-state.ts';
import type { BlockWriter } from './index-blocks.ts';
import { ClientRows } from './index-clients.ts';
import {
  CertificateRows,
  clientKeyAt,
  factsAt,
  factsStride,
  keyKeyAt,
  stride,
  supersedesNone,
  supersedesUnknown,
} from './index-rows.ts';
import { writeRun } from './index-run-writer.ts';
import type { LineScan } from './index-scan.ts';
import {
  certificateRow as at,
  clientHash,
  flags,
  type RowCounts,
  serialKeyOctets,
  writeNumber,
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

/** Folds scanned lines into what one run says. */
export class RunBuilder {
  clientCount = 0;
  longestValidityMs = 0;
  entries = 0;
  /** Keys that were compromised after their certificate's revocation, in hex. */
  readonly barredKeys = new Set<string>();
  readonly #older: OlderRuns | undefined;
  readonly #rows: CertificateRows;
  readonly #clients: ClientRows;
  /** By their rows, those that were looked up in older runs. */
  readonly #olderCertificates = new Map<number, OlderCertificate>();
  readonly #revocations: number[] = [];
  readonly #revokedEnds: number[] = [];
  readonly #ended: number[] = [];
  readonly #settled: number[] = [];

  /** @param estimate how many certificates there may be; more is no fault */
  constructor(older: OlderRuns | undefined, estimate: number) {
    this.#older = older;
    this.#rows = new CertificateRows(estimate);
    this.#clients = new ClientRows(Math.ceil(estimate / 4));
  }

  /** Takes in the line that was scanned, which lies at that place. */
  add(scan: LineScan, segment: number, offset: number, length: number): void {
    this.entries++;
    if (scan.type === 'issued') this.#issue(scan, segment, offset, length);
    else if (scan.type === 'delivered') this.#deliver(this.#known(scan), scan.timeMs);
    else if (scan.type === 'revoked') this.#revoke(this.#known(scan), scan);
    else if (scan.type === 'key-compromised') this.#bar(scan);
    else if (scan.type === 'client-added') this.#addClient(scan, segment, offset, length);
  }

  /** Writes the tables and gives the numbers of their rows. */
  write(writer: BlockWriter): RowCounts {
    return writeRun(
      {
        certificates: this.#rows,
        clients: this.#clients,
        revocations: this.#revocations,
        revokedEnds: this.#revokedEnds,
        ended: this.#ended,
        settled: this.#settled,
      },
      writer,
    );
  }

  #issue(scan: LineScan, segment: number, offset: number, length: number): void {
    let supersedes = supersedesNone;
    if (scan.supersedesStart >= 0) {
      supersedes = this.#find(scan, scan.supersedesStart, scan.supersedesEnd);
      if (supersedes < 0) throw unknownSerial(serialText(scan, scan.supersedesStart, scan.supersedesEnd));
    }
    if (this.#find(scan, scan.serialStart, scan.serialEnd) >= 0)
      throw duplicateSerial(serialText(scan, scan.serialStart, scan.serialEnd));
    // The draft is the serial that was just looked for.
    const row = this.#rows.add(0, supersedes);
    this.#rows.set(row, flags.issued);
    const rows = this.#rows.octets;
    const base = row * stride;
    writeSeconds(rows, base + at.notAfter, scan.notAfter);
    writeNumber(rows, base + at.seq, scan.seq, 6);
    writePlace(rows, base + at.place, segment, offset, length);
    clientHash(scan.octets, scan.clientStart, scan.clientEnd, rows, base + clientKeyAt);
    readHex(scan.view, scan.keyStart, 8, rows, base + keyKeyAt);
    this.longestValidityMs = Math.max(this.longestValidityMs, (scan.notAfter - scan.notBefore) * 1000);
  }

  #deliver(row: number, timeMs: number): void {
    const rows = this.#rows;
    if (rows.has(row, flags.delivered)) return;
    this.#settle(row);
    rows.set(row, flags.delivered);
    rows.facts.writeDoubleBE(timeMs, factOf(row, at.deliveredAt));
    for (let older = this.#replacedBy(row); older >= 0; older = this.#replacedBy(older)) {
      if (rows.has(older, flags.superseded)) return;
      this.#settle(older);
      this.#end(older);
      rows.set(older, flags.superseded);
      rows.facts.writeDoubleBE(timeMs, factOf(older, at.supersededAt));
    }
  }

  #revoke(row: number, scan: LineScan): void {
    const rows = this.#rows;
    if (rows.has(row, flags.revoked)) return;
    this.#settle(row);
    this.#end(row);
    rows.set(row, flags.revoked);
    const { facts } = rows;
    facts.writeDoubleBE(scan.timeMs, factOf(row, at.revokedAt));
    writeNumber(facts, factOf(row, at.revokedSeq), scan.seq, 6);
    facts[factOf(row, at.reason)] = revocationReasons[scan.reason];
    if (scan.invalidityDate !== undefined) {
      rows.set(row, flags.invalidity);
      writeSeconds(facts, factOf(row, at.invalidityDate), scan.invalidityDate);
    }
    this.#revocations.push(row);
    this.#revokedEnds.push(rows.notAfter(row));
  }

  #bar(scan: LineScan): void {
    this.#known(scan);
    this.barredKeys.add(scan.octets.toString('latin1', scan.keyStart, scan.keyStart + 64));
  }

  #addClient(scan: LineScan, segment: number, offset: number, length: number): void {
    const row = this.#clients.add(scan, segment, offset, length);
    if (row >= 0 && !this.#older?.hasClient(this.#clients.key(row))) this.clientCount++;
  }

  /** Notes that an older run's certificate is owed no delivery any more. Call before the flag is set. */
  #settle(row: number): void {
    const rows = this.#rows;
    if (rows.isIssuedHere(row)) return;
    if (rows.has(row, flags.delivered | flags.superseded | flags.revoked)) return;
    this.#settled.push(rows.seq(row));
  }

  /** Notes that an older run's certificate is live no more. Call before the flag is set. */
  #end(row: number): void {
    const rows = this.#rows;
    if (!rows.isIssuedHere(row) && !rows.has(row, flags.superseded | flags.revoked)) this.#ended.push(row);
  }

  #replacedBy(row: number): number {
    const supersedes = this.#rows.supersedes(row);
    if (supersedes !== supersedesUnknown) return supersedes;
    const key = this.#olderCertificates.get(row)?.supersedes();
    const found = key ? this.#findKey(key) : supersedesNone;
    this.#rows.replace(row, found);
    return found;
  }

  #known(scan: LineScan): number {
    const row = this.#find(scan, scan.serialStart, scan.serialEnd);
    if (row < 0) throw unknownSerial(serialText(scan, scan.serialStart, scan.serialEnd));
    return row;
  }

  /** The row of that serial; one is made for a certificate of an older run. −1 if nobody knows it: it is the draft then. */
  #find({ view }: LineScan, start: number, end: number): number {
    const { rows } = this.#rows;
    writeSerialKey(view, start, end, rows.octets, rows.draft);
    return this.#findDraft();
  }

  #findKey(key: Buffer): number {
    const { rows } = this.#rows;
    rows.octets.fill(0, rows.draft, rows.draft + at.notAfter);
    rows.octets.set(key, rows.draft);
    return this.#findDraft();
  }

  #findDraft(): number {
    const { rows } = this.#rows;
    const known = rows.find();
    if (known >= 0 || !this.#older) return known;
    const older = this.#older.find(rows.octets.subarray(rows.draft, rows.draft + serialKeyOctets));
    if (!older) return -1;
    const row = this.#rows.add(older.flags, supersedesUnknown);
    this.#olderCertificates.set(row, older);
    const base = row * stride;
    writeNumber(rows.octets, base + at.seq, older.seq, 6);
    writeSeconds(rows.octets, base + at.notAfter, older.notAfter);
    return row;
  }
}

/** Where in the facts a part of a certificate's row stands. */
function factOf(row: number, part: number): number {
  return row * factsStride + part - factsAt;
}

/** Writes the key of a serial in hex, and zeros up to what follows it in a row. */
function writeSerialKey(view: DataView, start: number, end: number, into: Buffer, at: number): void {
  const length = Math.min((end - start) >>> 1, 20);
  readHex(view, start, length, into, at);
  for (let index = length; index < 24; index++) into[at + index] = 0;
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

function serialText({ octets }: LineScan, start: number, end: number) {
  return parseSerial(octets.toString('latin1', start, end));
}
