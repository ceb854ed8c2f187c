import { CrlEntryEncoder } from '../core/crl-entry.ts';
import { type BlockWriter, blocksFor } from './index-blocks.ts';
import type { ClientRows } from './index-clients.ts';
import { gather, inStretches } from './index-gather.ts';
import { copyOctets, writeNumber } from './index-octets.ts';
import {
  isPosting,
  type PostingPlan,
  postingNames,
  type SharedPostings,
  writePostings,
  writePostingTable,
} from './index-postings.ts';
import { type CertificateRows, factsAt, factsOctets, factsStride, stride } from './index-rows.ts';
import { SortSpace, sortRows } from './index-sort.ts';
import {
  certificateRow as at,
  endRowOctets,
  flags,
  type RowCounts,
  readSeconds,
  serialKeyOctets,
  type TableName,
  tableNames,
  tableWidths,
} from './index-tables.ts';

/** What a run is written from. Seconds are with their bias, as in the tables. */
export interface RunContents {
  readonly certificates: CertificateRows;
  readonly clients: ClientRows;
  /** Rows in the order of their revocation. */
  readonly revocations: readonly number[];
  readonly revokedEnds: readonly number[];
  /** Rows of older runs' certificates that are live no more. */
  readonly ended: readonly number[];
  readonly settled: readonly number[];
}

/** Lets another thread begin with these tables, where there is one. */
export type SharePostings = (plan: PostingPlan) => SharedPostings;

/** Writes the tables of a run, and gives the numbers of their rows. */
export function writeRun(run: RunContents, writer: BlockWriter, share?: SharePostings): RowCounts {
  const counts: Partial<Record<TableName, number>> = {};
  const { certificates } = run;
  const issued = certificates.saying(flags.issued);
  const all = certificates.saying(0xff);
  const { rows } = certificates;
  const byClient = blocksFor(all.length, tableWidths.certificates);
  const issuedCount = issued.length;
  const blocks = { byClient, byKey: byClient + blocksFor(issuedCount, tableWidths.byClient) };
  const shared = share?.({ memory: rows.memory, count: rows.count, blocks });
  const space = new SortSpace(rows.count);
  const byEnd = sortRows(rows, issued, at.notAfter, 5, space);
  for (const name of tableNames) {
    writer.begin(tableWidths[name]);
    if (name === 'certificates') writeCertificates(certificates, all, writer, space);
    else if (isPosting(name) && shared) writer.leave(issuedCount);
    else if (isPosting(name)) writePostings(rows, name, writer, space);
    else if (name === 'byNotAfter') writeEnds(certificates, byEnd, writer);
    else if (name === 'live') writeLive(certificates, byEnd, writer);
    else if (name === 'revokedEnds') writeSorted(writer, run.revokedEnds, 5);
    else if (name === 'ended') writeEnded(run, writer);
    else if (name === 'undelivered') writeUndelivered(certificates, writer);
    else if (name === 'settled') writeSorted(writer, run.settled, 6);
    else if (name === 'revocations') writeRevocations(run, writer);
    else if (name === 'crlEntries') writeCrlEntries(run, writer);
    else writeClients(run.clients, writer);
    counts[name] = writer.end();
  }
  writer.finish();
  for (const name of shared ? postingNames.toReversed() : []) {
    if (!shared?.begin(name) && shared?.isWritten(name)) continue;
    writePostingTable(rows, name, writer.from(blocks[name]), space);
  }
  return counts as RowCounts;
}

