/** One measured ratio, its target, and whether it was met in this run. */
export interface Row {
  readonly work: string;
  readonly measured: string;
  readonly against: string;
  readonly ratio: string;
  readonly target: string;
  readonly met: boolean | undefined;
}

/** The rows as a Markdown table, as it stands in the README. */
export function renderTable(rows: readonly Row[]): string {
  const header = ['Work', 'Measured', 'Against', 'Ratio', 'Target', 'Met'];
  const cells = rows.map(({ work, measured, against, ratio, target, met }) => [
    work,
    measured,
    against,
    ratio,
    target,
    met === undefined ? '' : met ? 'yes' : 'no',
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [
    line(header),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
    ...cells.map(line),
  ].join('\n');
}

/** A row for "at most `limit` times the time of the other". */
export function atMost(work: string, ours: number, other: { name: string; ms: number }, limit: number): Row {
  const ratio = ours / other.ms;
  return {
    work,
    measured: formatMs(ours),
    against: `${other.name}: ${formatMs(other.ms)}`,
    ratio: `${ratio.toFixed(2)} × its time`,
    target: `≤ ${limit} ×`,
    met: ratio <= limit,
  };
}

/** A row for "at least `limit` times as fast as the other". */
export function atLeast(work: string, ours: number, other: { name: string; ms: number }, limit: number): Row {
  const ratio = other.ms / ours;
  return {
    work,
    measured: formatMs(ours),
    against: `${other.name}: ${formatMs(other.ms)}`,
    ratio: `${ratio.toFixed(1)} × as fast`,
    target: `≥ ${limit} ×`,
    met: ratio >= limit,
  };
}

function formatMs(ms: number): string {
  return ms < 1 ? `${(ms * 1000).toFixed(0)} µs` : ms < 100 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(0)} ms`;
}
