import { expect, it } from 'vitest';
import { createProgress } from '../../../src/cli/progress.ts';

function watch(isTerminal: boolean, quiet = false, columns = 80) {
  let now = Date.UTC(2026, 10, 22);
  let shown = '';
  const output = {
    isTerminal,
    columns,
    write: (content: string | Uint8Array) => {
      shown += content;
    },
  };
  const progress = createProgress(output, () => new Date(now), quiet);
  return {
    after(ms: number, done: number, what = 'certificates renewed') {
      now += ms;
      progress.update(done, 500, what);
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

it('rewrites one line on a terminal, with a bar, the rate and the time left, and clears it in the end', () => {
  const work = watch(true);
  work.after(1500, 100);
  work.after(50, 110);
  work.after(100, 200);
  expect(work.finish()).toBe(
    '\r\u001b[K[====                  ] 100 of 500 certificates renewed, 67 a second, 6s left\r\u001b[K[=========             ] 200 of 500 certificates renewed, 121 a second, 2s left\r\u001b[K',
  );
});

it('leaves the bar away where the line has no room for it', () => {
  const work = watch(true, false, 60);
  expect(work.after(2000, 100)).toBe('\r\u001b[K100 of 500 certificates renewed, 50 a second, 8s left');
});

it('counts the rate of each kind of work by itself', () => {
  const work = watch(true, false, 40);
  work.after(5000, 500, 'lines checked');
  expect(work.after(1000, 100)).toContain('100 of 500 certificates renewed, 100 a second, 4s left');
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