function writeCertificates(
  certificates: CertificateRows,
  all: Uint32Array,
  writer: BlockWriter,
  space: SortSpace,
): void {
  const { rows, factWords } = certificates;
  const width = tableWidths.certificates;
  const sorted = sortRows(rows, all, 0, serialKeyOctets, space);
  inStretches(sorted, writer, (some, into) => {
    gather(rows.words, stride, 0, some, writer.words, into, width, factsAt);
    gather(factWords, factsStride, 0, some, writer.words, into + factsAt, width, factsOctets);
    for (let index = 0; index < some.length; index++) {
      const row = into + index * width;
      // What older runs have said is not said again.
      writer.buffer[row + at.flags + 1] = 0;
      if (certificates.isIssuedHere(some[index] ?? 0)) continue;
      writer.buffer.fill(0, row + at.notAfter, row + at.deliveredAt);
    }
  });
}

function writeEnds({ rows }: CertificateRows, byEnd: Uint32Array, writer: BlockWriter): void {
  inStretches(byEnd, writer, (some, into) => {
    gather(rows.words, stride, at.notAfter, some, writer.words, into, endRowOctets, endRowOctets);
  });
}

function writeLive(certificates: CertificateRows, byEnd: Uint32Array, writer: BlockWriter): void {
  const { rows, factWords } = certificates;
  const live = byEnd.filter((row) => !certificates.has(row, flags.superseded | flags.revoked));
  const width = tableWidths.live;
  inStretches(live, writer, (some, into) => {
    gather(rows.words, stride, at.notAfter, some, writer.words, into, width, endRowOctets);
    const deliveredAt = at.deliveredAt - factsAt;
    gather(factWords, factsStride, deliveredAt, some, writer.words, into + endRowOctets, width, 8);
  });
}

function writeClients(clients: ClientRows, writer: BlockWriter): void {
  const width = tableWidths.clients;
  inStretches(clients.sorted(), writer, (some, into) => {
    gather(clients.rows.words, width, 0, some, writer.words, into, width, width);
  });
}

function writeEnded({ certificates: rows, ended }: RunContents, writer: BlockWriter): void {
  for (const row of ended.toSorted(
    (a, b) => rows.notAfter(a) - rows.notAfter(b) || rows.seq(a) - rows.seq(b),
  )) {
    const start = row * stride + at.notAfter;
    copyOctets(rows.octets, start, writer.buffer, writer.row(), at.place - at.notAfter);
  }
}

function writeUndelivered(certificates: CertificateRows, writer: BlockWriter): void {
  for (let row = 0; row < certificates.rows.count; row++) {
    if (!certificates.isIssuedHere(row)) continue;
    if (certificates.has(row, flags.delivered | flags.superseded | flags.revoked)) continue;
    const start = row * stride + at.seq;
    copyOctets(certificates.octets, start, writer.buffer, writer.row(), factsAt - at.seq);
  }
}

function writeRevocations({ certificates, revocations }: RunContents, writer: BlockWriter): void {
  const { octets, facts } = certificates;
  for (const row of revocations) {
    const into = writer.row();
    copyOctets(facts, row * factsStride - factsAt + at.revokedSeq, writer.buffer, into, 6);
    copyOctets(octets, row * stride + at.notAfter, writer.buffer, into + 6, 5);
  }
}

function writeCrlEntries({ certificates, revocations }: RunContents, writer: BlockWriter): void {
  const { octets, facts } = certificates;
  const encoder = new CrlEntryEncoder();
  for (const row of revocations) {
    const base = row * stride;
    const factsBase = row * factsStride - factsAt;
    const serial = octets.subarray(base, base + (octets[base + 20] ?? 0));
    const hasInvalidity = certificates.says(row, flags.invalidity);
    const entry = encoder.encode(serial, {
      revokedAt: Math.floor(facts.readDoubleBE(factsBase + at.revokedAt) / 1000),
      reason: facts[factsBase + at.reason] ?? 0,
      invalidityDate: hasInvalidity ? readSeconds(facts, factsBase + at.invalidityDate) : undefined,
    });
    writer.putWhole(entry);
  }
}

function writeSorted(writer: BlockWriter, numbers: readonly number[], octets: number): void {
  for (const number of Float64Array.from(numbers).sort())
    writeNumber(writer.buffer, writer.row(), number, octets);
}
