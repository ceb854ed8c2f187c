import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { EntryBody } from '../../src/ledger/entry.ts';
import { FileLedger } from '../../src/store/file-ledger.ts';
import { added, issued } from '../support/ledger-entries.ts';
import { childLimits, cliEnvironment, shippedCli } from '../support/run-cli.ts';
import { Sandbox } from './sandbox.ts';

/** Three pages, each of them more than a pipe holds. */
const count = 2500;

const serialOf = (number: number) => `5a${number.toString(16).padStart(30, '0')}`;

/** Appends that many certificates to the record of a new authority, in no time. */
async function openLong(): Promise<Sandbox> {
  const sandbox = new Sandbox();
  await sandbox.init();
  const directory = sandbox.path('home', 'ledger');
  const ledger = new FileLedger({ directory, clock: () => sandbox.now, lockWaitMs: 10_000 });
  const bodies: EntryBody[] = [added('short'), added('a-longer-name')];
  for (let number = 1; number <= count; number++) {
    bodies.push(issued(number % 1200 === 0 ? 'a-longer-name' : 'short', serialOf(number)));
  }
  await ledger.transact((transaction) => transaction.append(bodies));
  return sandbox;
}

/** The same, and then a line in the middle is no entry any more, which the index cannot know. */
async function openDamaged(): Promise<Sandbox> {
  const sandbox = await openLong();
  await sandbox.run('status');
  const ledger = 'home/ledger/00000001.jsonl';
  const damaged = sandbox.read(ledger).replace(/^(\{"seq":2400,.*"profile":")client"/m, '$1clien\\"');
  sandbox.write(ledger, damaged);
  return sandbox;
}

describe('a list of several pages', () => {
  it('is one table, with a line for each certificate', async () => {
    const { exitCode, stdout, stderr } = await (await openLong()).run('list');
    expect([exitCode, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1 + count);
    expect(lines.filter((line) => line.startsWith('CLIENT '))).toHaveLength(1);
    expect(lines[1]).toMatch(/^short {3}5a0+1 {2}active {2}client {3}2027-02-20 {2}in 90 days$/);
    expect(lines[1001]).toMatch(/^short {10}5a0+3e9 {2}active {2}client {3}2027-02-20 {2}in 90 days$/);
    expect(lines.at(-1)).toMatch(/^short {10}5a0+9c4 {2}active/);
  });

  it('is with --json one document, in the form of a short one', async () => {
    const { exitCode, stdout } = await (await openLong()).run('list --json');
    expect(exitCode).toBe(0);
    const rows: { serial: string }[] = JSON.parse(stdout);
    expect(rows.map(({ serial }) => Number.parseInt(serial.slice(2), 16))).toEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    );
    expect(stdout).toBe(`${JSON.stringify(rows, null, 2)}\n`);
  });

  it('takes what matches from all of them', async () => {
    const sandbox = await openLong();
    const clients = async (line: string) =>
      (await sandbox.json<{ client: string }[]>(line)).map(({ client }) => client);
    const two = ['a-longer-name', 'a-longer-name'];
    expect(await clients('list --client a-longer-name --status active')).toEqual(two);
    expect(await clients('list --expiring 90d')).toHaveLength(count);
    expect(await clients('list --expiring 90d --client a-longer-name')).toEqual(two);
    expect(await clients('list --expiring 90d --status revoked')).toEqual([]);
  });
});

describe('a record that turns out to be damaged half-way', () => {
  it('is said on stderr, since half a result is on stdout', async () => {
    const sandbox = await openDamaged();
    for (const line of ['list', 'list --json', 'ledger export', 'ledger export --json']) {
      const { exitCode, stdout, stderr } = await sandbox.run(line);
      expect([line, exitCode, stderr]).toEqual([
        line,
        3,
        'ca: line 2400 of ledger/00000001.jsonl is not JSON\n  hint: restore the ledger from a backup\n',
      ]);
      expect([stdout.includes(serialOf(1000)), stdout.includes('error')]).toEqual([true, false]);
    }
  });

  it('is not come to when the reader goes away before', async () => {
    const sandbox = await openDamaged();
    for (const line of ['list', 'list --json', 'ledger export']) {
      const { exitCode, stdout, stderr } = await sandbox.run(line, { mostRead: 1 });
      expect([line, exitCode, stderr]).toEqual([line, 0, '']);
      expect([stdout.includes(serialOf(900)), stdout.includes(serialOf(1100))]).toEqual([true, false]);

      const script = `"$NODE" "$CA" --home "$HOME_DIRECTORY" ${line} | head -1 >/dev/null; exit "\${PIPESTATUS[0]}"`;
      const piped = spawnSync('bash', ['-c', script], {
        ...childLimits,
        encoding: 'utf8',
        env: cliEnvironment({ NODE: process.execPath, CA: shippedCli, HOME_DIRECTORY: sandbox.home }),
      });
      expect([line, piped.status, piped.stderr]).toEqual([line, 0, '']);
    }
  });
});
