import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Where the record lies. Of the mixes and the checker this file alone knows that it is files: for a ledger kept elsewhere,
 * in PostgreSQL say, these functions read it there, and all else stays as it is. (To kill at each step, to cut the power
 * and to fill the disk is the file system's own torture; a database has its own.)
 */

/** All lines of the record up to its last newline, octet for octet; what follows that is nobody's. */
export function readRecord(home: string): Buffer {
  const directory = join(home, 'ledger');
  const segments = readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();
  const all = Buffer.concat(segments.map((name) => readFileSync(join(directory, name))));
  return all.subarray(0, all.lastIndexOf(0x0a) + 1);
}

/** Removes what is derived from the record, so that the next command has to derive it anew. */
export function forgetIndex(home: string): void {
  rmSync(join(home, 'ledger', 'index'), { recursive: true, force: true });
}
