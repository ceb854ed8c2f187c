import { expect, it } from 'vitest';
import type { Context } from '../../../src/cli/context.ts';
import {
  encodeJson,
  news,
  note,
  report,
  reportEntries,
  reportPages,
  warning,
} from '../../../src/cli/report.ts';
import { plain } from '../../../src/cli/style.ts';

interface Options {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly terminal?: boolean;
  /** How often is written before the reader goes away. */
  readonly mostWrites?: number;
}

/** A context, and what was said in it. */
function contextOf(options: Options): { context: Context; said: string[] } {
  const said: string[] = [];
  const stream = (name: string) => ({
    isTerminal: options.terminal === true,
    columns: 80,
    get hasReader() {
      return said.length < (options.mostWrites ?? Number.POSITIVE_INFINITY);
    },
    write: (content: string | Uint8Array) => void said.push(`${name}:${content}`),
  });
  const context = {
    json: options.json === true,
    quiet: options.quiet === true,
    style: plain,
    answered: false,
    finishProgress: () => void (options.terminal && said.push('finished')),
    world: { stdout: stream('out'), stderr: stream('err'), clock: () => new Date('2026-11-22T09:30:00Z') },
  } as unknown as Context; // the part of a context that report uses
  return { context, said };
}

function show(options: Options) {
  const { context, said } = contextOf(options);
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

type Item = { readonly name: string };

/** What is said of these pages; the failure that comes after them is given back with it. */
async function showPages(pages: readonly (readonly Item[])[], options: Options & { readonly fault?: Error }) {
  const { context, said } = contextOf(options);
  let given = 0;
  async function* come() {
    for (const page of pages) {
      given++;
      yield page;
    }
    if (options.fault) throw options.fault;
  }
  const render = () => (page: readonly Item[]) =>
    page.length === 0 ? [note('nothing')] : page.map(({ name }) => name);
  const failure = await reportPages(context, come(), render).catch((error: unknown) => error);
  return { said, given, failure, answered: context.answered };
}

const items = (...names: readonly string[]): readonly Item[] => names.map((name) => ({ name }));

it.each([[[items()]], [[items('one')]], [[items('one', 'two'), items('three'), items('four', 'five')]]])(
  'writes with --json the document that the whole list would be, page by page: %j',
  async (pages) => {
    const { said, answered } = await showPages(pages, { json: true });
    expect(said.map((text) => text.replace(/^out:/, '')).join('')).toBe(encodeJson(pages.flat()));
    expect(said).toHaveLength(pages.flat().length === 0 ? 1 : pages.length + 1);
    expect(answered).toBe(true);
  },
);

it('writes the lines of each page as it comes, or a note that there are none', async () => {
  const { said } = await showPages([items('one', 'two'), items('three')], {});
  expect(said).toEqual(['out:one\ntwo\n', 'out:three\n']);
  expect((await showPages([items()], {})).said).toEqual(['err:nothing\n']);
  expect((await showPages([items()], { quiet: true })).said).toEqual([]);
});

it('ends the line of progress before it writes to the same terminal', async () => {
  const { said } = await showPages([items('one'), items('two')], { terminal: true });
  expect(said).toEqual(['finished', 'out:one\n', 'finished', 'out:two\n']);
});

it.each([false, true])('stops when nobody reads any more (json: %s)', async (json) => {
  const { said, given } = await showPages([items('one'), items('two'), items('three')], {
    json,
    mostWrites: 2,
  });
  expect(said[1]).toContain('two');
  expect(said.join('')).not.toContain('three');
  expect(given).toBe(2);
});

it('has answered once a page is written: what fails after it is said elsewhere', async () => {
  const fault = new Error('torn');
  expect(await showPages([], { json: true, fault })).toMatchObject({
    said: [],
    failure: fault,
    answered: false,
  });
  expect(await showPages([items('one')], { json: true, fault })).toMatchObject({
    said: ['out:[\n  {\n    "name": "one"\n  }'],
    failure: fault,
    answered: true,
  });
});

it('writes entries as they stand, page by page, with --json and without', async () => {
  async function* pages() {
    yield ['{"seq":1}', '{"seq":2}'];
    yield ['{"seq":3}'];
  }
  for (const json of [false, true]) {
    const { context, said } = contextOf({ json });
    await reportEntries(context, { seq: 3 }, pages());
    expect(said.map((text) => text.replace(/^out:/, ''))).toEqual([
      '{"head":{"seq":3},"entries":[\n{"seq":1},\n{"seq":2}',
      ',\n{"seq":3}',
      '\n]}\n',
    ]);
  }
});
