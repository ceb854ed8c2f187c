import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachedHome, copyCached, serialOf } from './big-ledger.ts';
import { type Contender, isInstalled, peakMemory, race, run, type Timing } from './measure.ts';
import { makeOpensslCa } from './one-shot.ts';

const node = process.execPath;

/** The commands whose cost must not grow with the ledger. */
const commands = [
  'issue',
  'revoke',
  'show client-1',
  'renew',
  'status',
  'list --expiring 7d',
  'crl',
] as const;

/**
 * `npm run bench -- ledger [SIZE …]`: what commands cost on ledgers of 10 to 1,000,000 certificates, a tenth of them
 * revoked, beside `openssl ca` on an index.txt with as many lines. The ledgers are made by the store's own code, are the same
 * at every run, and are kept for a day in the directory for temporary files.
 */
export async function benchLedgers(ca: string, sizes: readonly number[], runs: number): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'private-ca-bench-'));
  try {
    const contenders: (readonly Contender[])[] = [];
    for (const size of sizes) {
      process.stderr.write(`${size.toLocaleString('en')} certificates …\n`);
      contenders.push(await contendersFor(ca, directory, size));
    }
    process.stderr.write('commands …\n');
    // All sizes in turn, so that a machine whose speed drifts shows no growth of its own.
    const timings = race(contenders.flat(), runs);
    const columns = sizes.map((size, index) => ({
      size,
      timings: (contenders[index] ?? []).map((contender) => ({
        ...(timings[contenders.flat().indexOf(contender)] as Timing),
        peakMib: peakMemory(contender, runs + 1),
      })),
    }));
    return render(columns);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Column {
  readonly size: number;
  readonly timings: readonly (Timing & { readonly peakMib: number | undefined })[];
}

async function contendersFor(ca: string, directory: string, size: number): Promise<readonly Contender[]> {
  const home = join(directory, `home-${size}`);
  copyCached(await cachedHome(ca, size), home);
  const openssl = join(directory, `openssl-${size}`);
  makeIndexTxt(openssl, size);
  const ours = (name: string): Contender => ({
    name: `ca ${name}`,
    command: node,
    args: [ca, '--home', home, ...name.split(' ')],
    // Revokes what the run before it has just issued.
    ...(name === 'issue' || name === 'revoke' ? { argsOf: (i) => [`bench-${i}`] } : {}),
  });
  const theirs = (name: string, script: string): Contender => ({
    name,
    command: 'sh',
    args: ['-c', script],
    cwd: openssl,
    argsOf: (i) => [`bench-${i}`],
  });
  return [
    ...commands.map(ours),
    theirs(
      'openssl ca',
      'openssl ca -batch -config ca.cnf -in request.csr -out "$0.crt" -notext 2>/dev/null',
    ),
    theirs('openssl ca -revoke', 'openssl ca -config ca.cnf -revoke "$0.crt" 2>/dev/null'),
    theirs('openssl ca -gencrl', 'openssl ca -config ca.cnf -gencrl -out ca.crl 2>/dev/null'),
  ];
}

function makeIndexTxt(directory: string, size: number): void {
  mkdirSync(directory);
  makeOpensslCa(directory);
  const lines: string[] = [];
  for (let index = 0; index < size; index++) {
    const serial = serialOf(index, 0).toUpperCase();
    const isRevoked = index % 10 === 0;
    lines.push(
      `${isRevoked ? 'R' : 'V'}\t370101000000Z\t${isRevoked ? '260101000000Z' : ''}\t${serial}\tunknown\t/CN=client-${index}\n`,
    );
  }
  writeFileSync(join(directory, 'index.txt'), lines.join(''));
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'request.key'];
  run('openssl', ['req', '-new', ...key, '-subj', '/CN=bench', '-out', 'request.csr'], { cwd: directory });
}

function render(columns: readonly Column[]): string {
  const [smallest] = columns;
  const largest = columns.at(-1);
  if (!smallest || !largest) throw new Error('no size was given');
  const openssl = run('openssl', ['version']).split(' ').slice(0, 2).join(' ');
  const cell = (ms: number, peakMib: number | undefined) =>
    `${ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms${peakMib === undefined ? '' : `, ${peakMib.toFixed(0)} MiB`}`;
  const header = [
    'Certificates',
    ...columns.map(({ size }) => size.toLocaleString('en')),
    'Growth in time',
    'Growth in memory',
  ];
  const rows = smallest.timings.map((first, index) => {
    const last = largest.timings[index];
    if (!last) throw new Error('a contender was not timed');
    const growth = (a: number | undefined, b: number | undefined) =>
      a === undefined || b === undefined ? '' : `${(b / a).toFixed(2)} ×`;
    return [
      first.name,
      ...columns.map(({ timings }) => {
        const timing = timings[index];
        return timing ? cell(timing.ms, timing.peakMib) : '';
      }),
      growth(first.ms, last.ms),
      growth(first.peakMib, last.peakMib),
    ];
  });
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [
    `Node ${process.version}, ${openssl}, ${cpus().length} × ${cpus()[0]?.model.trim()}; ${isInstalled('/usr/bin/time') ? 'time, and peak memory as GNU time tells it' : 'time'}`,
    '',
    line(header),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
    ...rows.map(line),
  ].join('\n');
}
