import type { BlockWriter } from './index-blocks.ts';
import type { ClientRows } from './index-clients.ts';
import {
  type CertificateRows,
  clientKeyAt,
  factsAt,
  factsOctets,
  factsStride,
  keyKeyAt,
  stride,
} from './index-rows.ts';
import {
  certificateRow as at,
  copyOctets,
  endRowOctets,
  flags,
  type RowCounts,
  readSeconds,
  serialKeyOctets,
  type TableName,
  tableNames,
  tableWidths,
  writeNumber,
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

/** Writes the tables of a run, and gives the numbers of their rows. */
export function writeRun(run: RunContents, writer: BlockWriter): RowCounts {
  const counts: Partial<Record<TableName, number>> = {};
  const { certificates } = run;
  const issued = certificates.saying(flags.issued);
  const byEnd = certificates.rows.sorted(issued.slice(), at.notAfter, 5);
  for (const name of tableNames) {
    writer.begin(tableWidths[name]);
    if (name === 'certificates') writeCertificates(certificates, writer);
    else if (name === 'byClient') writePostings(certificates, issued.slice(), clientKeyAt, writer);
    else if (name === 'byKey') writePostings(certificates, issued.slice(), keyKeyAt, writer);
    else if (name === 'byNotAfter') writeEnds(certificates, byEnd, writer, 0);
    else if (name === 'live') writeEnds(certificates, byEnd, writer, flags.superseded | flags.revoked);
    else if (name === 'revokedEnds') writeSorted(writer, run.revokedEnds, 5);
    else if (name === 'ended') writeEnded(run, writer);
    else if (name === 'undelivered') writeUndelivered(certificates, issued, writer);
    else if (name === 'settled') writeSorted(writer, run.settled, 6);
    else if (name === 'revocations') writeRevocations(run, writer);
    else for (const row of run.clients.sorted()) writer.buffer.set(row, writer.row());
    counts[name] = writer.end();
  }
  writer.finish();
  return counts as RowCounts;
}

function writeCertificates(certificates: CertificateRows, writer: BlockWriter): void {
  const { rows } = certificates;
  for (const row of rows.sorted(certificates.saying(0xff), 0, serialKeyOctets)) {
    const into = writer.row();
    copyWords(rows.words, row * stride, writer.words, into, factsAt);
    copyWords(certificates.factWords, row * factsStride, writer.words, into + factsAt, factsOctets);
    // What older runs have said is not said again.
    writer.buffer[into + at.flags + 1] = 0;
    if (certificates.isIssuedHere(row)) continue;
    writer.buffer.fill(0, into + at.notAfter, into + at.deliveredAt);
  }
}

function writePostings(
  { rows }: CertificateRows,
  issued: Uint32Array,
  keyAt: number,
  writer: BlockWriter,
): void {
  const { octets } = rows;
  const { buffer } = writer;
  for (const row of rows.sorted(issued, keyAt, 8)) {
    const into = writer.row();
    const base = row * stride;
    copyOctets(octets, base + keyAt, buffer, into, 8);
    copyOctets(octets, base + at.seq, buffer, into + 8, factsAt - at.seq);
  }
}

/** @param unless without those that have one of these flags */
function writeEnds(
  certificates: CertificateRows,
  byEnd: Uint32Array,
  writer: BlockWriter,
  unless: number,
): void {
  const { words } = certificates.rows;
  for (const row of byEnd) {
    if (certificates.has(row, unless)) continue;
    copyWords(words, row * stride + at.notAfter, writer.words, writer.row(), endRowOctets);
  }
}

function writeEnded({ certificates: rows, ended }: RunContents, writer: BlockWriter): void {
  for (const row of ended.toSorted(
    (a, b) => rows.notAfter(a) - rows.notAfter(b) || rows.seq(a) - rows.seq(b),
  )) {
    const start = row * stride + at.notAfter;
    copyOctets(rows.octets, start, writer.buffer, writer.row(), at.place - at.notAfter);
  }
}

function writeUndelivered(certificates: CertificateRows, issued: Uint32Array, writer: BlockWriter): void {
  for (const row of issued) {
    if (certificates.has(row, flags.delivered | flags.superseded | flags.revoked)) continue;
    const start = row * stride + at.seq;
    copyOctets(certificates.octets, start, writer.buffer, writer.row(), factsAt - at.seq);
  }
}

function writeRevocations({ certificates, revocations }: RunContents, writer: BlockWriter): void {
  const { octets, facts } = certificates;
  for (const row of revocations) {
    const into = writer.row();
    const base = row * stride;
    const factsBase = row * factsStride - factsAt;
    copyOctets(facts, factsBase + at.revokedSeq, writer.buffer, into, 6);
    copyOctets(octets, base + at.notAfter, writer.buffer, into + 6, 5);
    const page = into + 11;
    writer.buffer[page] = octets[base + 20] ?? 0;
    copyOctets(octets, base + at.serial, writer.buffer, page + 1, 20);
    writer.buffer[page + 21] = facts[factsBase + at.reason] ?? 0;
    writeNumber(writer.buffer, page + 22, Math.floor(facts.readDoubleBE(factsBase + at.revokedAt) / 1000), 5);
    const hasInvalidity = certificates.says(row, flags.invalidity);
    const invalidity = hasInvalidity ? readSeconds(facts, factsBase + at.invalidityDate) : 0;
    writeNumber(writer.buffer, page + 27, invalidity, 5);
  }
}

function writeSorted(writer: BlockWriter, numbers: readonly number[], octets: number): void {
  for (const number of Float64Array.from(numbers).sort())
    writeNumber(writer.buffer, writer.row(), number, octets);
}

/** Copies octets that begin and end with words. */
function copyWords(from: Int32Array, start: number, into: Int32Array, at: number, octets: number): void {
  const end = (start + octets) / 4;
  for (let source = start / 4, target = at / 4; source < end; source++, target++) {
    into[target] = from[source] ?? 0;
  }
}
