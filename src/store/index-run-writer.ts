import type { BlockWriter } from './index-blocks.ts';
import { type CertificateRows, clientKeyAt, copyOctets, keyKeyAt, stride } from './index-rows.ts';
import {
  certificateRow as at,
  flags,
  type Place,
  type RowCounts,
  secondsBias,
  serialKeyOctets,
  type TableName,
  tableNames,
  tableWidths,
  writePlace,
} from './index-tables.ts';

/** What a run is written from. Seconds are with their bias, as in the tables. */
export interface RunContents {
  readonly certificates: CertificateRows;
  readonly clients: Iterable<ClientRow>;
  /** Rows in the order of their revocation. */
  readonly revocations: readonly number[];
  readonly revokedEnds: readonly number[];
  /** Rows of older runs' certificates that are live no more. */
  readonly ended: readonly number[];
  readonly settled: readonly number[];
}

export interface ClientRow {
  readonly key: Buffer;
  /** The first octets of the key, to sort by. */
  readonly order: number;
  readonly firstSeq: number;
  readonly addedAt: number;
  place: Place;
}

/** Writes the tables of a run, and gives the numbers of their rows. */
export function writeRun(run: RunContents, writer: BlockWriter): RowCounts {
  const counts: Partial<Record<TableName, number>> = {};
  for (const name of tableNames) {
    writer.begin(tableWidths[name]);
    writeTable(name, run, writer);
    counts[name] = writer.end();
  }
  writer.finish();
  return counts as RowCounts;
}

function writeTable(name: TableName, run: RunContents, writer: BlockWriter): void {
  const { certificates } = run;
  if (name === 'certificates') writeCertificates(certificates, writer);
  else if (name === 'byClient') writePostings(certificates, clientKeyAt, writer);
  else if (name === 'byKey') writePostings(certificates, keyKeyAt, writer);
  else if (name === 'byNotAfter') writeByNotAfter(certificates, writer, 0);
  else if (name === 'live') writeByNotAfter(certificates, writer, flags.superseded | flags.revoked);
  else if (name === 'revokedEnds') writeSorted(writer, run.revokedEnds, 5);
  else if (name === 'ended') writeEnded(run, writer);
  else if (name === 'undelivered') writeUndelivered(certificates, writer);
  else if (name === 'settled') writeSorted(writer, run.settled, 6);
  else if (name === 'revocations') writeRevocations(run, writer);
  else writeClients(run.clients, writer);
}

function writeCertificates(rows: CertificateRows, writer: BlockWriter): void {
  for (const row of rows.sorted(0, serialKeyOctets, (candidate) => rows.says(candidate, 0xff))) {
    const into = writer.row();
    copyOctets(rows.octets, row * stride, writer.buffer, into, tableWidths.certificates);
    if (rows.isIssuedHere(row)) continue;
    // What an older run has said is not said again.
    writer.buffer.fill(0, into + at.seq, into + at.deliveredAt);
  }
}

function writePostings(rows: CertificateRows, keyAt: number, writer: BlockWriter): void {
  for (const row of rows.sorted(keyAt, 8, (candidate) => rows.isIssuedHere(candidate))) {
    const into = writer.row();
    const base = row * stride;
    copyOctets(rows.octets, base + keyAt, writer.buffer, into, 8);
    copyOctets(rows.octets, base + at.seq, writer.buffer, into + 8, 19);
  }
}

/** @param unless without those that have one of these flags */
function writeByNotAfter(rows: CertificateRows, writer: BlockWriter, unless: number): void {
  const isWanted = (row: number) => rows.isIssuedHere(row) && !rows.has(row, unless);
  for (const row of rows.sorted(at.notAfter, 5, isWanted)) {
    const into = writer.row();
    const base = row * stride;
    copyOctets(rows.octets, base + at.notAfter, writer.buffer, into, 5);
    copyOctets(rows.octets, base + at.seq, writer.buffer, into + 5, 19);
  }
}

function writeEnded({ certificates: rows, ended }: RunContents, writer: BlockWriter): void {
  const seqOf = (row: number) => rows.octets.readUIntBE(row * stride + at.seq, 6);
  for (const row of ended.toSorted((a, b) => rows.notAfter(a) - rows.notAfter(b) || seqOf(a) - seqOf(b))) {
    const into = writer.row();
    copyOctets(rows.octets, row * stride + at.notAfter, writer.buffer, into, 5);
    copyOctets(rows.octets, row * stride + at.seq, writer.buffer, into + 5, 6);
  }
}

function writeUndelivered(rows: CertificateRows, writer: BlockWriter): void {
  for (let row = 0; row < rows.count; row++) {
    if (!rows.isIssuedHere(row)) continue;
    if (rows.has(row, flags.delivered | flags.superseded | flags.revoked)) continue;
    copyOctets(rows.octets, row * stride + at.seq, writer.buffer, writer.row(), 19);
  }
}

function writeRevocations({ certificates, revocations }: RunContents, writer: BlockWriter): void {
  const rows = certificates.octets;
  for (const row of revocations) {
    const into = writer.row();
    const base = row * stride;
    copyOctets(rows, base + at.revokedSeq, writer.buffer, into, 6);
    copyOctets(rows, base + at.notAfter, writer.buffer, into + 6, 5);
    const page = into + 11;
    writer.buffer[page] = rows[base + 20] ?? 0;
    copyOctets(rows, base + at.serial, writer.buffer, page + 1, 20);
    writer.buffer[page + 21] = rows[base + at.reason] ?? 0;
    writer.buffer.writeUIntBE(Math.floor(rows.readDoubleBE(base + at.revokedAt) / 1000), page + 22, 5);
    const invalidity = certificates.says(row, flags.invalidity)
      ? rows.readUIntBE(base + at.invalidityDate, 5) - secondsBias
      : 0;
    writer.buffer.writeUIntBE(invalidity, page + 27, 5);
  }
}

function writeClients(clients: Iterable<ClientRow>, writer: BlockWriter): void {
  const rows = [...clients].sort((a, b) => a.order - b.order || a.key.compare(b.key));
  for (const { key, firstSeq, addedAt, place } of rows) {
    const into = writer.row();
    writer.buffer.set(key, into);
    writer.buffer.writeUIntBE(firstSeq, into + 32, 6);
    writer.buffer.writeDoubleBE(addedAt, into + 38);
    writePlace(writer.buffer, into + 46, place.segment, place.offset, place.length);
  }
}

function writeSorted(writer: BlockWriter, numbers: readonly number[], octets: number): void {
  for (const number of Float64Array.from(numbers).sort())
    writer.buffer.writeUIntBE(number, writer.row(), octets);
}
