import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faketime } from '../support/built-cli.ts';
import { type CliRun, cliEnvironment, runCli, shippedCli } from '../support/run-cli.ts';
import { Checker } from './independent-checker.ts';
import { latestOf, readBook } from './record-reader.ts';

export interface RaceReport {
  readonly name: string;
  readonly processes: number;
  readonly faults: readonly string[];
}

/** So many processes at once give so many clients a certificate: nothing is lost, no serial is given twice. */
export const issueToMany = (count: number) =>
  race(`${count} processes issue to ${count} clients`, async ({ home, start }) => {
    const runs = await Promise.all(numbers(count).map((number) => start('issue', `client-${number}`)));
    const book = readBook(home);
    return [
      ...runs.flatMap(({ exitCode, stdout }) => (exitCode === 0 ? [] : [`exited ${exitCode}: ${stdout}`])),
      ...expectEqual('certificates', book.issued.size, count),
      ...expectEqual('deliveries', book.delivered.size, count),
      ...runs
        .map(({ stdout }): { serial?: string } => JSON.parse(stdout))
        .flatMap(({ serial = '' }) => (book.issued.has(serial) ? [] : [`${serial} is lost`])),
    ];
  });

/** So many processes at once issue to the same client: without `--again` one wins, and the others are refused. */
export const issueToOne = (count: number) =>
  race(`${count} processes issue to one client`, async ({ home, start }) => {
    const runs = await Promise.all(numbers(count).map(() => start('issue', 'billing')));
    const winners = runs.filter(({ exitCode }) => exitCode === 0);
    const refused = runs.filter(({ stdout }) => stdout.includes('authority/client-exists'));
    return [
      ...expectEqual('winners', winners.length, 1),
      ...expectEqual('refusals', refused.length, count - 1),
      ...expectEqual('certificates', readBook(home).issued.size, 1),
      ...expectEqual('versions', versionsOf(home, 'billing').length, 1),
    ];
  });

/** Two runs of cron at once after two months: each client is renewed once, and neither run fails. */
export const renewTwice = () =>
  race('two runs of ca renew at once', async ({ home, start }) => {
    const clients = numbers(5).map((number) => `client-${number}`);
    for (const client of clients) runCli(['issue', client, '--home', home]);
    // Without faketime nothing is due, and the run is forced: then each run may renew.
    const isFaked = spawnSync('faketime', ['--version']).error === undefined;
    const later = isFaked ? faketime(new Date(Date.now() + 70 * 86_400_000)) : [];
    const args = isFaked ? ['renew'] : ['renew', '--force'];
    const runs = await Promise.all([start.through(later)(...args), start.through(later)(...args)]);
    const book = readBook(home);
    return [
      ...runs.flatMap(({ exitCode, stdout, stderr }) =>
        exitCode === 0 ? [] : [`exited ${exitCode}: ${stdout}${stderr}`],
      ),
      ...(isFaked ? expectEqual('certificates', book.issued.size, 2 * clients.length) : []),
      ...clients.flatMap((client) => {
        const { serial = '' } = latestOf(client, book) ?? {};
        return book.delivered.has(serial) ? [] : [`${client}: ${serial} was not delivered`];
      }),
    ];
  });

/** Two `ca init` at once in one place: one authority, whole, and one refusal. */
export const initTwice = () =>
  race(
    'two runs of ca init at once',
    async ({ directory, start }) => {
      const args = ['init', '--name', 'Race CA', '--no-passphrase'];
      const runs = await Promise.all([start(...args), start(...args)]);
      return [
        ...expectEqual('winners', runs.filter(({ exitCode }) => exitCode === 0).length, 1),
        ...expectEqual(
          'refusals',
          runs.filter(({ stdout }) => stdout.includes('authority/exists')).length,
          1,
        ),
        ...expectEqual('entries beside the home directory', readdirSync(directory).length, 1),
      ];
    },
    { makesAuthority: true },
  );

/** Starts a command on the authority; its promise ends with the process. */
interface Start {
  (...args: readonly string[]): Promise<CliRun>;
  through(prefix: readonly string[]): Start;
}

interface Field {
  readonly directory: string;
  readonly home: string;
  readonly start: Start;
}

async function race(
  name: string,
  run: (field: Field) => Promise<readonly string[]>,
  { makesAuthority = false } = {},
): Promise<RaceReport> {
  const directory = mkdtempSync(join(tmpdir(), 'private-ca-race-'));
  try {
    const home = join(directory, 'home');
    if (!makesAuthority) runCli(['init', '--name', 'Race CA', '--no-passphrase', '--home', home]);
    let processes = 0;
    const starter = (prefix: readonly string[]): Start =>
      Object.assign(
        (...args: readonly string[]) => {
          processes++;
          return startCli([...args, '--home', home, '--json'], prefix);
        },
        { through: starter },
      );
    const faults = await run({ directory, home, start: starter([]) });
    const verify = runCli(['ledger', 'verify', '--home', home, '--json', '--yes']);
    const own = verify.exitCode === 0 ? [] : [`the ledger does not verify: ${verify.stdout}`];
    const checker = new Checker(home);
    return { name, processes, faults: [...faults, ...own, ...checker.faults(), ...checker.repairFaults()] };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function startCli(args: readonly string[], prefix: readonly string[]): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const [program = '', ...rest] = [...prefix, process.execPath, shippedCli, ...args];
    const env = cliEnvironment({ FAKETIME_DONT_FAKE_MONOTONIC: '1' });
    const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk));
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

function versionsOf(home: string, client: string): string[] {
  return readdirSync(join(home, 'clients', client, `.${client}`)).filter((name) => name !== 'current');
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function expectEqual(what: string, actual: number, expected: number): string[] {
  return actual === expected ? [] : [`${what}: ${actual} instead of ${expected}`];
}
