import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachedHome, copyCached, serialOf } from './big-ledger.ts';
import { readAndHashName, rebuildName, renderLedgers } from './ledger-table.ts';
import { type Contender, peakMemory, race, run, type Timing } from './measure.ts';
import { easyRsaPeers, makeOpensslCa } from './one-shot.ts';

const node = process.execPath;

/** The commands whose cost must not grow with the ledger; the first and the CRL tell what of the others is no work of theirs. */
const commands = [
  '--version',
  'issue',
  'revoke',
  'show client-1',
  'renew',
  'status',
  'list --expiring 7d',
  'crl',
] as const;

/** What a rebuilt index is held against. */
const readAndHash = `
const { createHash } = require('node:crypto');
const { openSync, readSync } = require('node:fs');
const hash = createHash('sha256');
const chunk = Buffer.allocUnsafe(1 << 20);
for (const path of process.argv.slice(1)) {
  const fd = openSync(path, 'r');
  for (let got = readSync(fd, chunk); got > 0; got = readSync(fd, chunk)) hash.update(chunk.subarray(0, got));
}
hash.digest();
`;

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
      journalOctets: journalOf(join(directory, `home-${size}`)).reduce(
        (sum, path) => sum + statSync(path).size,
        0,
      ),
      timings: (contenders[index] ?? []).map((contender) => ({
        ...(timings[contenders.flat().indexOf(contender)] as Timing),
        peakMib: peakMemory(contender, runs + 1),
      })),
    }));
    return renderLedgers(columns);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function contendersFor(ca: string, directory: string, size: number): Promise<readonly Contender[]> {
  const home = join(directory, `home-${size}`);
  copyCached(await cachedHome(ca, size), home);
  // Its index is deleted before each run.
  const rebuilt = join(directory, `rebuilt-${size}`);
  copyCached(await cachedHome(ca, size), rebuilt);
  const openssl = join(directory, `openssl-${size}`);
  mkdirSync(openssl);
  makeOpensslCa(openssl);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'request.key'];
  run('openssl', ['req', '-new', ...key, '-subj', '/CN=bench', '-out', 'request.csr'], { cwd: openssl });
  writeIndexTxt(join(openssl, 'index.txt'), size);
  const easyRsa = easyRsaPeers(join(directory, `easyrsa-${size}`));
  if (easyRsa.length > 0)
    writeIndexTxt(join(directory, `easyrsa-${size}`, 'easyrsa', 'pki', 'index.txt'), size);
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
    {
      name: rebuildName,
      command: node,
      args: [ca, '--home', rebuilt, 'list', '--expiring', '7d'],
      prepare: () => rmSync(join(rebuilt, 'ledger', 'index'), { recursive: true, force: true }),
    },
    { name: readAndHashName, command: node, args: ['-e', readAndHash, ...journalOf(rebuilt)] },
    theirs(
      'openssl ca',
      'openssl ca -batch -config ca.cnf -in request.csr -out "$0.crt" -notext 2>/dev/null',
    ),
    theirs('openssl ca -revoke', 'openssl ca -config ca.cnf -revoke "$0.crt" 2>/dev/null'),
    theirs('openssl ca -gencrl', 'openssl ca -config ca.cnf -gencrl -out ca.crl 2>/dev/null'),
    ...easyRsa,
  ];
}

function journalOf(home: string): readonly string[] {
  const directory = join(home, 'ledger');
  const names = readdirSync(directory).filter((name) => name.endsWith('.jsonl'));
  return names.sort().map((name) => join(directory, name));
}

function writeIndexTxt(path: string, size: number): void {
  const lines: string[] = [];
  for (let index = 0; index < size; index++) {
    const serial = serialOf(index, 0).toUpperCase();
    const isRevoked = index % 10 === 0;
    lines.push(
      `${isRevoked ? 'R' : 'V'}\t370101000000Z\t${isRevoked ? '260101000000Z' : ''}\t${serial}\tunknown\t/CN=client-${index}\n`,
    );
  }
  writeFileSync(path, lines.join(''));
}
