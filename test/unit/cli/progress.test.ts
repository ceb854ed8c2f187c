import { expect, it } from 'vitest';
import { type Alarm, createProgress } from '../../../src/cli/progress.ts';

function watch(isTerminal: boolean, quiet = false, columns = 80) {
  let now = Date.UTC(2026, 10, 22);
  let shown = '';
  const output = {
    isTerminal,
    columns,
    hasReader: true,
    write: (content: string | Uint8Array) => {
      shown += content;
    },
  };
  let ring: (() => void) | undefined;
  const alarm: Alarm = (ms, then) => {
    expect(ms).toBe(1000);
    ring = then;
    return () => {
      ring = undefined;
    };
  };
  const progress = createProgress(output, () => new Date(now), alarm, quiet);
  return {
    after(ms: number, done: number, what = 'certificates renewed') {
      now += ms;
      progress.update(done, 500, what);
      return shown;
    },
    /** Waits for a step that takes so long, and gives what was shown at its last instant. */
    async during(ms: number, result: Promise<string> = Promise.resolve('key')) {
      const step = progress.during('making the rsa4096 key', result);
      now += ms;
      if (ms >= 1000) ring?.();
      const shownMeanwhile = shown;
      expect(await step).toBe('key');
      expect(ring).toBeUndefined();
      return shownMeanwhile;
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

it('does not come back at once where something else was printed on the terminal', () => {
  const work = watch(true);
  work.after(1500, 100);
  const shown = work.finish();
  expect(work.after(50, 110)).toBe(shown);
  expect(work.after(50, 120)).toMatch(/120 of 500 certificates renewed, 75 a second, 5s left$/);
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

it('names one step that takes longer than a second, and clears the line after it', async () => {
  const work = watch(true);
  expect(await work.during(999)).toBe('');
  expect(await work.during(3000)).toBe('\r\u001b[Kmaking the rsa4096 key …');
  expect(work.finish()).toBe('\r\u001b[Kmaking the rsa4096 key …\r\u001b[K');
});

it('names such steps every ten seconds at most where there is no terminal', async () => {
  const work = watch(false);
  for (const ms of [3000, 4000, 3000, 4000]) await work.during(ms);
  expect(work.finish()).toBe('ca: making the rsa4096 key …\nca: making the rsa4096 key …\n');
});

it('goes on counting after such a step', async () => {
  const work = watch(true);
  await work.during(3000);
  expect(work.after(100, 64)).toBe(
    '\r\u001b[Kmaking the rsa4096 key …\r\u001b[K\r\u001b[K[===                   ] 64 of 500 certificates renewed, 21 a second, 21s left',
  );
});

it('clears the line of a step that fails, and lets it fail', async () => {
  const work = watch(true);
  await expect(work.during(2000, Promise.reject(new Error('no entropy')))).rejects.toThrow('no entropy');
  expect(work.finish()).toBe('\r\u001b[Kmaking the rsa4096 key …\r\u001b[K');
});
