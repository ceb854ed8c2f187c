import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../authority/ports.ts';
import { linkEntries } from '../ledger/chain.ts';
import type { EntryBody } from '../ledger/entry.ts';
import { LedgerState } from '../ledger/ledger-state.ts';
import type { LedgerHead } from '../ledger/record.ts';
import { type Disk, realDisk } from './disk.ts';
import { createDurably } from './durable-file.ts';
import { journalStart, segmentName } from './journal.ts';

/**
 * Begins a ledger with these entries in a directory that has none, durably, and gives its head. The directory is made,
 * mode 0700, if it is not there. Throws `store/occupied`, `store/…`.
 */
export function createLedger(
  directory: string,
  bodies: readonly EntryBody[],
  { clock, disk = realDisk }: { readonly clock: Clock; readonly disk?: Disk },
): LedgerHead {
  const links = linkEntries(journalStart, clock(), bodies);
  const state = new LedgerState();
  for (const { entry, hash } of links) state.apply(entry, hash);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lines = links.map(({ line }) => `${Buffer.from(line).toString('utf8')}\n`);
  createDurably(join(directory, segmentName(1)), lines.join(''), { mode: 0o644, disk });
  return state.head;
}
