import { CaError } from '../core/ca-error.ts';
import { formatDuration } from '../core/duration.ts';
import { formatInstant } from '../core/instant.ts';
import type { LedgerHead } from '../ledger/record.ts';

/** How far behind the record the clock may be: what a time server's correction explains. */
const toleranceMs = 5 * 60_000;

/**
 * Throws `ledger/clock-behind` if the clock stands well before the last entry: a CRL signed now could already be
 * expired for everybody else, and would cut every client off.
 */
export function checkClock(now: Date, head: LedgerHead, confirmed: boolean): void {
  if (confirmed || !isClockBehind(now, head.time)) return;
  const behindMs = head.time.getTime() - now.getTime();
  throw new CaError(
    'ledger/clock-behind',
    `the clock says ${formatInstant(now)}, ${formatDuration(behindMs)} before the last entry of the ledger (${formatInstant(head.time)})`,
    {
      hint: 'set the clock; if it is right and the entry was made with a wrong one, run the command again with --yes',
    },
  );
}

/** True if the clock stands well before a time that has passed. */
export function isClockBehind(now: Date, past: Date): boolean {
  return past.getTime() - now.getTime() > toleranceMs;
}
