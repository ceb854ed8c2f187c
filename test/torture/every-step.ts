import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliRun, runCli } from '../support/run-cli.ts';
import { Checker } from './independent-checker.ts';
import { buildShim } from './shim.ts';

export interface StepReport {
  /** How many steps (calls that change the disk) the commands have, in all. */
  readonly steps: number;
  /** How many faults were injected. */
  readonly injected: number;
  readonly faults: readonly string[];
}

/** What happens at the step: the process dies; the disk is full from then on; it reports one error; it takes half of each write from then on. */
export type StepFault = 'kill' | 'ENOSPC' | 'EIO' | 'short';

interface Scenario {
  readonly name: string;
  readonly args: readonly string[];
  /** Whether the authority is there already, with clients. */
  readonly onAuthority: boolean;
}

const scenarios: readonly Scenario[] = [
  {
    name: 'init',
    args: ['init', '--name', 'Steps CA', '--no-passphrase', '--two-tier'],
    onAuthority: false,
  },
  { name: 'restore', args: ['restore', 'BACKUP'], onAuthority: false },
  { name: 'backup', args: ['backup', 'OUT'], onAuthority: true },
  { name: 'issue', args: ['issue', 'newcomer', '--out', 'OUT'], onAuthority: true },
  { name: 'issue --from', args: ['issue', '--from', 'LIST'], onAuthority: true },
  { name: 'issue again', args: ['issue', 'billing', '--again', '--p12'], onAuthority: true },
  { name: 'revoke', args: ['revoke', 'billing', '--reason', 'keyCompromise'], onAuthority: true },
  { name: 'renew', args: ['renew', '--force'], onAuthority: true },
  { name: 'crl', args: ['crl'], onAuthority: true },
  { name: 'passphrase', args: ['passphrase', '--new-passphrase-file', 'NEW'], onAuthority: true },
];

/**
 * Runs each command once for every call by which it changes the disk, and lets that call go wrong; then the independent
 * checker judges what is left, and the next command must repair it.
 *
 * @param isChosen which steps, when all take too long
 */
