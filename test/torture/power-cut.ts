import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliRun, runCli } from '../support/run-cli.ts';
import { DiskHistory, type Fate } from './disk-history.ts';
import type { DiskCall } from './disk-trace.ts';
import { Checker } from './independent-checker.ts';
import { readBook } from './record-reader.ts';
import type { SeededRandom } from './seeded-random.ts';
import { buildShim } from './shim.ts';

export interface PowerCutReport {
  /** How often the commands change the disk: as many instants there are for a power cut. */
  readonly changes: number;
  /** How many of them are flushes of the whole file system. */
  readonly flushes: number;
  /** How many different states of the disk after a power cut were judged. */
  readonly states: number;
  readonly faults: readonly string[];
}

/** All of an authority's life, in one history: what a command leaves unsynced is there when the next one begins. */
const life: readonly (readonly string[])[] = [
  ['init', '--name', 'Power CA', '--no-passphrase'],
  ['issue', 'billing'],
  ['issue', 'shipping', '--hook', 'true', '--p12'],
  ['issue', 'newcomer', '--out', 'OUT'],
  ['revoke', 'shipping', '--reason', 'keyCompromise'],
  ['issue', 'billing', '--again'],
  ['renew', '--force'],
  ['issue', '--from', 'LIST'],
  ['crl'],
  ['passphrase', '--new-passphrase-file', 'NEW'],
];

/** What a command has promised when it exits with 0. */
interface Promised {
  readonly args: readonly string[];
  /** How many changes of the disk had been made by then. */
  readonly changes: number;
  readonly issued: readonly string[];
  readonly revoked: readonly string[];
}

export interface PowerCutOptions {
  /** How often, at each instant, a die decides what lasts. */
  readonly rolls: number;
  /** Which instants, when all take too long. */
  readonly isChosen?: (instant: number) => boolean;
  /** Whether the disk does what a sync asks. Without it faults must be found, or nothing was tested. */
  readonly syncs?: boolean;
}

/**
 * Runs a life of an authority, and at each of the changes that it makes to the disk lets the power be cut, in several ways:
 * of what was not synced nothing is left, or all, or the names alone, or what a die decides. The independent checker judges
 * each state that this can leave, then `ca renew` must repair it; what was promised before must be there.
 */
