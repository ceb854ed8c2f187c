import { CaError } from './ca-error.ts';
import { quoted } from './printable.ts';

/** RFC 3339 in UTC with whole seconds, the precision of X.509: `2026-11-22T09:30:00Z`. */
export function formatInstant(instant: Date): string {
  return `${instant.toISOString().slice(0, 19)}Z`;
}

/** The calendar day of {@link formatInstant}: `2026-11-22`. */
export function formatDay(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}

/**
 * The instant of RFC 3339 text in UTC (`2026-11-22T09:30:00Z`, fraction of a second allowed) or of a day
 * (`2026-11-22`, its midnight). Throws `core/invalid-instant`; 30 February is refused, not rolled over.
 */
export function parseInstant(text: string): Date {
  const match = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z)?$/.exec(text);
  const milliseconds = (match?.[3] ?? '').padEnd(3, '0').slice(0, 3);
  const instant = match ? new Date(`${match[1]}T${match[2] ?? '00:00:00'}.${milliseconds}Z`) : undefined;
  if (!match || !instant || Number.isNaN(instant.getTime()) || formatDay(instant) !== match[1]) {
    throw new CaError('core/invalid-instant', `${quoted(text)} is not a UTC time`, {
      hint: 'write it as 2026-11-22T09:30:00Z or 2026-11-22',
    });
  }
  return instant;
}

/** `instant` without its fraction of a second: what fits into a certificate. */
export function wholeSeconds(instant: Date): Date {
  return new Date(Math.floor(instant.getTime() / 1000) * 1000);
}

/** The instant `milliseconds` after (or, negative, before) `instant`. */
export function addMs(instant: Date, milliseconds: number): Date {
  return new Date(instant.getTime() + milliseconds);
}

/** The earlier of two instants. */
export function earlier(a: Date, b: Date): Date {
  return new Date(Math.min(a.getTime(), b.getTime()));
}

/** The later of two instants. */
export function later(a: Date, b: Date): Date {
  return new Date(Math.max(a.getTime(), b.getTime()));
}
