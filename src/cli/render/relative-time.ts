import { formatDay } from '../../core/instant.ts';

const units = [
  ['year', 31_536_000_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** An instant as a person says it: `in 89 days`, `3 hours ago`, `now`. In days up to two years, since that is how certificates are counted. */
export function relativeTime(instant: Date, now: Date): string {
  const ms = instant.getTime() - now.getTime();
  for (const [unit, unitMs] of units) {
    if (Math.abs(ms) < (unit === 'year' ? 2 : 1) * unitMs) continue;
    const count = Math.round(Math.abs(ms) / unitMs);
    const amount = `${count} ${unit}${count === 1 ? '' : 's'}`;
    return ms > 0 ? `in ${amount}` : `${amount} ago`;
  }
  return 'now';
}

/** The day and how far off it is: `2027-02-20 (in 89 days)`. */
export function dayAndDistance(instant: Date, now: Date): string {
  return `${formatDay(instant)} (${relativeTime(instant, now)})`;
}

/** `1 certificate`, `2 certificates`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
