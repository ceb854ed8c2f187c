import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliRun, cliEnvironment, runCli, shippedCli } from '../support/run-cli.ts';
import { Checker, latestOf } from './independent-checker.ts';
import { readBook } from './record-reader.ts';
import type { SeededRandom } from './seeded-random.ts';
import { buildShim } from './shim.ts';

export interface KillReport {
  readonly rounds: number;
  /** Kills before anything was written, in the middle, and too late: the command had said that it was done. */
  readonly before: number;
  readonly during: number;
  readonly after: number;
  readonly faults: readonly string[];
  /** Temporary files that were left at the end. */
  readonly leftovers: number;
}

const commands = ['issue', 'issue-out', 'issue-again', 'issue-stdout', 'revoke', 'renew', 'crl'] as const;

type Kind = (typeof commands)[number];

const moments = ['before', 'during', 'after'] as const;

type Moment = (typeof moments)[number];

/** When a command is killed: so long after it was started, or after it first changed the disk. */
interface Kill {
  readonly from: 'start' | 'change';
  readonly ms: number;
}

/** Repairs after each round but these, so that faults meet faults too. */
const unrepairedShare = 0.4;

/**
 * Kills (SIGKILL) one command after another at a random instant of its life. After each the state is judged by an
 * independent checker, then mostly repaired by `ca renew` and judged again.
 */
