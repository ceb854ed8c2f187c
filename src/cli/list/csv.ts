import { lineFault } from '../../authority/line-faults.ts';
import { CaError, type LineFault } from '../../core/ca-error.ts';

/** A record of a CSV file: the line on which it begins, and its fields. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * The records of a CSV text (RFC 4180 §2, lines ending with CRLF or LF), and what is wrong with the others. Nothing is
 * guessed: a quote may stand around a field alone, doubled inside it, and spaces are part of a field. After a fault the
 * reading goes on with the next line.
 */
export function parseCsv(text: string): {
  readonly records: readonly CsvRecord[];
  readonly faults: readonly LineFault[];
} {
  const records: CsvRecord[] = [];
  const faults: LineFault[] = [];
  let line = 1;
  for (let at = 0; at < text.length; ) {
    const start = at;
    const fields: string[] = [];
    try {
      for (let more = true; more; ) {
        const field = text[at] === '"' ? quotedField(text, at) : plainField(text, at);
        fields.push(field.value);
        more = text[field.end] === ',';
        at = more ? field.end + 1 : lineEnd(text, field.end);
      }
      records.push({ line, fields });
    } catch (error) {
      faults.push(lineFault(error, line));
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end + 1;
    }
    line += countLines(text, start, at);
  }
  return { records, faults };
}

interface Field {
  readonly value: string;
  /** Where the comma, the line end or the end of the text is. */
  readonly end: number;
}

function plainField(text: string, start: number): Field {
  let end = start;
  while (end < text.length && !',\r\n'.includes(text.charAt(end))) {
    if (text[end] === '"') throw malformed('a field that is not quoted holds a quote');
    end++;
  }
  return { value: text.slice(start, end), end };
}

function quotedField(text: string, start: number): Field {
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) throw malformed('a quote is opened and never closed');
    if (text[quote + 1] === '"') {
      from = quote + 2;
      continue;
    }
    const end = quote + 1;
    if (end < text.length && !',\r\n'.includes(text.charAt(end)))
      throw malformed('text follows a closing quote');
    return { value: text.slice(start + 1, quote).replaceAll('""', '"'), end };
  }
}

/** The position after the line end that is there. */
function lineEnd(text: string, at: number): number {
  if (at >= text.length) return at;
  if (text[at] === '\n') return at + 1;
  if (text[at + 1] === '\n') return at + 2;
  throw malformed('a carriage return stands without a line feed');
}

function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function malformed(message: string): CaError {
  return new CaError('core/invalid-list', message, {
    hint: 'quote a field that holds a comma, a quote or a line end, and double the quotes in it (RFC 4180 §2)',
  });
}
