import { describe, expect, it } from 'vitest';
import type { ListFormat } from '../../../../src/cli/list/format.ts';
import { readRows } from '../../../../src/cli/list/rows.ts';
import { CaError } from '../../../../src/core/ca-error.ts';

const columns = { names: ['client', 'dns', 'out'], needed: 'client', many: ['dns'] } as const;
const read = (format: ListFormat, text: string) => readRows(Buffer.from(text), format, columns);
const faultsOf = (format: ListFormat, text: string) =>
  read(format, text).faults.map(({ line, message }) => `${line}: ${message}`);

function refusalOf(format: ListFormat, octets: string | Uint8Array): string {
  try {
    readRows(Buffer.from(octets), format, columns);
  } catch (error) {
    if (error instanceof CaError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a list in CSV', () => {
  it('has its columns in any order, many names in a cell separated by spaces, and empty cells left out', () => {
    expect(read('csv', '\ufeffdns,client,out\na.example  b.example,billing,\n,shipping,a b\n').rows).toEqual([
      { line: 2, cells: { dns: ['a.example', 'b.example'], client: ['billing'] } },
      { line: 3, cells: { client: ['shipping'], out: ['a b'] } },
    ]);
  });

  it.each([
    ['client,dsn\nbilling,x\n', 'line 1: there is no column "dsn"'],
    ['Client\nbilling\n', 'line 1: there is no column "Client"'],
    ['client;dns\nbilling;x\n', 'line 1: there is no column "client;dns"'],
    ['client,client\na,b\n', 'line 1: the column "client" stands twice'],
    ['dns\nx\n', 'line 1: there is no column "client"'],
    ['', 'the list is empty'],
    ['client\n', 'the list is empty'],
  ])('is refused when its first line is wrong: %j', (text, message) => {
    expect(refusalOf('csv', text)).toBe(`core/invalid-list: ${message}`);
  });

  it('has every line with another number of fields named, and those without a client', () => {
    expect(faultsOf('csv', 'client,dns\na\n\nb,c,d\n,e\nf,\n')).toEqual([
      '2: the line has 1 fields, and the first line names 2',
      '3: the line is empty, and the first line names 2',
      '4: the line has 3 fields, and the first line names 2',
      '5: "client" is missing',
    ]);
  });

  it('is refused for a malformed first line, which is named', () => {
    expect(faultsOf('csv', 'cli"ent\nbilling\n')).toEqual(['1: a field that is not quoted holds a quote']);
  });

  it('has every line named that holds a control character', () => {
    expect(faultsOf('csv', 'client,out\na,x\0y\nb,"x\ny"\nc,\u009b\n')).toEqual([
      '2: "out" holds the control character U+0000',
      '3: "out" holds the control character U+000A',
      '5: "out" holds the control character U+009B',
    ]);
    expect(faultsOf('jsonl', '{"client":"a","dns":["b","\\u0000"]}')).toEqual([
      '1: "dns" holds the control character U+0000',
    ]);
  });

  it('is refused when it is not in UTF-8, with the line', () => {
    expect(refusalOf('csv', Buffer.from('client\nbilling\nm\xfcller\n', 'latin1'))).toBe(
      'core/invalid-list: line 3 is not in UTF-8',
    );
  });
});

describe('a list in JSON Lines', () => {
  it('has one object a line', () => {
    expect(
      read('jsonl', '{"client":"a","dns":["b.example"]}\r\n{"client":"c","dns":"d.example"}').rows,
    ).toEqual([
      { line: 1, cells: { client: ['a'], dns: ['b.example'] } },
      { line: 2, cells: { client: ['c'], dns: ['d.example'] } },
    ]);
  });

  it('has every bad line named', () => {
    const text = [
      '{"client":"a"',
      '["a"]',
      '{"client":7}',
      '{"client":["a"]}',
      '{"client":"a","dns":[7]}',
      '{"client":"a","name":"b"}',
      '{"client":"a","client":"b"}',
      '',
      '{"dns":"a.example"}',
      '{"client":""}',
      'null',
    ].join('\n');
    expect(faultsOf('jsonl', text).map((fault) => fault.replace(/(not JSON).*/, '$1'))).toEqual([
      '1: it is not JSON',
      '2: it is not an object',
      '3: "client" is not text',
      '4: "client" is not text',
      '5: "dns" is not text or a list of texts',
      '6: there is no key "name"',
      '7: the key "client" stands twice',
      '8: it is not JSON',
      '9: "client" is missing',
      '10: "client" is missing',
      '11: it is not an object',
    ]);
  });
});

describe('a list in JSON', () => {
  it('is one array, whose items are named by the lines on which they begin', () => {
    const text =
      '[\n  {"client":"a","dns":["x.example", "y.example"]},\n\n  {"client":\n"b,]}"} ,{"client":"c"}\n]\n';
    expect(read('json', text).rows.map(({ line, cells }) => [line, cells.client?.[0]])).toEqual([
      [2, 'a'],
      [4, 'b,]}'],
      [5, 'c'],
    ]);
  });

  it('has every bad item named, and is refused when it is no array', () => {
    expect(faultsOf('json', '[{"client":"a"},\n7,\n{"client":"b","x":1}]')).toEqual([
      '2: it is not an object',
      '3: there is no key "x"',
    ]);
    expect(refusalOf('json', '{"client":"a"}')).toBe('core/invalid-list: the list is not a JSON array');
    expect(refusalOf('json', '[{"client":"a"}')).toMatch(
      /^core\/invalid-list: line 1: the list is not JSON: /,
    );
    expect(refusalOf('json', '[{"client":"a"},\n{"client":"b"}\n{"client":"c"}]')).toMatch(
      /^core\/invalid-list: line 3: the list is not JSON: /,
    );
    expect(refusalOf('json', '[]')).toBe('core/invalid-list: the list is empty');
  });
});
