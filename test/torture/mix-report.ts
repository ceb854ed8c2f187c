import type { RoundPlan, Step } from './mix-plan.ts';
import type { ProcessRun, Trouble } from './processes.ts';

/** What mixed rounds have done and found. */
export class MixTally {
  rounds = 0;
  twoTier = 0;
  encrypted = 0;
  clocksJumped = 0;
  processes = 0;
  /** Processes for which each trouble was meant, and how many it met. */
  readonly troubles: Record<string, { meant: number; hit: number }> = {};
  /** How often processes ended in which way: `done`, `killed`, `no` (exit code 1) or with an error code. */
  readonly ends: Record<string, number> = {};
  /** Rounds that need a disk of their own, which could not be mounted here. */
  skipped = 0;
  /** Temporary files that were left at the end of a round, in all. */
  leftovers = 0;
  readonly faults: string[] = [];

  begin({ twoTier, encrypted, clocksJump, lanes }: RoundPlan): void {
    this.rounds++;
    if (twoTier) this.twoTier++;
    if (encrypted) this.encrypted++;
    if (clocksJump) this.clocksJumped++;
    this.processes += lanes.flat().length;
  }

  end({ theme }: RoundPlan, { trouble, offsetMs }: Step, { exitCode, stdout, isHit }: ProcessRun): void {
    const end =
      exitCode === 0 ? 'done' : exitCode === null ? 'killed' : exitCode === 1 ? 'no' : codeOf(stdout);
    this.ends[end] = (this.ends[end] ?? 0) + 1;
    if (trouble) this.#note(nameOf(trouble), isHit);
    if (theme === 'full') this.#note('full disk', stdout.includes('store/disk-full'));
    if (offsetMs !== 0) this.#note('wrong clock', true);
  }

  /** The report in lines. */
  describe(): string[] {
    return [
      `${this.rounds} mixed rounds, ${this.processes} processes; ${this.twoTier} with two tiers, ${this.encrypted} with encrypted keys, ${this.clocksJumped} with clocks that jump`,
      ...(this.skipped > 0
        ? [`  ${this.skipped} rounds left out: no disk can be mounted here to be filled up`]
        : []),
      ...inOrder(this.troubles).map(
        ([kind, { meant, hit }]) => `  ${kind}: meant for ${meant} processes, met ${hit}`,
      ),
      `  ends: ${inOrder(this.ends)
        .map(([end, count]) => `${end} ${count}`)
        .join(', ')}`,
      `  temporary files left: ${this.leftovers}`,
      '  the seed gives commands, clocks, troubles and their instants again; not who is faster, nor serials and keys',
      `  ${this.faults.length === 0 ? 'sound' : `${this.faults.length} faults`}`,
    ];
  }

  #note(kind: string, isHit: boolean): void {
    const { meant, hit } = this.troubles[kind] ?? { meant: 0, hit: 0 };
    this.troubles[kind] = { meant: meant + 1, hit: hit + (isHit ? 1 : 0) };
  }
}

function nameOf(trouble: Trouble): string {
  if (trouble.kind === 'kill') return 'SIGKILL at a step';
  if (trouble.kind !== 'SIGKILL') return trouble.kind;
  return `SIGKILL after the ${trouble.from === 'start' ? 'start' : 'first change'}`;
}

function codeOf(stdout: string): string {
  try {
    return JSON.parse(stdout).error?.code ?? 'failed once it was printed';
  } catch {
    return 'crashed';
  }
}

function inOrder<T>(counts: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
}
