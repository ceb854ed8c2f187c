import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { openFlush } from '../../src/store/file-system-flush.ts';
import { isInstalled } from '../support/installed.ts';
import { everyStep } from './every-step.ts';
import { killLoop } from './kill-loop.ts';
import { mixedRounds } from './mixes.ts';
import { powerCuts } from './power-cut.ts';
import { initTwice, issueToMany, issueToOne, renewTwice } from './races.ts';
import { SeededRandom } from './seeded-random.ts';

/** A shorter run of `npm run torture`. */
const seed = 20_261_122;
const rounds = Array.from({ length: 12 }, (_, index) => index + 1);

describe.skipIf(!isInstalled('openssl'))('torture (judged by openssl)', () => {
  it('keeps its promises while commands of all kinds run at once, die, and meet full disks and wrong clocks', async () => {
    const { faults, troubles, leftovers, ends, twoTier } = await mixedRounds(rounds, seed);
    expect(faults).toEqual([]);
    expect(twoTier).toBeGreaterThan(rounds.length / 3);
    expect(leftovers).toBeLessThan(10);
    // Kills that always came too early or too late, and faults that nobody met, would prove nothing.
    const hits = (kinds: RegExp) =>
      Object.entries(troubles).reduce((sum, [kind, { hit }]) => sum + (kinds.test(kind) ? hit : 0), 0);
    expect(hits(/SIGKILL/)).toBeGreaterThan(10);
    expect(hits(/ENOSPC|EIO|short/)).toBeGreaterThan(2);
    expect(hits(/wrong clock/)).toBeGreaterThan(10);
    expect(ends['done']).toBeGreaterThan(30);
  }, 300_000);

  it('loses nothing when 200 processes that issue, revoke and renew are killed', async () => {
    const { killed, faults } = await killLoop(200, new SeededRandom(seed));
    expect(faults).toEqual([]);
    expect(killed).toBe(200);
  }, 600_000);

  it.each(['kill', 'ENOSPC', 'EIO', 'short'] as const)(
    'survives %s at steps of each command',
    (fault) => {
      const { injected, faults } = everyStep(fault, (step) => step % 29 === 7);
      expect(faults).toEqual([]);
      expect(injected).toBeGreaterThan(8);
    },
    120_000,
  );

  it('loses nothing that was promised in a power cut', async () => {
    const { states, flushes, faults } = powerCuts(new SeededRandom(seed), {
      rolls: 1,
      isChosen: (instant) => instant % 37 === 5,
    });
    expect(faults).toEqual([]);
    expect(states).toBeGreaterThan(20);
    if (await openFlush(tmpdir())) expect(flushes).toBe(3);
  }, 120_000);

  it('finds it out if a disk does not sync', () => {
    const { faults } = powerCuts(new SeededRandom(seed), {
      rolls: 0,
      isChosen: (instant) => instant === 200,
      syncs: false,
    });
    expect(faults).not.toEqual([]);
  }, 60_000);

  it.each([() => issueToMany(20), () => issueToOne(20), renewTwice, initTwice])(
    'loses nothing in a race (%#)',
    async (race) => {
      const { name, faults } = await race();
      expect(faults, name).toEqual([]);
    },
    120_000,
  );
});
