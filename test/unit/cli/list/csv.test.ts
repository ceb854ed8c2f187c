import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../../../src/cli/list/csv.ts';

const fieldsOf = (text: string) => parseCsv(text).records.map(({ fields }) => fields);
const faultsOf = (text: string) => parseCsv(text).faults.map(({ line, message }) => `${line}: ${message}`);

describe('parseCsv', () => {
  it('reads records that end with LF, CRLF or the end of the text (RFC 4180 §2.1, §2.2)', () => {
    expect(fieldsOf('a,b\nc,d\r\ne,f')).toEqual([
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
    ]);
    expect(fieldsOf('a\n')).toEqual([['a']]);
    expect(fieldsOf('')).toEqual([]);
  });

  it('keeps spaces and empty fields (RFC 4180 §2.4)', () => {
    expect(fieldsOf(' a ,,b,')).toEqual([[' a ', '', 'b', '']]);
  });

  it('reads quoted fields with commas, line ends and doubled quotes (RFC 4180 §2.6, §2.7)', () => {
    expect(fieldsOf('"a,b","c""d","e\r\nf",""')).toEqual([['a,b', 'c"d', 'e\r\nf', '']]);
  });

  it('names the line on which a record begins, also after line ends in quotes', () => {
    expect(parseCsv('a\n"b\n\nc"\nd\n').records.map(({ line }) => line)).toEqual([1, 2, 5]);
  });

  it('names every line that is malformed, and reads the others', () => {
    const text = 'a\nb"c\nd\n"e"f\ng\rh\ni\n"never closed\nj\n';
    expect(faultsOf(text)).toEqual([
      '2: a field that is not quoted holds a quote',
      '4: text follows a closing quote',
      '5: a carriage return stands without a line feed',
      '7: a quote is opened and never closed',
    ]);
    expect(fieldsOf(text)).toEqual([['a'], ['d'], ['i'], ['j']]);
  });

  it('reads back whatever was written by the rules', () => {
    const field = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r\n', ' ', 'é') });
    const rows = fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(rows, fc.constantFrom('\n', '\r\n'), (records, end) => {
        const write = (value: string) => `"${value.replaceAll('"', '""')}"`;
        const text = records.map((record) => record.map(write).join(',') + end).join('');
        expect(fieldsOf(text)).toEqual(records);
      }),
    );
  });
});