export function everyStep(fault: StepFault, isChosen: (step: number) => boolean): StepReport {
  const directory = mkdtempSync(join(tmpdir(), 'private-ca-steps-'));
  try {
    return new Steps(directory, fault).run(isChosen);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

class Steps {
  readonly #directory: string;
  readonly #fault: StepFault;
  readonly #shim: string;
  /** A file with the passphrase that the CA's key is given. */
  readonly #passphrase: string;
  /** A backup of the authority that the commands work on. */
  readonly #backup: string;
  /** A list of new clients, two of which share a directory: so many that the file system is flushed for them. */
  readonly #list: string;
  readonly #faults: string[] = [];

  constructor(directory: string, fault: StepFault) {
    this.#directory = directory;
    this.#fault = fault;
    this.#shim = buildShim('disk-shim', directory);
    this.#passphrase = join(directory, 'passphrase');
    this.#backup = join(directory, 'backup.tar');
    writeFileSync(this.#passphrase, 'correct horse battery\n', { mode: 0o600 });
    this.#list = join(directory, 'clients.csv');
    writeFileSync(this.#list, 'client,out\nnorth,\nsouth,place/out\nwest,place/out\neast,\ncentre,\n');
  }

  run(isChosen: (step: number) => boolean): StepReport {
    const template = join(this.#directory, 'template');
    mkdirSync(template);
    const home = join(template, 'home');
    for (const args of [
      ['init', '--name', 'Steps CA', '--no-passphrase'],
      ['issue', 'billing'],
      ['issue', 'shipping', '--hook', 'true'],
      ['issue', 'gone'],
      ['revoke', 'gone'],
      ['backup', this.#backup],
    ]) {
      const { exitCode, stderr } = runCli([...args, '--home', home]);
      if (exitCode !== 0) throw new Error(`ca ${args.join(' ')} exited ${exitCode}: ${stderr}`);
    }
    let steps = 0;
    let injected = 0;
    for (const scenario of scenarios) {
      const count = this.#countSteps(scenario);
      for (let step = 1; step <= count; step++) {
        if (!isChosen(++steps)) continue;
        injected++;
        this.#try(scenario, step);
      }
    }
    return { steps, injected, faults: this.#faults };
  }

  #countSteps(scenario: Scenario): number {
    const countPath = join(this.#directory, 'count');
    const { exitCode, stderr } = this.#runIn(this.#freshPlace(scenario), scenario.args, {
      DISK_FAULT: 'count',
      DISK_COUNT: countPath,
    });
    if (exitCode !== 0) throw new Error(`${scenario.name} exited ${exitCode} undisturbed: ${stderr}`);
    return Number(readFileSync(countPath, 'utf8'));
  }

  #try(scenario: Scenario, step: number): void {
    const place = this.#freshPlace(scenario);
    const home = join(place, 'home');
    const name = `ca ${scenario.name}, ${this.#fault} at step ${step}`;
    const checker = new Checker(home, [join(place, 'out')]);
    if (scenario.onAuthority) this.#judge(name, checker.faults());
    const broken = this.#runIn(place, scenario.args, { DISK_FAULT: `${this.#fault}:${step}` });
    this.#judgeEnd(name, broken);
    if (!scenario.onAuthority) {
      this.#judgeInit(name, scenario, place, broken);
      return;
    }
    this.#judge(name, checker.faults());
    if (broken.exitCode === 0 && scenario.name === 'revoke') {
      checker.acknowledgeRevoked(
        JSON.parse(broken.stdout).revoked.map((each: { serial: string }) => each.serial),
      );
      this.#judge(name, checker.faults());
    }
    // The same command again goes through, above all where the hint says so, or says that it was done before.
    const again = this.#runIn(place, scenario.args, {});
    const isHinted = broken.stdout.includes('same command again');
    const wasDone = /authority\/client-exists|store\/occupied/.test(again.stdout);
    if (again.exitCode !== 0 && (isHinted || !wasDone))
      this.#judge(name, [`the same command again exited ${again.exitCode}: ${again.stdout}${again.stderr}`]);
    if (scenario.name === 'revoke' && again.exitCode === 0) {
      const { revoked, already } = JSON.parse(again.stdout);
      checker.acknowledgeRevoked([...revoked, ...already].map((each: { serial: string }) => each.serial));
    }
    if (scenario.name === 'backup') {
      const { exitCode, stdout } = this.#runIn(place, ['restore', '--check', 'OUT'], {});
      if (exitCode !== 0) this.#judge(name, [`the backup is none: ${stdout}`]);
    }
    // Whichever passphrase it has now, the CA's key opens.
    if (scenario.name === 'passphrase') {
      const { exitCode, stdout } = this.#runIn(place, ['crl'], {});
      if (exitCode !== 0) this.#judge(name, [`the key is lost: ${stdout}`]);
    }
    const repair = this.#runIn(place, ['renew'], {});
    if (repair.exitCode !== 0)
      this.#judge(name, [`renew exited ${repair.exitCode}: ${repair.stdout}${repair.stderr}`]);
    this.#judge(`${name}, repaired`, [...checker.faults(), ...checker.repairFaults()]);
    for (const args of [['status'], ['ledger', 'verify']]) {
      const { exitCode, stdout } = this.#runIn(place, args, {});
      if (exitCode !== 0)
        this.#judge(`${name}, repaired`, [`ca ${args.join(' ')} exited ${exitCode}: ${stdout}`]);
    }
    const leftovers = checker.leftovers();
    if (leftovers.length > 0) this.#judge(`${name}, repaired`, [`left behind: ${leftovers.join(', ')}`]);
  }

  /** A fault ends in a refusal with a hint, or does no harm; never in a crash of the program. */
  #judgeEnd(name: string, { exitCode, stdout, stderr }: CliRun): void {
    if (this.#fault === 'kill') {
      if (exitCode !== null) this.#judge(name, [`was not killed: exited ${exitCode}`]);
      return;
    }
    if (exitCode === 0 || (exitCode === 1 && this.#fault !== 'short')) return;
    if (this.#fault === 'short') {
      this.#judge(name, [`exited ${exitCode}: ${stdout}${stderr}`]);
      return;
    }
    const { error } = exitCode === 3 ? JSON.parse(stdout) : { error: undefined };
    const code = this.#fault === 'ENOSPC' ? 'store/disk-full' : 'store/io';
    if (error?.code !== code || !error.hint) this.#judge(name, [`exited ${exitCode}: ${stdout}${stderr}`]);
  }

  /** After an init or a restore that failed the directory is free, or the authority is whole. */
  #judgeInit(name: string, { args }: Scenario, place: string, broken: CliRun): void {
    const again = this.#runIn(place, args, {});
    if (broken.exitCode === 0 || (again.exitCode === 3 && again.stdout.includes('authority/exists'))) {
      const verify = this.#runIn(place, ['ledger', 'verify'], {});
      if (verify.exitCode !== 0) this.#judge(name, [`left a broken authority: ${verify.stdout}`]);
    } else if (again.exitCode !== 0) {
      this.#judge(name, [`the same again exited ${again.exitCode}: ${again.stdout}${again.stderr}`]);
    }
  }

  #freshPlace({ onAuthority }: Scenario): string {
    const place = join(this.#directory, 'place');
    rmSync(place, { recursive: true, force: true });
    if (onAuthority)
      cpSync(join(this.#directory, 'template'), place, { recursive: true, verbatimSymlinks: true });
    else mkdirSync(place);
    return place;
  }

  #runIn(place: string, args: readonly string[], env: Readonly<Record<string, string>>): CliRun {
    const words: Record<string, string> = {
      OUT: join(place, 'out'),
      NEW: this.#passphrase,
      BACKUP: this.#backup,
      LIST: this.#list,
    };
    const resolved = args.map((arg) => words[arg] ?? arg);
    const shim = Object.keys(env).length === 0 ? {} : { NODE_OPTIONS: `--require ${this.#shim}` };
    return runCli([...resolved, '--home', join(place, 'home'), '--json'], {
      env: { CA_PASSPHRASE_FILE: this.#passphrase, ...env, ...shim },
    });
  }

  #judge(name: string, faults: readonly string[]): void {
    for (const fault of faults) this.#faults.push(`${name}: ${fault}`);
  }
}