export async function killRounds(rounds: number, random: SeededRandom): Promise<KillReport> {
  const directory = mkdtempSync(join(tmpdir(), 'private-ca-torture-'));
  try {
    return await new KillLane(directory, random).run(rounds);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

class KillLane {
  readonly #directory: string;
  readonly #home: string;
  readonly #random: SeededRandom;
  readonly #checker: Checker;
  readonly #shim: string;
  /** About how long each command takes from its start to its end, and from the first change to the last, in milliseconds. */
  readonly #spans = new Map<Kind, { life: number; work: number }>();
  readonly #faults: string[] = [];
  readonly #clients: string[] = [];
  readonly #counts = { before: 0, during: 0, after: 0 };

  constructor(directory: string, random: SeededRandom) {
    this.#directory = directory;
    this.#home = join(directory, 'home');
    this.#random = random;
    this.#checker = new Checker(this.#home);
    this.#shim = buildShim('kill-shim', directory);
  }

  async run(rounds: number): Promise<KillReport> {
    runCli(['init', '--home', this.#home, '--name', 'Torture CA', '--no-passphrase']);
    for (const kind of commands) {
      const args = this.#argumentsOf(kind);
      const startedAt = performance.now();
      const { exitCode } = await this.#start(args);
      const life = performance.now() - startedAt;
      this.#spans.set(kind, { life, work: life / 4 });
      if (exitCode !== 0) throw new Error(`${kind} exited ${exitCode} undisturbed`);
    }
    for (let round = 1; round <= rounds; round++) {
      await this.#round(round, this.#random.pick(commands));
    }
    this.#repair('at the end');
    this.#judge('at the end', this.#checker.faults());
    this.#judgeByTheProgram('at the end');
    return {
      rounds,
      ...this.#counts,
      faults: this.#faults,
      leftovers: this.#checker.leftovers().length,
    };
  }

  async #round(round: number, kind: Kind): Promise<void> {
    const args = this.#argumentsOf(kind);
    const name = `round ${round}, ca ${args.join(' ')}`;
    const before = this.#traces();
    const spans = this.#spans.get(kind) ?? { life: 0, work: 0 };
    const aim = this.#random.pick(moments);
    const { exitCode, stdout, stderr } = await this.#start(args, this.#killFor(aim, spans));
    const moment = exitCode === 0 ? 'after' : this.#traces() === before ? 'before' : 'during';
    this.#counts[moment]++;
    // The machine is busier at one time than at another.
    if (aim === 'during') spans.work *= moment === 'after' ? 0.8 : 1.1;
    if (exitCode !== null && exitCode !== 0) this.#judge(name, [`exited ${exitCode}: ${stdout}${stderr}`]);
    if (exitCode === 0 && kind === 'revoke') {
      const { revoked, already } = JSON.parse(stdout);
      this.#checker.acknowledgeRevoked(
        [...revoked, ...already].map(({ serial }: { serial: string }) => serial),
      );
    }
    const clients = args[1] === undefined ? [] : [args[1]];
    this.#judge(name, this.#checker.faults(clients));
    if (kind === 'issue-stdout')
      this.#judge(name, this.#checker.printedFaults(stdout.replaceAll('\\n', '\n')));
    if (this.#random.next() < unrepairedShare) return;
    this.#repair(name);
    this.#judge(`${name}, repaired`, this.#checker.faults(clients));
    if (round % 16 === 0) this.#judgeByTheProgram(name);
  }

  /** A random instant before the command changes anything, while it does, or about its end. */
  #killFor(aim: Moment, { life, work }: { readonly life: number; readonly work: number }): Kill {
    if (aim === 'before') return { from: 'start', ms: this.#random.between(0, life / 2) };
    const [earliest, latest] = aim === 'during' ? [0, work] : [work, 2 * work];
    return { from: 'change', ms: this.#random.between(earliest, latest) };
  }

  #repair(name: string): void {
    const { exitCode, stdout, stderr } = this.#run('renew');
    if (exitCode !== 0) this.#judge(name, [`renew exited ${exitCode}: ${stdout}${stderr}`]);
    this.#judge(`${name}, repaired`, this.#checker.repairFaults());
  }

  /** After a repair the program itself must be content, too. */
  #judgeByTheProgram(name: string): void {
    const verify = this.#run('ledger', 'verify');
    if (verify.exitCode !== 0) this.#judge(name, [`the ledger does not verify: ${verify.stdout}`]);
    const { problems }: { problems: readonly string[] } = JSON.parse(this.#run('status').stdout);
    // What was to be printed and was not is lost; status says how to come by another one.
    const others = problems.filter((problem) => !/^printed-.* ca issue printed-.* --again/.test(problem));
    this.#judge(
      name,
      others.map((problem) => `status after the repair: ${problem}`),
    );
  }

  #argumentsOf(kind: Kind): string[] {
    switch (kind) {
      case 'issue':
        return ['issue', this.#newClient()];
      case 'issue-out': {
        const client = this.#newClient();
        return ['issue', client, '--out', join(this.#directory, 'out', client)];
      }
      case 'issue-stdout':
        return ['issue', `printed-${this.#newClient()}`, '--out', '-'];
      case 'issue-again':
        return ['issue', this.#oldClient(), '--again'];
      case 'revoke':
        return ['revoke', this.#oldClient()];
      case 'renew':
        return ['renew', this.#oldClient(), '--force'];
      case 'crl':
        return ['crl'];
    }
  }

  #newClient(): string {
    const name = `client-${this.#clients.length + 1}`;
    this.#clients.push(name);
    return name;
  }

  /** A client that is on record and has a certificate; made now if there is none left. */
  #oldClient(): string {
    const book = readBook(this.#home);
    const live = [...book.placeOf]
      .filter(([client, { kind }]) => kind !== 'stdout' && latestOf(client, book))
      .map(([client]) => client);
    if (live.length > 0) return this.#random.pick(live);
    const client = this.#newClient();
    this.#run('issue', client);
    return client;
  }

  /** Runs a command, and kills it at that instant if it still runs. */
  #start(args: readonly string[], kill?: Kill): Promise<CliRun> {
    return new Promise((resolve, reject) => {
      const shim =
        kill?.from === 'change'
          ? { NODE_OPTIONS: `--require ${this.#shim}`, KILL_AFTER: `${kill.ms}` }
          : undefined;
      const child = spawn(process.execPath, [shippedCli, ...args, '--home', this.#home, '--json'], {
        env: cliEnvironment(shim),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (chunk) => (stdout += chunk));
      child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk));
      const timer = kill?.from === 'start' ? setTimeout(() => child.kill('SIGKILL'), kill.ms) : undefined;
      child.once('error', reject);
      child.once('close', (exitCode) => {
        clearTimeout(timer);
        resolve({ exitCode, stdout, stderr });
      });
    });
  }

  #run(...args: readonly string[]) {
    return runCli([...args, '--home', this.#home, '--json']);
  }

  #judge(name: string, faults: readonly string[]): void {
    for (const fault of faults) this.#faults.push(`${name}: ${fault}`);
  }

  /** What a command that has begun to act has changed: the record, the CRL or files of the client. */
  #traces(): string {
    mkdirSync(join(this.#directory, 'out'), { recursive: true });
    const places = ['home/ledger', 'home/crl', 'home/clients', 'out'].map((name) =>
      join(this.#directory, name),
    );
    return places
      .flatMap((place) => readdirSync(place, { recursive: true }).map((name) => traceOf(place, `${name}`)))
      .join();
  }
}

function traceOf(place: string, name: string): string {
  const stats = statSync(join(place, name), { throwIfNoEntry: false });
  // A lock that was taken is no trace: its holder has not begun.
  return name === 'lock' || !stats?.isFile() ? name : `${name} ${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}
