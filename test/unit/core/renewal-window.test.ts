import { describe, expect, it } from 'vitest';
import { dayMs } from '../../../src/core/duration.ts';
import { parseRenewalWindow } from '../../../src/core/renewal-window.ts';
import { refusalOf } from '../../support/refusal.ts';

describe('parseRenewalWindow', () => {
  it.each([
    ['1/3', { share: 1 / 3 }],
    ['33%', { share: 0.33 }],
    ['30d', { ms: 30 * dayMs }],
  ])('reads %s', (text, window) => {
    expect(parseRenewalWindow(text)).toEqual(window);
  });

  it.each(['', '1/1', '1/0', '2/3', '1/10', '0%', '100%', '33', '33.3%', ' 1/3', '0d', '30'])(
    'refuses "%s"',
    (text) => {
      expect(refusalOf(() => parseRenewalWindow(text))).toMatchObject({
        code: 'core/invalid-duration',
        hint: 'write 1/3, 33% or 30d',
      });
    },
  );
});
