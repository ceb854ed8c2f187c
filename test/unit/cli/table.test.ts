import { describe, expect, it } from 'vitest';
import { counted, relativeTime } from '../../../src/cli/render/relative-time.ts';
import { shellWord } from '../../../src/cli/render/shell-word.ts';
import { renderFacts, renderTable } from '../../../src/cli/render/table.ts';

describe('a table', () => {
  it('aligns its columns, also around wide characters and combining marks', () => {
    expect(
      renderTable([
        ['billing', 'x'],
        ['請求', 'y'],
        ['jo\u0308rg', 'z'],
      ]).join('\n'),
    ).toMatchInlineSnapshot(`
      "billing  x
      請求     y
      jörg     z"
    `);
  });

  it('decorates a cell without moving the next one', () => {
    const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
    expect(
      renderTable([
        [{ text: 'no', decorate: red }, 'x'],
        ['yes', 'y'],
      ]),
    ).toEqual(['\u001b[31mno\u001b[39m   x', 'yes  y']);
  });

  it('shows what could steer a terminal instead of sending it', () => {
    expect(renderTable([['\u001b[2Jx\n\u202ey']])).toEqual(['\\u{1b}[2Jx\\u{a}\\u{202e}y']);
  });

  it('leaves out facts without a value', () => {
    expect(
      renderFacts([
        ['client', 'billing'],
        ['hook', undefined],
      ]),
    ).toEqual(['client  billing']);
  });
});

describe('a time', () => {
  const now = new Date('2026-11-22T09:30:00Z');
  it.each([
    ['2026-11-22T09:30:20Z', 'now'],
    ['2026-11-22T09:35:00Z', 'in 5 minutes'],
    ['2026-11-22T08:25:00Z', '1 hour ago'],
    ['2027-02-20T09:29:59Z', 'in 90 days'],
    ['2028-11-20T09:30:00Z', 'in 729 days'],
    ['2036-11-19T09:30:00Z', 'in 10 years'],
    ['2026-11-21T09:30:00Z', '1 day ago'],
  ])('%s is %s', (instant, said) => {
    expect(relativeTime(new Date(instant), now)).toBe(said);
  });

  it('and a number are in the singular where they are one', () => {
    expect([counted(0, 'certificate'), counted(1, 'certificate')]).toEqual([
      '0 certificates',
      '1 certificate',
    ]);
  });
});

it.each([
  ['/etc/ca/billing.pem', '/etc/ca/billing.pem'],
  ['/home/jörg/a b', "'/home/jörg/a b'"],
  ["it's", "'it'\\''s'"],
  ['$(rm -rf ~)', "'$(rm -rf ~)'"],
])('%s is one word of a shell', (text, word) => {
  expect(shellWord(text)).toBe(word);
});
