import type { RevocationPage } from '../core/revocation-page.ts';
import { type CrlRecord, isDueOnCrl } from '../ledger/record.ts';
import { IndexDamage } from './index-blocks.ts';
import type { Run, Table } from './index-run.ts';
import { endKey, readSeconds } from './index-tables.ts';

const pageOctets = 1 << 18;

/**
 * A run's entries for the CRL that follows that one, in pages, each of which is overwritten by the next: as they stand in
 * the table, unless some certificate has expired.
 */
export function* crlPages(
  run: Run,
  dropExpired: boolean,
  lastCrl: CrlRecord | undefined,
): Generator<RevocationPage> {
  const hasExpired = lastCrl && run.revokedEnds.lowerBound(endKey(lastCrl.thisUpdate)) > 0;
  if (dropExpired && hasExpired) yield* duePages(run, lastCrl);
  else yield* wholePages(run.crlEntries);
}

/** The entries of such a table, one by one. */
export function* crlEntries(table: Table): Generator<Uint8Array> {
  for (const page of wholePages(table)) {
    for (let at = 0; at < page.length; ) {
      const next = endOfEntry(page, at);
      yield page.subarray(at, next);
      at = next;
    }
  }
}

function* duePages({ revocations, crlEntries }: Run, lastCrl: CrlRecord): Generator<RevocationPage> {
  const stretches = revocations.allRows();
  let rows: Buffer = Buffer.alloc(0);
  let row = 0;
  for (const page of wholePages(crlEntries)) {
    let from = 0;
    for (let at = 0; at < page.length; row += revocations.width) {
      if (row === rows.length) {
        rows = nextStretch(stretches);
        row = 0;
      }
      const next = endOfEntry(page, at);
      if (!isDueOnCrl(readSeconds(rows, row + 6) * 1000, rows.readUIntBE(row, 6), lastCrl)) {
        if (from < at) yield page.subarray(from, at);
        from = next;
      }
      at = next;
    }
    if (from < page.length) yield page.subarray(from);
  }
  if (row < rows.length || !stretches.next().done)
    throw new IndexDamage('there are fewer entries of a CRL than revocations');
}

function nextStretch(stretches: Iterator<Buffer>): Buffer {
  const { value, done } = stretches.next();
  if (done) throw new IndexDamage('there are more entries of a CRL than revocations');
  return value;
}

/** What stands in the blocks, without the zeros at their ends, so much at once that it matters little who passes it on. */
function* wholePages(table: Table): Generator<Buffer> {
  const page = Buffer.allocUnsafeSlow(Math.min(table.count, pageOctets));
  let filled = 0;
  for (const rows of table.allRows()) {
    let end = rows.length;
    // No entry ends in a zero: its last octet is a reason's code or the Z of a time.
    while (rows[end - 1] === 0) end--;
    if (filled + end > page.length) {
      yield page.subarray(0, filled);
      filled = 0;
    }
    page.set(rows.subarray(0, end), filled);
    filled += end;
  }
  if (filled > 0) yield page.subarray(0, filled);
}

function endOfEntry(page: Uint8Array, at: number): number {
  return at + 2 + (page[at + 1] ?? 0);
}
