import { join } from 'node:path';
import { canMount, onSmallDisk } from '../support/small-disk.ts';
import { Checker } from './independent-checker.ts';
import { auditFaults, collectPromises } from './mix-audit.ts';
import { endFaults } from './mix-ends.ts';
import { MixPlace } from './mix-place.ts';
import { describeRound, describeStep, planRound, type RoundPlan, type Step } from './mix-plan.ts';
import { MixTally } from './mix-report.ts';
import { Processes, type ProcessRun } from './processes.ts';
import { readBook } from './record-reader.ts';
import { SeededRandom } from './seeded-random.ts';
import { ServerEye } from './server-eye.ts';

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
 * @param tell called after each round, and with each fault
 */
export async function mixedRounds(
  rounds: readonly number[],
  seed: number,
  tell: (line: string) => void = () => {},
): Promise<MixTally> {
  const place = new MixPlace();
  try {
    const mixes = new Mixes(place);
    for (const round of rounds) {
      const plan = planRound(round, new SeededRandom(seed + round));
      const faults = await mixes.round(plan);
      tell(`${describeRound(plan)}: ${faults.length === 0 ? 'sound' : `${faults.length} faults`}`);
      for (const fault of faults) tell(`  ${fault}`);
    }
    return mixes.tally;
  } finally {
    place.remove();
  }
}

class Mixes {
  readonly #place: MixPlace;
  readonly #processes: Processes;
  readonly tally = new MixTally();

  constructor(place: MixPlace) {
    this.#place = place;
    this.#processes = new Processes(place.directory);
  }

  /** Runs one round; gives the faults that were found. */
  async round(plan: RoundPlan): Promise<readonly string[]> {
    const before = this.tally.faults.length;
    if (plan.theme !== 'full') await this.#run(plan);
    else if (canMount) await onSmallDisk(this.#place.path, () => this.#run(plan), fullDiskSize);
    else this.tally.skipped++;
    return this.tally.faults.slice(before);
  }

  async #run(plan: RoundPlan): Promise<void> {
    this.tally.begin(plan);
    const { home, path } = this.#place;
    this.#place.prepare(plan);
    const checker = new Checker(home, [join(path, 'out')]);
    const judge = (faults: readonly string[], of = describeRound(plan)) =>
      this.tally.faults.push(...faults.map((fault) => `${of}: ${fault}`));
    judge(checker.faults());
    const free = plan.theme === 'full' ? this.#place.fill(plan.roomOctets) : () => {};
    const eye = new ServerEye(home, ['old-1', 'old-2']);
    const ended = await Promise.all(plan.lanes.map((lane) => this.#runLane(lane)));
    free();
    judge(eye.close(readBook(home)));
    for (const { step, run } of ended.flat()) {
      const of = `${describeRound(plan)}, ${describeStep(step)}`;
      this.tally.end(plan, step, run);
      judge([...endFaults(plan, step, run), ...collectPromises(run, checker)], of);
    }
    judge(checker.faults());
    judge(auditFaults(plan, this.#place, checker));
    this.tally.leftovers += checker.leftovers().length;
  }

  async #runLane(lane: readonly Step[]): Promise<{ step: Step; run: ProcessRun }[]> {
    const ended: { step: Step; run: ProcessRun }[] = [];
    for (const step of lane) {
      const args = this.#place.resolve(step);
      ended.push({ step, run: await this.#processes.start(args, step, this.#place.environment) });
    }
    return ended;
  }
}
