import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { benchBulk } from './bulk.ts';
import { benchCrl } from './crl.ts';
import { benchInProcess } from './in-process.ts';
import { benchLedgers } from './ledger.ts';
import { run } from './measure.ts';
import { benchOneShot } from './one-shot.ts';
import { renderTable } from './table.ts';

// `npm run bench [-- RUNS]`: ratios against peers, all measured in this one run. Absolute times are of this machine.
// `npm run bench -- ledger [SIZE …]`: what a big ledger costs. `npm run bench -- bulk [CLIENTS]`: many clients in one run.
const ca = resolve('dist', 'ca.cjs');
const [what, ...sizes] = process.argv.slice(2);
if (what === 'ledger') {
  const all = sizes.length > 0 ? sizes.map(Number) : [10, 10_000, 100_000, 1_000_000];
  process.stdout.write(`${await benchLedgers(ca, all, 9)}\n`);
  process.exit();
}
const directory = mkdtempSync(join(tmpdir(), 'private-ca-bench-'));
if (what === 'bulk') {
  process.stdout.write(`${renderTable(await benchBulk(ca, directory, Number(sizes[0] ?? 10_000)))}\n`);
  rmSync(directory, { recursive: true, force: true });
  process.exit();
}
const runs = Number(what ?? 15);
try {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  say('whole processes …');
  const oneShot = benchOneShot(ca, directory, runs);
  say('in process …');
  const inProcess = benchInProcess(join(directory, 'home'), directory);
  say('CRLs …');
  const crls = [
    ...benchCrl(ca, directory, 10_000, Math.min(runs, 7), 1),
    ...benchCrl(ca, directory, 100_000, Math.min(runs, 7), 5),
    ...benchCrl(ca, directory, 1_000_000, Math.min(runs, 3), 15),
  ];
  const openssl = run('openssl', ['version']).split(' ').slice(0, 2).join(' ');
  process.stdout.write(
    `Node ${process.version}, ${openssl}, ${cpus().length} × ${cpus()[0]?.model.trim()}, medians of ${runs} runs in turn\n\n`,
  );
  process.stdout.write(`${renderTable([...oneShot, ...inProcess, ...crls])}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
