import { CaError, type LineFault } from '../core/ca-error.ts';
import { beginning } from '../core/printable.ts';
import type { Progress } from './ports.ts';

/** A line that could be read: its number, what it names, and what it asks for. */
export interface ReadLine<T> {
  readonly line: number;
  readonly name: string;
  readonly value: T;
}

/**
 * Checks all lines of a list, and gives what `check` makes of them. Throws `core/invalid-list` with every bad line: those
 * that `check` refuses, and those that could not even be read.
 */
export async function checkList<T, R>(
  lines: readonly ReadLine<T>[],
  unread: readonly LineFault[],
  progress: Progress,
  check: (value: T) => Promise<R>,
): Promise<readonly R[]> {
  const checked: R[] = [];
  const faults = [...unread];
  for (const [index, { line, name, value }] of lines.entries()) {
    try {
      checked.push(await check(value));
    } catch (error) {
      faults.push(lineFault(error, line, name));
    }
    if (index % 64 === 63) progress(index + 1, lines.length, 'lines checked');
  }
  if (faults.length > 0) throw invalidList(faults);
  return checked;
}

/** A refusal as the fault of a line. Anything else is a bug, and thrown. */
export function lineFault(error: unknown, line: number, name?: string): LineFault {
  if (!(error instanceof CaError)) throw error;
  const { code, message, hint } = error;
  return {
    line,
    ...(name === undefined ? {} : { name: beginning(name) }),
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
  };
}

function invalidList(faults: readonly LineFault[]): CaError {
  const count = faults.length === 1 ? '1 line of the list is' : `${faults.length} lines of the list are`;
  return new CaError('core/invalid-list', `${count} bad, and nothing was done`, {
    hint: 'mend what is named, and run the same command again',
    faults: faults.toSorted((a, b) => a.line - b.line),
  });
}
