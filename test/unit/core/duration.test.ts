import { describe, expect, it } from 'vitest';
import { dayMs, formatDuration, parseDuration } from '../../../src/core/duration.ts';
import { refusalOf } from '../../support/refusal.ts';

describe('parseDuration', () => {
  it.each([
    ['1s', 1000],
    ['10m', 600_000],
    ['12h', dayMs / 2],
    ['90d', 90 * dayMs],
    ['2w', 14 * dayMs],
    ['100y', 36_500 * dayMs],
  ])('takes %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    '90',
    'd',
    '0d',
    '-1d',
    '+1d',
    '1.5d',
    '90 d',
    ' 90d',
    '090d',
    '90D',
    '1d12h',
    '1M',
    '101y',
    '9999999999s',
  ])('refuses %j', (text) => {
    expect(refusalOf(() => parseDuration(text))).toMatchObject({
      code: 'core/invalid-duration',
      message: `${JSON.stringify(text)} is not a duration between 1s and 100y`,
      hint: expect.stringContaining('90d'),
    });
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [999, '0s'],
    [250_000, '4m 10s'],
    [90 * dayMs - 1000, '89d 23h'],
    [400 * dayMs, '1y 35d'],
    [-12 * 3_600_000, '12h'],
  ])('says %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
