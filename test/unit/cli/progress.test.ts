import { expect, it } from 'vitest';
import { createProgress } from '../../../src/cli/progress.ts';

function watch(isTerminal: boolean, quiet = false) {
  let now = Date.UTC(2026, 10, 22);
  let shown = '';
  const output = {
    isTerminal,
    columns: 80,
    write: (content: string | Uint8Array) => {
      shown += content;
    },
  };
  const progress = createProgress(output, () => new Date(now), quiet);
  return {
    after(ms: number, done: number) {
      now += ms;
      progress.update(done, 500, 'certificates renewed');
      return shown;
    },
    finish() {
      progress.finish();
      return shown;
    },
  };
}

it('says nothing within the first second', () => {
  expect(watch(true).after(999, 10)).toBe('');
});

it('rewrites one line on a terminal, and clears it in the end', () => {
  const work = watch(true);
  work.after(1500, 100);
  work.after(50, 110);
  work.after(100, 200);
  expect(work.finish()).toBe(
    '\r\u001b[K100 of 500 certificates renewed, 1s\r\u001b[K200 of 500 certificates renewed, 1s\r\u001b[K',
  );
});

it('writes a line every ten seconds elsewhere', () => {
  const work = watch(false);
  work.after(1500, 100);
  work.after(5000, 200);
  work.after(5000, 300);
  expect(work.finish()).toBe(
    'ca: 100 of 500 certificates renewed, 1s\nca: 300 of 500 certificates renewed, 11s\n',
  );
});

it('is silent with --quiet', () => {
  expect(watch(false, true).after(60_000, 100)).toBe('');
});