export function powerCuts(random: SeededRandom, options: PowerCutOptions): PowerCutReport {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'private-ca-power-')));
  try {
    return new PowerCuts(directory, random).run(options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

class PowerCuts {
  readonly #directory: string;
  readonly #place: string;
  readonly #home: string;
  readonly #random: SeededRandom;
  readonly #passphrase: string;
  /** A list of new clients, two of which share a directory: so many that the file system is flushed for them. */
  readonly #list: string;
  readonly #shim: string;
  readonly #trace: string;
  readonly #seen = new Set<string>();
  readonly #faults: string[] = [];

  constructor(directory: string, random: SeededRandom) {
    this.#directory = directory;
    this.#place = join(directory, 'place');
    this.#home = join(this.#place, 'home');
    this.#random = random;
    this.#passphrase = join(directory, 'passphrase');
    this.#shim = buildShim('disk-trace', directory);
    this.#trace = join(directory, 'trace');
    mkdirSync(this.#place);
    writeFileSync(this.#passphrase, 'correct horse battery\n', { mode: 0o600 });
    this.#list = join(directory, 'clients.csv');
    writeFileSync(this.#list, 'client,out\nnorth,\nsouth,place/out\nwest,place/out\neast,\ncentre,\n');
  }

  run({ rolls, isChosen = () => true, syncs = true }: PowerCutOptions): PowerCutReport {
    const history = new DiskHistory(this.#place);
    const promises = life.map((args) => this.#live(args));
    const changes = this.#changes();
    changes.forEach((change, index) => {
      if (syncs || !(change.call === 'sync' || change.call === 'flushed')) history.apply(change);
      const instant = index + 1;
      if (!isChosen(instant)) return;
      for (const [name, fate] of this.#fates(rolls)) {
        history.cutPower(fate);
        const state = createHash('sha256').update(DiskHistory.describe(this.#place)).digest('hex');
        const kept = promises.filter((promised) => promised.changes <= instant);
        const running = promises[kept.length]?.args.join(' ') ?? 'nothing';
        const key = `${state} ${kept.length}`;
        if (this.#seen.has(key)) continue;
        this.#seen.add(key);
        const description = `power cut after change ${instant} (${describe(change)}), in ca ${running}, ${name}`;
        try {
          for (const fault of this.#judge(kept)) this.#faults.push(`${description}: ${fault}`);
        } catch (error) {
          this.#faults.push(`${description}: ${error}`);
        }
      }
    });
    const flushes = changes.filter(({ call }) => call === 'flushed').length;
    return { changes: changes.length, flushes, states: this.#seen.size, faults: this.#faults };
  }

  #live(args: readonly string[]): Promised {
    const { exitCode, stdout, stderr } = this.#run(args, {
      DISK_TRACE: this.#trace,
      NODE_OPTIONS: `--require ${this.#shim}`,
    });
    if (exitCode !== 0)
      throw new Error(`ca ${args.join(' ')} exited ${exitCode} undisturbed: ${stdout}${stderr}`);
    const { serial, issued = [], renewed = [], revoked = [] } = JSON.parse(stdout);
    const serials = (rows: readonly { readonly serial: string }[]) => rows.map((row) => row.serial);
    return {
      args,
      changes: this.#changes().length,
      issued: serial === undefined ? serials([...issued, ...renewed]) : [serial],
      revoked: serials(revoked),
    };
  }

  #changes(): readonly DiskCall[] {
    const lines = readFileSync(this.#trace, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as DiskCall);
  }

  #fates(rolls: number): readonly (readonly [string, Fate])[] {
    const certain = (name: boolean, data: ReturnType<Fate['keepsData']>): Fate => ({
      keepsName: () => name,
      keepsData: () => data,
    });
    const chance: Fate = {
      keepsName: () => this.#random.next() < 0.5,
      keepsData: () => this.#random.pick(['all', 'half', 'none', 'zeros']),
    };
    return [
      ['nothing unsynced lasts', certain(false, 'none')],
      ['everything lasts', certain(true, 'all')],
      ['names last', certain(true, 'none')],
      ['names and lengths last', certain(true, 'zeros')],
      ['data lasts', certain(false, 'all')],
      ...Array.from({ length: rolls }, (_, roll) => [`roll ${roll + 1}`, chance] as const),
    ];
  }

  #judge(kept: readonly Promised[]): string[] {
    if (kept.length === 0) return this.#judgeBeginning();
    const checker = new Checker(this.#home);
    const revoked = kept.flatMap((promised) => promised.revoked);
    checker.acknowledgeRevoked(revoked);
    const book = readBook(this.#home);
    const faults = [
      ...checker.faults(),
      ...kept
        .flatMap(({ issued }) => issued)
        .filter((serial) => !book.issued.has(serial) || !book.delivered.has(serial))
        .map((serial) => `${serial} was issued and is not on record, or not delivered`),
      ...revoked.filter((serial) => !book.revoked.has(serial)).map((serial) => `${serial} is not revoked`),
    ];
    const renew = this.#run(['renew']);
    if (renew.exitCode !== 0) faults.push(`renew exited ${renew.exitCode}: ${renew.stdout}${renew.stderr}`);
    else
      faults.push(...[...checker.faults(), ...checker.repairFaults()].map((fault) => `repaired: ${fault}`));
    for (const args of [['status'], ['ledger', 'verify'], ['crl']]) {
      const { exitCode, stdout, stderr } = this.#run(args);
      if (exitCode !== 0)
        faults.push(`repaired: ca ${args.join(' ')} exited ${exitCode}: ${stdout}${stderr}`);
    }
    return faults;
  }

  /** During an init there is a whole authority or none, and then a new one can be made. */
  #judgeBeginning(): string[] {
    if (!existsSync(join(this.#home, 'ca.json'))) {
      const { exitCode, stdout } = this.#run(life[0] ?? []);
      return exitCode === 0 ? [] : [`init again exited ${exitCode}: ${stdout}`];
    }
    const { exitCode, stdout } = this.#run(['ledger', 'verify']);
    return exitCode === 0 ? [] : [`half an authority: ${stdout}`];
  }

  #run(args: readonly string[], env: Readonly<Record<string, string>> = {}): CliRun {
    const words: Record<string, string> = {
      OUT: join(this.#place, 'out'),
      NEW: this.#passphrase,
      LIST: this.#list,
    };
    const resolved = args.map((arg) => words[arg] ?? arg);
    return runCli([...resolved, '--home', this.#home, '--json'], {
      env: { CA_PASSPHRASE_FILE: this.#passphrase, ...env },
      cwd: this.#directory,
    });
  }
}

function describe(change: DiskCall): string {
  const { call } = change;
  if (call === 'write') return `write of ${Buffer.from(change.octets, 'base64').length} octets`;
  const path = 'path' in change ? change.path : 'to' in change ? change.to : undefined;
  return path === undefined ? call : `${call} ${path.split('/').slice(-2).join('/')}`;
}
