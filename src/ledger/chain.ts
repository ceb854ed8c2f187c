import { hash } from 'node:crypto';
import { CaError } from '../core/ca-error.ts';
import type { Entry, EntryBody } from './entry.ts';
import { encodeEntry, parseEntry } from './entry-codec.ts';

/** An entry, its line without the newline, and the line's hash. */
export interface Link {
  readonly entry: Entry;
  readonly line: Uint8Array;
  readonly hash: string;
}

/** SHA-256 in hex of a line's octets without its newline: what the next entry holds as `prev`. */
export function hashLine(line: Uint8Array | string): string {
  return hash('sha256', line, 'hex');
}

/**
 * The entries that `bodies` become after that head, each read back from its own line, so that nothing is ever
 * written that would not be read. Throws `ledger/malformed`.
 */
export function linkEntries(
  head: { readonly seq: number; readonly hash: string },
  time: Date,
  bodies: readonly EntryBody[],
): readonly Link[] {
  let { seq, hash: prev } = head;
  return bodies.map((body) => {
    seq++;
    const line = Buffer.from(encodeEntry({ seq, time, prev }, body));
    const entry = parseEntry(line, `the new entry ${seq}`);
    prev = hashLine(line);
    return { entry, line, hash: prev };
  });
}

/**
 * Refuses an entry that does not follow the one before: `seq` counts up by one, and `prev` is the hash of the
 * line before, so that any change, removal, insertion or swap is found. Throws `ledger/broken-chain`.
 *
 * @param before number and line hash of the entry before; 0 and zeros at the start
 * @param where the line's name for the message: `line 17 of ledger/00000001.jsonl`
 */
export function checkLink(
  entry: Pick<Entry, 'seq' | 'prev'>,
  before: { readonly seq: number; readonly hash: string },
  where: string,
): void {
  if (entry.seq !== before.seq + 1) {
    throw broken(
      `${where} is entry ${entry.seq} where entry ${before.seq + 1} belongs: a line was removed, inserted or moved`,
    );
  }
  if (entry.prev !== before.hash) {
    throw broken(
      `${where} was changed, or the line before it: its prev is ${entry.prev.slice(0, 12)}…, ` +
        `the SHA-256 of the line before is ${before.hash.slice(0, 12)}…`,
    );
  }
}

function broken(message: string): CaError {
  return new CaError('ledger/broken-chain', message, {
    hint: 'compare the ledger with a backup, and find out who can write to it',
  });
}
