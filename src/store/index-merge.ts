import type { BlockWriter } from './index-blocks.ts';
import { clientKeyOctets, clientRow } from './index-clients.ts';
import { crlEntries } from './index-revocations.ts';
import type { Run, Table } from './index-run.ts';
import {
  certificateRow as at,
  flags,
  liveKeyOctets,
  postingKeyOctets,
  type RowCounts,
  serialKeyOctets,
  type TableName,
  tableNames,
  tableWidths,
} from './index-tables.ts';
import { combineRows, mergeRows, withoutRows } from './sorted-rows.ts';

/**
 * Writes the tables of one run that says what these runs say together, from the oldest to the newest, one row of each in
 * memory at a time. Gives the numbers of rows.
 */
export function mergeRuns(runs: readonly Run[], writer: BlockWriter): RowCounts {
  const counts: Partial<Record<TableName, number>> = {};
  // `undelivered` stands before `settled` in the file, and takes out of the set what it has met.
  const settled = settledSeqs(runs);
  for (const name of tableNames) {
    writer.begin(tableWidths[name]);
    const tables = runs.map((run) => run[name]);
    if (name === 'certificates') {
      const rows = merged(runs, name, serialKeyOctets);
      putAll(writer, combineRows(rows, serialKeyOctets, combineCertificates));
    } else if (name === 'clients') {
      putAll(writer, combineRows(merged(runs, name, clientKeyOctets), clientKeyOctets, combineClients));
    } else if (name === 'live' || name === 'ended') {
      // A certificate that one of these runs issued and another one ended; those in `ended` else are of older runs.
      const others = merged(runs, name === 'live' ? 'ended' : 'live', liveKeyOctets);
      putAll(writer, withoutRows(merged(runs, name, liveKeyOctets), others, liveKeyOctets));
    } else if (name === 'revocations') putAll(writer, allRows(tables));
    else if (name === 'crlEntries') putEntries(tables, writer);
    else if (name === 'undelivered') keepUnsettled(tables, writer, settled);
    else if (name === 'settled') writeSettled(writer, settled);
    else if (name === 'byClient' || name === 'byKey') putAll(writer, merged(runs, name, postingKeyOctets));
    else putAll(writer, merged(runs, name, tableWidths[name]));
    counts[name] = writer.end();
  }
  writer.finish();
  return counts as RowCounts;
}

/** Facts are said once, by one run each, and the oldest of them is the one that issued the certificate, if any of these did. */
function combineCertificates(into: Buffer, row: Buffer): void {
  const added = row[at.flags] ?? 0;
  into[at.flags] = (into[at.flags] ?? 0) | added;
  if (added & flags.delivered) row.copy(into, at.deliveredAt, at.deliveredAt, at.supersededAt);
  if (added & flags.superseded) row.copy(into, at.supersededAt, at.supersededAt, at.revokedAt);
  if (added & flags.revoked) row.copy(into, at.revokedAt, at.revokedAt, tableWidths.certificates);
}

/** The first entry of the older row, the latest entry of the newer one. */
function combineClients(into: Buffer, row: Buffer): void {
  row.copy(into, clientRow.place, clientRow.place);
}

function settledSeqs(runs: readonly Run[]): Set<number> {
  const settled = new Set<number>();
  for (const row of allRows(runs.map((run) => run.settled))) settled.add(row.readUIntBE(0, 6));
  return settled;
}

function keepUnsettled(tables: readonly Table[], writer: BlockWriter, settled: Set<number>): void {
  for (const row of allRows(tables)) {
    if (!settled.delete(row.readUIntBE(0, 6))) put(writer, row);
  }
}

/** Those that older runs than these have issued. */
function writeSettled(writer: BlockWriter, settled: Set<number>): void {
  for (const seq of Float64Array.from(settled).sort()) writer.buffer.writeUIntBE(seq, writer.row(), 6);
}

function merged(runs: readonly Run[], name: TableName, keyOctets: number): Generator<Buffer, void> {
  return mergeRows(
    runs.map((run) => rowsOf(run[name])),
    keyOctets,
  );
}

function putAll(writer: BlockWriter, rows: Iterable<Buffer>): void {
  for (const row of rows) put(writer, row);
}

function put(writer: BlockWriter, row: Buffer): void {
  row.copy(writer.buffer, writer.row());
}

function putEntries(tables: readonly Table[], writer: BlockWriter): void {
  for (const table of tables) {
    for (const entry of crlEntries(table)) writer.putWhole(entry);
  }
}

function* allRows(tables: readonly Table[]): Generator<Buffer, void> {
  for (const table of tables) yield* rowsOf(table);
}

function* rowsOf(table: Table): Generator<Buffer, void> {
  for (const rows of table.rows(0, table.count)) {
    for (let start = 0; start < rows.length; start += table.width) {
      yield rows.subarray(start, start + table.width);
    }
  }
}
