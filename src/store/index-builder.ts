import { serialFromOctets } from '../core/serial.ts';
import { duplicateSerial, unknownSerial } from '../ledger/ledger-state.ts';
import type { BlockWriter } from './index-blocks.ts';
import { ClientRows } from './index-clients.ts';
import { type LineBatch, serialOctets } from './index-lines.ts';
import { copyWords, writeNumber } from './index-octets.ts';
import {
  CertificateRows,
  clientKeyAt,
  factsAt,
  factsStride,
  stride,
  supersedesNone,
  supersedesUnknown,
} from './index-rows.ts';
import { type SharePostings, writeRun } from './index-run-writer.ts';
import {
  certificateRow as at,
  flags,
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

  /** Takes in a line that was scanned. */
  add(batch: LineBatch, line: number): void {
    this.entries++;
    const type = batch.type(line);
    if (type === 'issued') this.#issue(batch, line);
    else if (type === 'delivered') this.#deliver(this.#known(batch, line), batch.timeMs(line));
    else if (type === 'revoked') this.#revoke(this.#known(batch, line), batch, line);
    else if (type === 'key-compromised') this.#bar(batch, line);
    else if (type === 'client-added') this.#addClient(batch, line);
  }

  /** Writes the tables and gives the numbers of their rows. */
  write(writer: BlockWriter, share?: SharePostings): RowCounts {
    this.#rows.rows.close();
    this.#clients.rows.close();
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
      share,
    );
  }

  #issue(batch: LineBatch, line: number): void {
    let supersedes = supersedesNone;
    if (batch.hasSuperseded(line)) {
      supersedes = this.#find(batch, batch.supersededAt(line));
      if (supersedes < 0) throw unknownSerial(serialIn(batch, batch.supersededAt(line)));
    }
    if (this.#find(batch, batch.serialAt(line)) >= 0)
      throw duplicateSerial(serialIn(batch, batch.serialAt(line)));
    // The draft is the serial that was just looked for.
    const row = this.#rows.add(0, supersedes);
    this.#rows.set(row, flags.issued);
    const { octets, words } = this.#rows.rows;
    const base = row * stride;
    const notAfter = batch.notAfter(line);
    writeSeconds(octets, base + at.notAfter, notAfter);
    writeNumber(octets, base + at.seq, batch.seq(line), 6);
    writePlace(octets, base + at.place, batch.segment, batch.offset(line), batch.length(line));
    // Both hashes stand side by side here and there.
    copyWords(batch.words, batch.hashesAt(line), words, base + clientKeyAt, 16);
    this.longestValidityMs = Math.max(this.longestValidityMs, (notAfter - batch.notBefore(line)) * 1000);
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

  #revoke(row: number, batch: LineBatch, line: number): void {
    const rows = this.#rows;
    if (rows.has(row, flags.revoked)) return;
    this.#settle(row);
    this.#end(row);
    rows.set(row, flags.revoked);
    const { facts } = rows;
    facts.writeDoubleBE(batch.timeMs(line), factOf(row, at.revokedAt));
    writeNumber(facts, factOf(row, at.revokedSeq), batch.seq(line), 6);
    facts[factOf(row, at.reason)] = batch.reason(line);
    if (batch.hasInvalidityDate(line)) {
      rows.set(row, flags.invalidity);
      writeSeconds(facts, factOf(row, at.invalidityDate), batch.invalidityDate(line));
    }
    this.#revocations.push(row);
    this.#revokedEnds.push(rows.notAfter(row));
  }

  #bar(batch: LineBatch, line: number): void {
    this.#known(batch, line);
    const start = batch.barredAt(line);
    this.barredKeys.add(batch.octets.toString('hex', start, start + 32));
  }

  #addClient(batch: LineBatch, line: number): void {
    const row = this.#clients.add(batch, line);
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

  #known(batch: LineBatch, line: number): number {
    const row = this.#find(batch, batch.serialAt(line));
    if (row < 0) throw unknownSerial(serialIn(batch, batch.serialAt(line)));
    return row;
  }

  /** The row of that serial; one is made for a certificate of an older run. −1 if nobody knows it: it is the draft then. */
  #find(batch: LineBatch, serialAt: number): number {
    const { rows } = this.#rows;
    copyWords(batch.words, serialAt, rows.words, rows.draft, serialOctets);
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

function serialIn({ octets }: LineBatch, at: number) {
  return serialFromOctets(octets.subarray(at, at + (octets[at + 20] ?? 0)));
}
