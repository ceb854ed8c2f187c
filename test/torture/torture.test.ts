import { describe, expect, it } from 'vitest';
import { isInstalled } from '../support/installed.ts';
import { everyStep } from './every-step.ts';
import { killRounds } from './kill-rounds.ts';
import { powerCuts } from './power-cut.ts';
import { everythingAtOnce, initTwice, issueToMany, issueToOne, renewTwice } from './races.ts';
import { SeededRandom } from './seeded-random.ts';

/** A shorter run of `npm run torture`. */
const seed = 20_261_122;

describe.skipIf(!isInstalled('openssl'))('torture (judged by openssl)', () => {
  it('keeps its promises through 200 kills at random instants', async () => {
    const reports = await Promise.all([0, 1].map((lane) => killRounds(100, new SeededRandom(seed + lane))));
    expect(reports.flatMap(({ faults }) => faults)).toEqual([]);
    for (const { rounds, before, during, after, leftovers } of reports) {
      expect(rounds).toBe(before + during + after);
      expect(leftovers).toBeLessThan(10);
    }
    // Kills that always came too early or too late would prove nothing. About 75 hit the work, and 55 what is around it.
    for (const [moment, least] of [
      ['before', 20],
      ['during', 40],
      ['after', 20],
    ] as const) {
      const hits = reports.reduce((sum, report) => sum + report[moment], 0);
      expect(hits, `kills ${moment} the work`).toBeGreaterThanOrEqual(least);
    }
  }, 180_000);

  it.each(['kill', 'ENOSPC', 'EIO', 'short'] as const)(
    'survives %s at steps of each command',
    (fault) => {
      const { injected, faults } = everyStep(fault, (step) => step % 29 === 7);
      expect(faults).toEqual([]);
      expect(injected).toBeGreaterThan(8);
    },
    120_000,
  );

  it('loses nothing that was promised in a power cut', () => {
    const { states, faults } = powerCuts(new SeededRandom(seed), {
      rolls: 1,
      isChosen: (instant) => instant % 37 === 5,
    });
    expect(faults).toEqual([]);
    expect(states).toBeGreaterThan(20);
  }, 120_000);

  it('finds it out if a disk does not sync', () => {
    const { faults } = powerCuts(new SeededRandom(seed), {
      rolls: 0,
      isChosen: (instant) => instant === 200,
      syncs: false,
    });
    expect(faults).not.toEqual([]);
  }, 60_000);

  it.each([() => issueToMany(20), () => issueToOne(20), renewTwice, initTwice, () => everythingAtOnce(16)])(
    'loses nothing in a race (%#)',
    async (race) => {
      const { name, faults } = await race();
      expect(faults, name).toEqual([]);
    },
    120_000,
  );
});
