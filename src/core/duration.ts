import { CaError } from './ca-error.ts';
import { quoted } from './printable.ts';

const unitMs = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
} as const;

/** A day in milliseconds. */
export const dayMs = unitMs.d;

/**
 * The milliseconds of a duration like `90d`, `12h`, `10m`, `30s`, `2w` or `10y` (a year is 365 days), greater
 * than zero and at most 100 years. Throws `core/invalid-duration`.
 */
export function parseDuration(text: string): number {
  const match = /^([1-9]\d{0,8})([smhdwy])$/.exec(text);
  const ms = match ? Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] : Number.NaN;
  if (!(ms <= 100 * unitMs.y)) {
    throw new CaError('core/invalid-duration', `${quoted(text)} is not a duration between 1s and 100y`, {
      hint: 'write a whole number and a unit: 30s, 10m, 12h, 90d, 2w, 10y',
    });
  }
  return ms;
}

/** A duration as a person says it, in its two largest units: `89d 23h`, `4m 10s`, `0s`. */
export function formatDuration(ms: number): string {
  let rest = Math.floor(Math.abs(ms) / 1000) * 1000;
  const parts: string[] = [];
  for (const unit of ['y', 'd', 'h', 'm', 's'] as const) {
    const count = Math.floor(rest / unitMs[unit]);
    rest -= count * unitMs[unit];
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0s';
}
