import { describe, expect, it } from 'vitest';
import {
  addMs,
  earlier,
  formatDay,
  formatInstant,
  later,
  parseInstant,
  wholeSeconds,
} from '../../../src/core/instant.ts';
import { refusalOf } from '../../support/refusal.ts';

describe('parseInstant', () => {
  it.each([
    ['2026-11-22T09:30:00Z', '2026-11-22T09:30:00.000Z'],
    ['2026-11-22', '2026-11-22T00:00:00.000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
    ['2026-11-22T09:30:00.5Z', '2026-11-22T09:30:00.500Z'],
    ['2026-11-22T09:30:00.123999999Z', '2026-11-22T09:30:00.123Z'],
  ])('takes %s', (text, instant) => {
    expect(parseInstant(text).toISOString()).toBe(instant);
  });

  it('keeps every millisecond', () => {
    const start = Date.parse('2026-11-22T09:30:00Z');
    for (let ms = 0; ms < 1000; ms++) {
      expect(parseInstant(new Date(start + ms).toISOString()).getTime()).toBe(start + ms);
    }
  });

  it.each([
    '2026-02-30',
    '2026-13-01',
    '2026-11-22T24:00:00Z',
    '2026-11-22T23:59:60Z',
    '2026-11-22T09:30:00',
    '2026-11-22T09:30:00+01:00',
    '2026-11-22 09:30:00Z',
    '2026-11-22T09:30Z',
    '22.11.2026',
    '+012026-11-22',
    'yesterday',
    '',
  ])('refuses %j', (text) => {
    expect(refusalOf(() => parseInstant(text))).toMatchObject({
      code: 'core/invalid-instant',
      message: `${JSON.stringify(text)} is not a UTC time`,
    });
  });
});

describe('instants', () => {
  const instant = new Date('2026-11-22T09:30:00.999Z');

  it('are written with whole seconds, or as a day', () => {
    expect(formatInstant(instant)).toBe('2026-11-22T09:30:00Z');
    expect(formatDay(instant)).toBe('2026-11-22');
  });

  it('lose their fraction downwards, before 1970 too', () => {
    expect(wholeSeconds(instant).toISOString()).toBe('2026-11-22T09:30:00.000Z');
    expect(wholeSeconds(new Date(-1)).getTime()).toBe(-1000);
  });

  it('are moved and compared', () => {
    const after = addMs(instant, 1);
    expect(after.getTime() - instant.getTime()).toBe(1);
    expect([earlier(instant, after), later(instant, after)]).toEqual([instant, after]);
  });
});
