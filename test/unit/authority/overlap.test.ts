import { expect, it } from 'vitest';
import { overlap } from '../../../src/authority/overlap.ts';

const later = () => new Promise((resolve) => setImmediate(resolve));

it('gives the results in order, with no more at work than allowed', async () => {
  let working = 0;
  let most = 0;
  const results = await overlap([3, 1, 2, 5, 4], 2, async (item, index) => {
    most = Math.max(most, ++working);
    for (let turn = 0; turn < item; turn++) await later();
    working--;
    return item * 10 + index;
  });
  expect(results).toEqual([30, 11, 22, 53, 44]);
  expect(most).toBe(2);
});

it('begins nothing after a failure, and throws it when all work has ended', async () => {
  const ended: number[] = [];
  const work = overlap([1, 2, 3, 4], 2, async (item) => {
    await later();
    if (item === 1) throw new Error('one');
    await later();
    ended.push(item);
  });
  await expect(work).rejects.toThrow('one');
  expect(ended).toEqual([2]);
});

it('has nothing to do without items', async () => {
  expect(await overlap([], 8, async () => 1)).toEqual([]);
});
