import { findDuplicateKey } from '../../authority/duplicate-key.ts';
import { lineFault } from '../../authority/line-faults.ts';
import { CaError, type LineFault } from '../../core/ca-error.ts';
import { beginning } from '../../core/printable.ts';
import { parseCsv } from './csv.ts';
import type { ListFormat } from './format.ts';
import { jsonItems, jsonLines } from './json.ts';

/** What a list may say of each item. */
export interface Columns<C extends string> {
  readonly names: readonly C[];
  /** The one that every row must have. */
  readonly needed: C;
  /** Those that may hold many values: separated by spaces in a cell of CSV, a list in JSON. */
  readonly many: readonly C[];
}

/** One row of a list; a cell that is empty is left out. */
export interface Row<C extends string> {
  readonly line: number;
  readonly cells: Readonly<Partial<Record<C, readonly string[]>>>;
}

export interface Rows<C extends string> {
  readonly rows: readonly Row<C>[];
  readonly faults: readonly LineFault[];
}

/** The rows of a list, and what is wrong with the others. Throws `core/invalid-list` where it is no list of that format. */
export function readRows<C extends string>(
  octets: Uint8Array,
  format: ListFormat,
  columns: Columns<C>,
): Rows<C> {
  const text = decodeText(octets);
  const read = format === 'csv' ? csvRows(text, columns) : jsonRows(text, format, columns);
  if (read.rows.length + read.faults.length === 0)
    throw refuse('the list is empty', 'give it a line for each of its clients');
  return read;
}

/** UTF-8, with or without a byte order mark, as spreadsheets write it. */
export function decodeText(octets: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch {
    throw refuse(`line ${firstUndecodable(octets)} is not in UTF-8`, 'save the list in UTF-8');
  }
}

function firstUndecodable(octets: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let line = 1, start = 0; ; line++) {
    const end = octets.indexOf(0x0a, start);
    try {
      decoder.decode(octets.subarray(start, end < 0 ? octets.length : end));
    } catch {
      return line;
    }
    if (end < 0) return line;
    start = end + 1;
  }
}

function csvRows<C extends string>(text: string, columns: Columns<C>): Rows<C> {
  const { records, faults } = parseCsv(text);
  const [header, ...rest] = records;
  if (!header || faults.some(({ line }) => line < header.line)) return { rows: [], faults };
  const names = checkHeader(header.fields, columns);
  return collect(rest, faults, ({ line, fields }) => {
    if (fields.length !== names.length) {
      const found =
        fields.length === 1 && fields[0] === ''
          ? 'the line is empty'
          : `the line has ${fields.length} fields`;
      throw refuse(
        `${found}, and the first line names ${names.length}`,
        'give each line as many, empty ones too',
      );
    }
    const cells: Partial<Record<C, readonly string[]>> = {};
    for (const [index, name] of names.entries()) {
      const field = fields[index] ?? '';
      if (field === '') continue;
      cells[name] = columns.many.includes(name) ? field.split(' ').filter((value) => value !== '') : [field];
    }
    return checkNeeded({ line, cells }, columns);
  });
}

/** The columns in their order. Throws `core/invalid-list`. */
function checkHeader<C extends string>(fields: readonly string[], columns: Columns<C>): readonly C[] {
  const hint = `the first line names columns, separated by commas, out of: ${columns.names.join(', ')}`;
  const found = fields.map((field) => {
    const name = columns.names.find((each) => each === field);
    if (name === undefined) throw refuse(`line 1: there is no column "${beginning(field)}"`, hint);
    return name;
  });
  const twice = found.find((name, index) => found.indexOf(name) !== index);
  if (twice !== undefined) throw refuse(`line 1: the column "${twice}" stands twice`, hint);
  if (!found.includes(columns.needed)) throw refuse(`line 1: there is no column "${columns.needed}"`, hint);
  return found;
}

function jsonRows<C extends string>(text: string, format: 'json' | 'jsonl', columns: Columns<C>): Rows<C> {
  const items = format === 'jsonl' ? jsonLines(text) : jsonItems(text);
  return collect(items, [], ({ line, text: item }) => {
    const value = parseObject(item);
    const duplicate = findDuplicateKey(item);
    if (duplicate !== undefined)
      throw refuse(`the key "${beginning(duplicate)}" stands twice`, 'leave one of the two');
    const cells: Partial<Record<C, readonly string[]>> = {};
    for (const [key, member] of Object.entries(value)) {
      const name = columns.names.find((each) => each === key);
      if (name === undefined)
        throw refuse(`there is no key "${beginning(key)}"`, `use: ${columns.names.join(', ')}`);
      const values = readValues(name, member, columns.many.includes(name));
      if (values.length > 0) cells[name] = values;
    }
    return checkNeeded({ line, cells }, columns);
  });
}

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(
      `it is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      'write {"client":"billing"}',
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw refuse('it is not an object', 'write {"client":"billing"}');
}

function readValues(name: string, value: unknown, many: boolean): readonly string[] {
  const values: readonly unknown[] = many && Array.isArray(value) ? value : [value];
  return values.flatMap((each) => {
    if (typeof each !== 'string')
      throw refuse(`"${name}" is not text${many ? ' or a list of texts' : ''}`, 'write it in quotes');
    return each === '' ? [] : [each];
  });
}

function checkNeeded<C extends string>(row: Row<C>, { needed }: Columns<C>): Row<C> {
  if (row.cells[needed]) return row;
  throw refuse(`"${needed}" is missing`, 'give one in each line');
}

/** Throws `core/invalid-list` for a control character in a cell: no path can hold a NUL, and no name any of them. */
export function checkCells<C extends string>(row: Row<C>): Row<C> {
  for (const [name, values] of Object.entries<readonly string[] | undefined>(row.cells)) {
    const found = /\p{Cc}/u.exec(values?.join('') ?? '')?.[0];
    if (found === undefined) continue;
    const code = found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    throw refuse(`"${name}" holds the control character U+${code}`, 'take it out');
  }
  return row;
}

function collect<T extends { readonly line: number }, C extends string>(
  items: readonly T[],
  before: readonly LineFault[],
  read: (item: T) => Row<C>,
): Rows<C> {
  const rows: Row<C>[] = [];
  const faults = [...before];
  for (const item of items) {
    try {
      rows.push(checkCells(read(item)));
    } catch (error) {
      faults.push(lineFault(error, item.line));
    }
  }
  return { rows, faults };
}

function refuse(message: string, hint: string): CaError {
  return new CaError('core/invalid-list', message, { hint });
}
