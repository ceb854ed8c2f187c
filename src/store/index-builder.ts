import { revocationReasons } from '../core/revocation-reason.ts';
import { parseSerial } from '../core/serial.ts';
import { duplicateSerial, unknownSerial } from '../ledger/ledger-state.ts';
import type { BlockWriter } from './index-blocks.ts';
import {
  CertificateRows,
  clientKeyAt,
  keyKeyAt,
  stride,
  supersedesNone,
  supersedesUnknown,
} from './index-rows.ts';
import { type ClientRow, writeRun } from './index-run-writer.ts';
import type { LineScan } from './index-scan.ts';
import {
  certificateRow as at,
  clientHash,
  clientKey,
  flags,
  type Place,
  type RowCounts,
  serialKeyOctets,
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
  readonly #older: OlderRuns;
  readonly #rows: CertificateRows;
  readonly #clients = new Map<string, ClientRow>();
  readonly #revocations: number[] = [];
  readonly #revokedEnds: number[] = [];
  readonly #ended: number[] = [];
  readonly #settled: number[] = [];

  /** @param estimate how many certificates there may be; more is no fault */
  constructor(older: OlderRuns, estimate: number) {
    this.#older = older;
    this.#rows = new CertificateRows(estimate);
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
    return writeRun(
      {
        certificates: this.#rows,
        clients: this.#clients.values(),
        revocations: this.#revocations,
        revokedEnds: this.#revokedEnds,
        ended: this.#ended,
        settled: this.#settled,
      },
      writer,
    );
  }

  #issue(scan: LineScan, octets: Buffer, segment: number, offset: number, length: number): void {
    const known = this.#find(scratchKey(octets, scan.serialStart, scan.serialEnd));
    if (known >= 0) throw duplicateSerial(serialText(octets, scan.serialStart, scan.serialEnd));
    let supersedes = supersedesNone;
    if (scan.supersedesStart >= 0) {
      supersedes = this.#find(scratchKey(octets, scan.supersedesStart, scan.supersedesEnd));
      if (supersedes < 0) throw unknownSerial(serialText(octets, scan.supersedesStart, scan.supersedesEnd));
    }
    const key = scratchKey(octets, scan.serialStart, scan.serialEnd);
    const row = this.#rows.add(key, flags.issued, supersedes);
    const base = row * stride;
    const rows = this.#rows.octets;
    rows[base + at.flags] = flags.issued;
    rows.writeUIntBE(scan.seq, base + at.seq, 6);
    writePlace(rows, base + at.place, segment, offset, length);
    writeSeconds(rows, base + at.notAfter, scan.notAfter);
    clientHash(octets, scan.clientStart, scan.clientEnd, rows, base + clientKeyAt);
    readHex(octets, scan.keyStart, 8, rows, base + keyKeyAt);
    this.longestValidityMs = Math.max(this.longestValidityMs, (scan.notAfter - scan.notBefore) * 1000);
  }

  #deliver(row: number, timeMs: number): void {
    const rows = this.#rows;
    if (rows.has(row, flags.delivered)) return;
    this.#settle(row);
    rows.set(row, flags.delivered);
    rows.octets.writeDoubleBE(timeMs, row * stride + at.deliveredAt);
    for (let older = this.#replacedBy(row); older >= 0; older = this.#replacedBy(older)) {
      if (rows.has(older, flags.superseded)) return;
      this.#settle(older);
      this.#end(older);
      rows.set(older, flags.superseded);
      rows.octets.writeDoubleBE(timeMs, older * stride + at.supersededAt);
    }
  }

  #revoke(row: number, scan: LineScan): void {
    const rows = this.#rows;
    if (rows.has(row, flags.revoked)) return;
    this.#settle(row);
    this.#end(row);
    rows.set(row, flags.revoked);
    const base = row * stride;
    rows.octets.writeUIntBE(scan.seq, base + at.revokedSeq, 6);
    rows.octets.writeDoubleBE(scan.timeMs, base + at.revokedAt);
    rows.octets[base + at.reason] = revocationReasons[scan.reason];
    if (scan.invalidityDate !== undefined) {
      rows.set(row, flags.invalidity);
      writeSeconds(rows.octets, base + at.invalidityDate, scan.invalidityDate);
    }
    this.#revocations.push(row);
    this.#revokedEnds.push(rows.notAfter(row));
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
    const rows = this.#rows;
    if (rows.isIssuedHere(row)) return;
    if (rows.has(row, flags.delivered | flags.superseded | flags.revoked)) return;
    this.#settled.push(rows.octets.readUIntBE(row * stride + at.seq, 6));
  }

  /** Notes that an older run's certificate is live no more. Call before the flag is set. */
  #end(row: number): void {
    const rows = this.#rows;
    if (!rows.isIssuedHere(row) && !rows.has(row, flags.superseded | flags.revoked)) this.#ended.push(row);
  }

  #replacedBy(row: number): number {
    const supersedes = this.#rows.supersedes[row] ?? supersedesNone;
    if (supersedes !== supersedesUnknown) return supersedes;
    const key = this.#older.find(this.#rows.serialKey(row))?.supersedes();
    const found = key ? this.#find(key) : supersedesNone;
    this.#rows.supersedes[row] = found;
    return found;
  }

  #known(octets: Buffer, { serialStart, serialEnd }: LineScan): number {
    const row = this.#find(scratchKey(octets, serialStart, serialEnd));
    if (row < 0) throw unknownSerial(serialText(octets, serialStart, serialEnd));
    return row;
  }

  /** The row of that serial; one is made for a certificate of an older run. −1 if nobody knows it. */
  #find(key: Buffer): number {
    const known = this.#rows.find(key);
    if (known >= 0) return known;
    const older = this.#older.find(key);
    if (!older) return -1;
    const row = this.#rows.add(key, older.flags, supersedesUnknown);
    const rows = this.#rows.octets;
    rows.writeUIntBE(older.seq, row * stride + at.seq, 6);
    writeSeconds(rows, row * stride + at.notAfter, older.notAfter);
    return row;
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
