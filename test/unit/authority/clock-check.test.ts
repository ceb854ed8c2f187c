import { describe, expect, it } from 'vitest';
import { checkClock } from '../../../src/authority/clock-check.ts';
import { refusalOf } from '../../support/refusal.ts';

const head = { seq: 7, hash: '', time: new Date('2026-11-22T09:30:00Z') };

describe('checkClock', () => {
  it.each(['2026-11-22T09:25:00Z', '2026-11-22T09:30:00Z', '2036-11-22T09:30:00Z'])('lets %s pass', (now) => {
    checkClock(new Date(now), head, false);
  });

  it('refuses a clock of more than five minutes behind the last entry', () => {
    expect(refusalOf(() => checkClock(new Date('2026-11-22T09:24:59Z'), head, false))).toMatchObject({
      code: 'ledger/clock-behind',
      message:
        'the clock says 2026-11-22T09:24:59Z, 5m 1s before the last entry of the ledger (2026-11-22T09:30:00Z)',
      hint: expect.stringContaining('--yes'),
    });
  });

  it('lets it pass when a person has confirmed it', () => {
    checkClock(new Date('2016-11-22T09:30:00Z'), head, true);
  });
});
