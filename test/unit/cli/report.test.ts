import { expect, it } from 'vitest';
import type { Context } from '../../../src/cli/context.ts';
import { encodeJson, news, note, report, warning } from '../../../src/cli/report.ts';
import { plain } from '../../../src/cli/style.ts';

function show(options: { json?: boolean; quiet?: boolean }) {
  const said: string[] = [];
  const stream = (name: string) => ({
    isTerminal: false,
    columns: 80,
    write: (content: string | Uint8Array) => void said.push(`${name}:${content}`),
  });
  const context = {
    json: options.json === true,
    quiet: options.quiet === true,
    style: plain,
    finishProgress: () => {},
    world: { stdout: stream('out'), stderr: stream('err'), clock: () => new Date('2026-11-22T09:30:00Z') },
  } as unknown as Context; // the part of a context that report uses
  report(context, { at: new Date('2026-11-22T09:30:00.999Z') }, () => [
    news('issued'),
    'data',
    warning('careful'),
    note('next'),
  ]);
  return said;
}

it('sends data and news to stdout, warnings and notes to stderr, in their order', () => {
  expect(show({})).toEqual(['out:issued\ndata\n', 'err:careful\n', 'err:next\n']);
});

it('drops news and notes with --quiet, but neither data nor warnings', () => {
  expect(show({ quiet: true })).toEqual(['out:data\n', 'err:careful\n']);
});

it('prints the result alone with --json', () => {
  expect(show({ json: true })).toEqual(['out:{\n  "at": "2026-11-22T09:30:00Z"\n}\n']);
});

it('encodes instants with whole seconds, big integers in decimal, and leaves out what is undefined', () => {
  const result = { at: [new Date('2050-01-01T00:00:00Z')], number: 2n ** 70n, none: undefined, no: null };
  expect(JSON.parse(encodeJson(result))).toEqual({
    at: ['2050-01-01T00:00:00Z'],
    number: '1180591620717411303424',
    no: null,
  });
});
