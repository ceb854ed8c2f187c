import { compareOctets } from './index-octets.ts';

/** All rows of cursors that are sorted by their first octets, in order; of equal keys those of the cursor before come first. */
export function* mergeRows(
  cursors: readonly Iterator<Buffer, void>[],
  keyOctets: number,
): Generator<Buffer, void> {
  const heads = cursors.map((cursor) => cursor.next().value);
  for (;;) {
    let least = -1;
    let leastRow: Buffer | undefined;
    for (let index = 0; index < heads.length; index++) {
      const row = heads[index];
      if (!row || (leastRow && compareOctets(row, 0, leastRow, 0, keyOctets) >= 0)) continue;
      least = index;
      leastRow = row;
    }
    if (!leastRow) return;
    yield leastRow;
    heads[least] = cursors[least]?.next().value;
  }
}

/** Sorted rows, of which one comes for all that have the same key: a copy of the first that took in the others, in order. */
export function* combineRows(
  rows: Iterable<Buffer>,
  keyOctets: number,
  combine: (into: Buffer, row: Buffer) => void,
): Generator<Buffer, void> {
  let combined: Buffer | undefined;
  for (const row of rows) {
    if (combined && compareOctets(combined, 0, row, 0, keyOctets) === 0) combine(combined, row);
    else {
      if (combined) yield combined;
      combined = Buffer.from(row);
    }
  }
  if (combined) yield combined;
}

/** The rows that begin with a key that none of the others begins with; both are sorted. */
export function* withoutRows(
  rows: Iterable<Buffer>,
  others: Iterator<Buffer, void>,
  keyOctets: number,
): Generator<Buffer, void> {
  let other = others.next().value;
  for (const row of rows) {
    let order = -1;
    while (other) {
      order = compareOctets(other, 0, row, 0, keyOctets);
      if (order >= 0) break;
      other = others.next().value;
    }
    if (!other || order !== 0) yield row;
  }
}
