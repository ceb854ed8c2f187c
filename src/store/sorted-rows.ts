/** All rows of sorted cursors, in order; of equal rows those of the cursor before come first. */
export function* mergeRows(cursors: readonly Iterator<Buffer, void>[]): Generator<Buffer, void> {
  const heads = cursors.map((cursor) => cursor.next().value);
  for (;;) {
    let least = -1;
    let leastRow: Buffer | undefined;
    heads.forEach((row, index) => {
      if (!row || (leastRow && row.compare(leastRow) >= 0)) return;
      least = index;
      leastRow = row;
    });
    if (!leastRow) return;
    yield leastRow;
    heads[least] = cursors[least]?.next().value;
  }
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
      order = other.compare(row, 0, keyOctets, 0, keyOctets);
      if (order >= 0) break;
      other = others.next().value;
    }
    if (!other || order !== 0) yield row;
  }
}
