import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../support/run-cli.ts';
import { Checker } from './independent-checker.ts';
import { collectPromises } from './mix-audit.ts';
import { Processes, type Trouble } from './processes.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface KillReport {
  /** How many processes were started to be killed; some end before the signal comes. */
  readonly started: number;
  readonly killed: number;
  readonly faults: readonly string[];
}

/** So many killed processes have one home; then comes a new one, as the checker looks at all that is there each time. */
const killsPerHome = 40;

/**
 * Lets commands that issue, revoke and renew die, one after the other, until so many were killed: at an instant that is
 * drawn, or at a call that changes the disk. After each the independent checker judges what is left, the next `ca renew`
 * must repair it, and the ledger verify.
 */
export async function killLoop(kills: number, random: SeededRandom): Promise<KillReport> {
  const directory = mkdtempSync(join(tmpdir(), 'private-ca-kills-'));
  try {
    const processes = new Processes(directory);
    const faults: string[] = [];
    let started = 0;
    let killed = 0;
    while (killed < kills && started < 3 * kills && faults.length === 0) {
      const authority = new KilledAuthority(join(directory, `home-${started}`), processes);
      const goal = Math.min(kills, killed + killsPerHome);
      while (killed < goal && started < 3 * kills) {
        const wasKilled = await authority.kill(drawCommand(random, ++started), drawKill(random));
        if (wasKilled) killed++;
      }
      faults.push(...authority.faults);
      authority.remove();
    }
    return { started, killed, faults };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

class KilledAuthority {
  readonly faults: string[] = [];
  readonly #home: string;
  readonly #processes: Processes;
  readonly #checker: Checker;

  constructor(home: string, processes: Processes) {
    this.#home = home;
    this.#processes = processes;
    for (const args of [
      ['init', '--name', 'Killed CA', '--no-passphrase'],
      ['issue', 'old-1', '--hook', 'true'],
      ['issue', 'old-2'],
    ])
      this.#expectDone('at first', args);
    this.#checker = new Checker(home);
  }

  /** Whether the command was killed, and did not end before. */
  async kill(args: readonly string[], trouble: Trouble): Promise<boolean> {
    const of = `ca ${args.join(' ')}, killed ${describeKill(trouble)}`;
    const words = [...args, '--home', this.#home, '--json'];
    const run = await this.#processes.start(words, { offsetMs: 0, trouble });
    if (run.exitCode !== null && run.exitCode !== 0)
      this.#judge(of, [`exited ${run.exitCode}: ${run.stdout}`]);
    this.#judge(of, [...collectPromises(run, this.#checker), ...this.#checker.faults()]);
    this.#expectDone(of, ['renew']);
    this.#expectDone(of, ['ledger', 'verify']);
    this.#judge(`${of}, repaired`, [...this.#checker.faults(), ...this.#checker.repairFaults()]);
    return run.exitCode === null;
  }

  remove(): void {
    rmSync(this.#home, { recursive: true });
  }

  #expectDone(of: string, args: readonly string[]): void {
    const { exitCode, stdout, stderr } = runCli([...args, '--home', this.#home, '--json']);
    if (exitCode !== 0) this.#judge(of, [`then ca ${args.join(' ')} exited ${exitCode}: ${stdout}${stderr}`]);
  }

  #judge(of: string, faults: readonly string[]): void {
    this.faults.push(...faults.map((fault) => `${of}: ${fault}`));
  }
}

function drawCommand(random: SeededRandom, count: number): readonly string[] {
  return random.pick([
    ['issue', `new-${count}`],
    ['issue', `new-${count}`, '--p12'],
    ['issue', 'old-1', '--again'],
    ['revoke', 'old-1'],
    ['revoke', 'old-2', '--reason', 'keyCompromise'],
    ['renew', 'old-1', '--force'],
    ['renew', '--force'],
  ]);
}

function drawKill(random: SeededRandom): Trouble {
  return random.next() < 0.5
    ? { kind: 'SIGKILL', from: 'change', ms: Math.floor(random.between(0, 12)) }
    : { kind: 'kill', step: 1 + Math.floor(random.between(0, 30)) };
}

function describeKill(trouble: Trouble): string {
  return trouble.kind === 'SIGKILL' ? `${trouble.ms} ms after its first change` : `at step ${trouble.step}`;
}
