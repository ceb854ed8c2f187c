import { cpus } from 'node:os';
import { isInstalled, run, type Timing } from './measure.ts';

export const rebuildName = 'index made anew';
export const readAndHashName = 'journal read and hashed';

/** What commands cost on a ledger of one size. */
export interface Column {
  readonly size: number;
  readonly journalOctets: number;
  readonly timings: readonly (Timing & { readonly peakMib: number | undefined })[];
}

/** An index of less than that is not made by a reader at all. */
const leastRebuilt = 2 << 20;

/** The costs as a Markdown table, as it stands in the README, with their growth from the smallest ledger to the largest. */
export function renderLedgers(columns: readonly Column[]): string {
  const openssl = run('openssl', ['version']).split(' ').slice(0, 2).join(' ');
  const header = ['Certificates', ...columns.map(({ size }) => size.toLocaleString('en')), 'Time', 'Memory'];
  const names = (columns[0]?.timings ?? [])
    .map(({ name }) => name)
    .filter((name) => name !== readAndHashName);
  const rows = names.flatMap((name) => {
    if (name === rebuildName) return [rebuildRow(columns)];
    if (name === 'ca revoke') return [costRow(name, columns), revokeRow(columns)];
    return [costRow(name, columns)];
  });
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [
    `Node ${process.version}, ${openssl}, ${cpus().length} × ${cpus()[0]?.model.trim()}; time${isInstalled('/usr/bin/time') ? ', and peak memory as GNU time tells it' : ''}; the last columns are the growth from the smallest ledger to the largest`,
    '',
    line(header),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
    ...rows.map(line),
    '',
    againstOpenssl(columns),
  ].join('\n');
}

function againstOpenssl(columns: readonly Column[]): string {
  const largest = columns.at(-1);
  if (!largest) throw new Error('no ledger was measured');
  const ratio = timingOf('openssl ca', largest).ms / timingOf('ca issue', largest).ms;
  const size = largest.size.toLocaleString('en');
  return `ca issue at ${size}: ${ratio.toFixed(1)} × as fast as openssl ca (at 1,000,000 wanted: ≥ 20 ×)`;
}

function costRow(name: string, columns: readonly Column[]): string[] {
  const timings = columns.map((column) => timingOf(name, column));
  return [
    name,
    ...timings.map(({ ms, peakMib }) =>
      peakMib === undefined ? formatMs(ms) : `${formatMs(ms)}, ${peakMib.toFixed(0)} MiB`,
    ),
    growth(timings.map(({ ms }) => ms)),
    growth(timings.map(({ peakMib }) => peakMib)),
  ];
}

/** A revocation less what `ca crl` takes beyond a program that starts and ends. */
function revokeRow(columns: readonly Column[]): string[] {
  const own = columns.map((column) => {
    const of = (name: string) => timingOf(name, column).ms;
    return of('ca revoke') - (of('ca crl') - of('ca --version'));
  });
  return ['its CRL apart', ...own.map(formatMs), growth(own), ''];
}

/** How fast the journal is read that an index is made of, and the share of what it takes to read and hash the same octets. */
function rebuildRow(columns: readonly Column[]): string[] {
  const cells = columns.map((column) => {
    if (column.journalOctets < leastRebuilt) return '';
    const of = (name: string) => timingOf(name, column).ms;
    const { peakMib } = timingOf(rebuildName, column);
    const own = of(rebuildName) - of('ca list --expiring 7d');
    const share = (of(readAndHashName) - of('ca --version')) / own;
    const speed = `${formatMs(own)}, ${(column.journalOctets / own / 1000).toFixed(0)} MB/s, ${(100 * share).toFixed(0)} % of reading and hashing`;
    return peakMib === undefined ? speed : `${speed}, ${peakMib.toFixed(0)} MiB`;
  });
  return [rebuildName, ...cells, '', ''];
}

function timingOf(name: string, { timings }: Column): Column['timings'][number] {
  const timing = timings.find((each) => each.name === name);
  if (!timing) throw new Error(`${name} was not timed`);
  return timing;
}

function growth(costs: readonly (number | undefined)[]): string {
  const [first, last] = [costs[0], costs.at(-1)];
  return first === undefined || last === undefined ? '' : `${(last / first).toFixed(2)} ×`;
}

function formatMs(ms: number): string {
  return `${ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
