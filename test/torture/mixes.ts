import { canMount, onSmallDisk } from '../support/small-disk.ts';
import { Checker } from './independent-checker.ts';
import { auditFaults, collectPromises } from './mix-audit.ts';
import { MixPlace } from './mix-place.ts';
import { describeStep, planRound, type RoundPlan, type Step, type Trouble } from './mix-plan.ts';
import { endFaults, MixProcesses, type StepRun } from './mix-process.ts';
import { readBook } from './record-reader.ts';
import { SeededRandom } from './seeded-random.ts';
import { ServerEye } from './server-eye.ts';

export interface MixReport {
  readonly rounds: number;
  readonly twoTier: number;
  readonly encrypted: number;
  readonly clocksJumped: number;
  readonly processes: number;
  /** Processes for which each trouble was meant, and whom it met. */
  readonly troubles: Readonly<Record<string, { readonly meant: number; readonly hit: number }>>;
  /** How often processes ended in which way: `done`, `killed`, `no` (exit code 1) or with an error code. */
  readonly ends: Readonly<Record<string, number>>;
  /** Rounds that need a disk of their own, which could not be mounted here. */
  readonly skipped: number;
  /** Temporary files that were left at the end of a round, in all. */
  readonly leftovers: number;
  readonly faults: readonly string[];
}

/** What is asked of the file system that is filled up: an authority of a hundred clients fits. */
const fullDiskSize = '16m';

/**
 * Rounds of commands of all kinds, in 1 to 20 processes at a time, on authorities of one tier or two. In some rounds
 * processes are killed, in some the disk fails some of them, in some it is full for all; in some the clock of each stands
 * elsewhere. After each the independent checker judges what is there, then the next command must repair it.
 *
 * The plan follows from the seed: the commands, their clocks and troubles, the milliseconds and steps at which these come.
 * Which process is faster, what has happened by that millisecond, and what is drawn (serials, keys), does not.
 *
 * @param tell called after each round
 */
export async function mixedRounds(
  rounds: readonly number[],
  seed: number,
  tell: (line: string) => void = () => {},
): Promise<MixReport> {
  const place = new MixPlace();
  try {
    const mixes = new Mixes(place);
    for (const round of rounds) {
      const plan = planRound(round, new SeededRandom(seed + round));
      const faults = await mixes.round(plan);
      tell(`${describeRound(plan)}: ${faults === 0 ? 'sound' : `${faults} faults`}`);
    }
    return mixes.report();
  } finally {
    place.remove();
  }
}

class Mixes {
  readonly #place: MixPlace;
  readonly #processes: MixProcesses;
  readonly #plans: RoundPlan[] = [];
  readonly #troubles: Record<string, { meant: number; hit: number }> = {};
  readonly #ends: Record<string, number> = {};
  readonly #faults: string[] = [];
  #skipped = 0;
  #leftovers = 0;

  constructor(place: MixPlace) {
    this.#place = place;
    this.#processes = new MixProcesses(place.directory);
  }

