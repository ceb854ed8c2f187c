import type { Clock, Progress } from '../authority/ports.ts';
import { formatDuration } from '../core/duration.ts';
import type { Output } from './context.ts';

/** Silence before the first word of progress, in milliseconds. */
const patienceMs = 1000;
/** The least time between two words: a line that is rewritten, and one that stays. */
const rewriteMs = 100;
const lineMs = 10_000;

/**
 * Progress on `output`, once the work has taken longer than a second: one line that is rewritten on a terminal,
 * elsewhere a line every ten seconds.
 */
export function createProgress(
  output: Output,
  clock: Clock,
  quiet: boolean,
): { readonly update: Progress; readonly finish: () => void } {
  const start = clock().getTime();
  let last = 0;
  let standing = false;
  return {
    update(done, total, what) {
      const now = clock().getTime();
      const pauseMs = output.isTerminal ? rewriteMs : lineMs;
      if (quiet || now - start < patienceMs || now - last < pauseMs) return;
      last = now;
      const text = `${done} of ${total} ${what}, ${formatDuration(now - start)}`;
      output.write(output.isTerminal ? `\r\u001b[K${text}` : `ca: ${text}\n`);
      standing = output.isTerminal;
    },
    finish() {
      if (standing) output.write('\r\u001b[K');
      standing = false;
    },
  };
}
