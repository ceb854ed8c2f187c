import type { Clock, Progress } from '../authority/ports.ts';
import { formatDuration } from '../core/duration.ts';
import type { Output } from './context.ts';

/** Silence before the first word of progress, in milliseconds. */
const patienceMs = 1000;
/** The least time between two words: a line that is rewritten, and one that stays. */
const rewriteMs = 100;
const lineMs = 10_000;

/** The width of a bar, brackets and all, where the line has room for it. */
const widestBar = 24;
const narrowestBar = 8;

/** Rings once after that many milliseconds, unless what it returns is called before. */
export type Alarm = (ms: number, ring: () => void) => () => void;

/** Tells a person who waits what is being done. */
export interface ProgressLine {
  /** Of work in many steps, once it has taken longer than a second. */
  readonly update: Progress;
  /** Of one step that cannot say how far it is, such as `making the rsa4096 key`, once that has taken longer than a second. */
  during<T>(what: string, step: Promise<T>): Promise<T>;
  /** Clears the line, if one stands on the terminal. */
  finish(): void;
}

/**
 * Progress on `output`: on a terminal one line that is rewritten, with a bar, the rate and the time left, elsewhere a line
 * every ten seconds.
 */
export function createProgress(output: Output, clock: Clock, alarm: Alarm, quiet: boolean): ProgressLine {
  const start = clock().getTime();
  /** The kind of work at hand, and since when. */
  let phase = { what: '', since: start };
  let lastUpdate = start;
  let last = 0;
  let standing = false;
  const say = (text: string) => {
    const now = clock().getTime();
    const pauseMs = output.isTerminal ? rewriteMs : lineMs;
    if (quiet || now - last < pauseMs) return;
    last = now;
    output.write(output.isTerminal ? `\r\u001b[K${text}` : `ca: ${text}\n`);
    standing = output.isTerminal;
  };
  const finish = () => {
    if (standing) output.write('\r\u001b[K');
    standing = false;
    // Whoever prints page after page would have it flicker in between.
    if (output.isTerminal) last = clock().getTime();
  };
  return {
    update(done, total, what) {
      const now = clock().getTime();
      if (phase.what !== what) phase = { what, since: lastUpdate };
      lastUpdate = now;
      if (now - start < patienceMs) return;
      const text = `${done} of ${total} ${what}`;
      if (output.isTerminal) {
        const line = `${text}${pace(done, total, now - phase.since)}`;
        say(`${bar(done / total, output.columns - line.length - 2)}${line}`);
      } else {
        say(`${text}, ${formatDuration(now - start)}`);
      }
    },
    async during(what, step) {
      let said = false;
      const callOff = alarm(patienceMs, () => {
        said = true;
        say(`${what} …`);
      });
      try {
        return await step;
      } finally {
        callOff();
        if (said) finish();
      }
    },
    finish,
  };
}

/** How many a second, and how long the rest will take at that rate. */
function pace(done: number, total: number, ms: number): string {
  if (done <= 0 || ms <= 0) return '';
  const left = formatDuration((ms / done) * (total - done));
  return `, ${Math.round((done / ms) * 1000)} a second, ${left} left`;
}

/** `[=====     ] `, or nothing where there is no room. */
function bar(share: number, room: number): string {
  const width = Math.min(widestBar, room) - 2;
  if (width < narrowestBar) return '';
  return `[${'='.repeat(Math.round(Math.min(share, 1) * width)).padEnd(width)}] `;
}
