import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliRun, runCli } from '../support/run-cli.ts';
import { Checker } from './independent-checker.ts';
import { Processes } from './processes.ts';
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
    const later = start.later(70 * 86_400_000);
    const runs = await Promise.all([later('renew'), later('renew')]);
    const book = readBook(home);
    // Back to our own time, for the checker.
    runCli(['crl', '--yes', '--home', home]);
    return [
      ...runs.flatMap(({ exitCode, stdout, stderr }) =>
        exitCode === 0 ? [] : [`exited ${exitCode}: ${stdout}${stderr}`],
      ),
      ...expectEqual('certificates', book.issued.size, 2 * clients.length),
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
  later(offsetMs: number): Start;
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
  const shims = mkdtempSync(join(tmpdir(), 'private-ca-shims-'));
  try {
    const home = join(directory, 'home');
    if (!makesAuthority) runCli(['init', '--name', 'Race CA', '--no-passphrase', '--home', home]);
    const processes = new Processes(shims);
    let count = 0;
    const starter = (offsetMs: number): Start =>
      Object.assign(
        (...args: readonly string[]) => {
          count++;
          return processes.start([...args, '--home', home, '--json'], { offsetMs });
        },
        { later: starter },
      );
    const faults = await run({ directory, home, start: starter(0) });
    const verify = runCli(['ledger', 'verify', '--home', home, '--json', '--yes']);
    const own = verify.exitCode === 0 ? [] : [`the ledger does not verify: ${verify.stdout}`];
    const checker = new Checker(home);
    return {
      name,
      processes: count,
      faults: [...faults, ...own, ...checker.faults(), ...checker.repairFaults()],
    };
  } finally {
    for (const each of [directory, shims]) rmSync(each, { recursive: true, force: true });
  }
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
