import { describe, expect, it } from 'vitest';
import { lookAhead } from '../../../src/authority/look-ahead.ts';

describe('lookAhead', () => {
  it('gives the outcomes in the order of the items, whichever is there first', async () => {
    const outcomes = lookAhead([30, 1, 10], 2, async (ms) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return ms;
    });
    expect([await outcomes.next(), await outcomes.next(), await outcomes.next()]).toEqual([30, 1, 10]);
  });

  it('begins at most so many items ahead of the one that is asked for, and half of them together', async () => {
    let begun = 0;
    const outcomes = lookAhead([1, 2, 3, 4, 5, 6, 7, 8], 4, async () => {
      begun++;
    });
    const counts = [begun];
    for (let turn = 1; turn <= 8; turn++) {
      await outcomes.next();
      counts.push(begun);
    }
    expect(counts).toEqual([0, 5, 5, 5, 8, 8, 8, 8, 8]);
  });

  it('throws a failure at its turn, and goes on with the next', async () => {
    const outcomes = lookAhead(['good', 'bad', 'fine'], 2, async (item) => {
      if (item === 'bad') throw new Error(item);
      return item;
    });
    expect(await outcomes.next()).toBe('good');
    await new Promise((resolve) => setImmediate(resolve));
    await expect(outcomes.next()).rejects.toThrow('bad');
    expect(await outcomes.next()).toBe('fine');
  });

  it('throws where it is asked for more than there is', async () => {
    const outcomes = lookAhead([], 2, async () => 1);
    await expect(outcomes.next()).rejects.toThrow('no more items');
  });
});