  /** Runs one round; gives how many faults were found. */
  async round(plan: RoundPlan): Promise<number> {
    const before = this.#faults.length;
    if (plan.theme !== 'full') await this.#run(plan);
    else if (canMount) await onSmallDisk(this.#place.path, () => this.#run(plan), fullDiskSize);
    else this.#skipped++;
    return this.#faults.length - before;
  }

  report(): MixReport {
    const count = (isOne: (plan: RoundPlan) => boolean) => this.#plans.filter(isOne).length;
    return {
      rounds: this.#plans.length,
      twoTier: count(({ twoTier }) => twoTier),
      encrypted: count(({ encrypted }) => encrypted),
      clocksJumped: count(({ clocksJump }) => clocksJump),
      processes: this.#plans.flatMap(({ lanes }) => lanes.flat()).length,
      troubles: this.#troubles,
      ends: this.#ends,
      skipped: this.#skipped,
      leftovers: this.#leftovers,
      faults: this.#faults,
    };
  }

  async #run(plan: RoundPlan): Promise<void> {
    this.#plans.push(plan);
    const { home } = this.#place;
    this.#place.prepare(plan);
    const checker = new Checker(home);
    const judge = (faults: readonly string[], of = describeRound(plan)) =>
      this.#faults.push(...faults.map((fault) => `${of}: ${fault}`));
    judge(checker.faults());
    const free = plan.theme === 'full' ? this.#place.fill(plan.roomOctets) : () => {};
    const eye = new ServerEye(home, ['old-1', 'old-2']);
    const ended = await Promise.all(plan.lanes.map((lane) => this.#runLane(lane)));
    free();
    judge(eye.close(readBook(home)));
    for (const { step, run } of ended.flat()) {
      const of = `${describeRound(plan)}, ${describeStep(step)}`;
      this.#count(plan, step, run);
      judge([...endFaults(plan, step, run), ...collectPromises(run, checker)], of);
    }
    judge(checker.faults());
    judge(auditFaults(plan, this.#place, checker));
    this.#leftovers += checker.leftovers().length;
  }

  async #runLane(lane: readonly Step[]): Promise<{ step: Step; run: StepRun }[]> {
    const ended: { step: Step; run: StepRun }[] = [];
    for (const step of lane) {
      const args = this.#place.resolve(step);
      ended.push({ step, run: await this.#processes.start(step, args, this.#place.environment) });
    }
    return ended;
  }

  #count({ theme }: RoundPlan, { trouble, offsetMs }: Step, { exitCode, stdout, isHit }: StepRun): void {
    const end =
      exitCode === 0 ? 'done' : exitCode === null ? 'killed' : exitCode === 1 ? 'no' : codeOf(stdout);
    this.#ends[end] = (this.#ends[end] ?? 0) + 1;
    const note = (kind: string, hit: boolean) => {
      const { meant, hit: before } = this.#troubles[kind] ?? { meant: 0, hit: 0 };
      this.#troubles[kind] = { meant: meant + 1, hit: before + (hit ? 1 : 0) };
    };
    if (trouble) note(nameOf(trouble), isHit);
    if (theme === 'full') note('full disk', stdout.includes('store/disk-full'));
    if (offsetMs !== 0) note('clock', true);
  }
}

function nameOf(trouble: Trouble): string {
  if (trouble.kind === 'kill') return 'SIGKILL at a step';
  if (trouble.kind !== 'SIGKILL') return trouble.kind;
  return `SIGKILL after the ${trouble.from === 'start' ? 'start' : 'first change'}`;
}

/** What a round was, in a line. */
function describeRound({ round, theme, twoTier, encrypted, large, clocksJump, lanes }: RoundPlan): string {
  const processes = lanes.flat().length;
  const more = [
    twoTier && 'two tiers',
    encrypted && 'encrypted',
    large && 'many clients',
    clocksJump && 'clocks jump',
  ];
  const what = [theme, ...more.filter(Boolean)].join(', ');
  return `round ${round} (${what}; ${processes} processes, ${lanes.length} at a time)`;
}

function codeOf(stdout: string): string {
  try {
    return JSON.parse(stdout).error.code;
  } catch {
    return 'crashed';
  }
}

/** A report in lines, with all that was found. */
export function describeMixes(report: MixReport): string[] {
  const { rounds, processes, twoTier, encrypted, clocksJumped, troubles, ends, skipped, leftovers } = report;
  const inOrder = <T>(counts: Readonly<Record<string, T>>) =>
    Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `${rounds} mixed rounds, ${processes} processes; ${twoTier} with two tiers, ${encrypted} with encrypted keys, ${clocksJumped} with clocks that jump`,
    ...(skipped === 0 ? [] : [`${skipped} rounds left out: no disk can be mounted here to be filled up`]),
    ...inOrder(troubles).map(
      ([kind, { meant, hit }]) => `  ${kind}: meant for ${meant} processes, met ${hit}`,
    ),
    `  ends: ${inOrder(ends)
      .map(([end, count]) => `${end} ${count}`)
      .join(', ')}`,
    `  temporary files left: ${leftovers}`,
    `  reproduced by the seed: commands, clocks, troubles and their instants; not who is faster, nor serials and keys`,
    ...(report.faults.length === 0 ? ['  sound'] : report.faults.map((fault) => `  ${fault}`)),
  ];
}
