import { readdirSync, type Stats, statSync } from 'node:fs';
import { ioError } from './io-error.ts';

/** What is at that path; undefined if nothing is. Throws `store/…`. */
export function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw ioError(error, 'look at', path);
  }
}

/** The names in a directory; none where it cannot be read. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
