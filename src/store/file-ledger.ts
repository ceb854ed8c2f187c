import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Ledger, LedgerTransaction } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import { linkEntries } from '../ledger/chain.ts';
import type { Entry, EntryBody } from '../ledger/entry.ts';
import { LedgerState, pageLength } from '../ledger/ledger-state.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { LedgerHead } from '../ledger/record.ts';
import { type Disk, realDisk } from './disk.ts';
import { createDurably } from './durable-file.ts';
import { Journal, type JournalPoint, journalStart, segmentName } from './journal.ts';
import { type LockHolder, withLock } from './lock.ts';

export interface FileLedgerOptions {
  /** The ledger's own folder, `<home>/ledger`. */
  readonly directory: string;
  readonly clock: Clock;
  /** How long to wait for other writers, in milliseconds. */
  readonly lockWaitMs: number;
  /** Called once a transaction that has to wait. */
  readonly onWait?: (holder: LockHolder | undefined) => void;
  readonly disk?: Disk;
  /** The size at which a segment is followed by a new one: 64 MiB. */
  readonly segmentOctets?: number;
}

const defaultSegmentOctets = 64 << 20;

/** What has been read of the journal so far. */
interface Progress {
  readonly state: LedgerState;
  readonly point: JournalPoint;
}

/** The record in files of one directory, shared with other processes. */
export class FileLedger implements Ledger {
  readonly #options: FileLedgerOptions;
  readonly #journal: Journal;
  #progress: Progress | undefined;

  constructor(options: FileLedgerOptions) {
    const { directory, disk = realDisk, segmentOctets = defaultSegmentOctets } = options;
    this.#options = options;
    this.#journal = new Journal(directory, { disk, segmentOctets });
  }

  /** The record now. Octets after the last newline, where a writer is at work or died, are not part of it. */
  async view(): Promise<LedgerView> {
    this.#catchUp();
    return this.#current();
  }

  async transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    const { directory, clock, lockWaitMs: waitMs, onWait } = this.#options;
    this.#journal.segments();
    const lock = { what: 'the ledger', waitMs, clock, ...(onWait && { onWait }) };
    return await withLock(join(directory, 'lock'), lock, async () => {
      const torn = this.#catchUp();
      if (torn > 0) this.#setTailAside(torn);
      let open = true;
      try {
        return await work({
          view: () => this.#current(),
          append: async (bodies) => {
            if (!open) throw new Error('the transaction is over');
            return this.#append(bodies);
          },
        });
      } finally {
        open = false;
      }
    });
  }

  async *entries(): AsyncIterable<readonly Entry[]> {
    let page: Entry[] = [];
    for (const { entry } of this.#journal.entriesAfter(journalStart)) {
      page.push(entry);
      if (page.length < pageLength) continue;
      yield page;
      page = [];
    }
    if (page.length > 0) yield page;
  }

  #current(): LedgerView {
    return this.#read().state;
  }

  /** Reads what others have appended; gives the number of octets after the last newline. */
  #catchUp(): number {
    const known = this.#progress;
    if (known && this.#journal.holds(known.point)) {
      try {
        return this.#readOn(known);
      } catch {
        // A writer may have taken back lines of a failed append while they were read: read it all again.
      }
    }
    return this.#readOn({ state: new LedgerState(), point: journalStart });
  }

  #readOn({ state: before, point: start }: Progress): number {
    const entries = this.#journal.entriesAfter(start);
    let next = entries.next();
    let point = start;
    const state = next.done ? before : before.clone();
    for (; !next.done; next = entries.next()) {
      point = next.value.point;
      state.apply(next.value.entry, point.hash);
    }
    if (point.seq === 0) throw empty(this.#options.directory);
    this.#progress = { state, point };
    return next.value;
  }

  #read(): Progress {
    if (!this.#progress) throw new Error('the ledger was not read yet');
    return this.#progress;
  }

  #append(bodies: readonly EntryBody[]): LedgerHead {
    const { state: before, point } = this.#read();
    const links = linkEntries(point, this.#options.clock(), bodies);
    const state = before.clone();
    for (const { entry, hash } of links) state.apply(entry, hash);
    if (links.length > 0) {
      this.#progress = { state, point: this.#journal.append(point, links).at(-1) ?? point };
    }
    return state.head;
  }

  #setTailAside(octets: number): void {
    const file = this.#journal.setTailAside(this.#read().point, octets);
    this.#append([{ type: 'tail-set-aside', file, octets }]);
  }
}

function empty(directory: string): CaError {
  return new CaError('ledger/malformed', `${printable(join(directory, segmentName(1)))} holds no entry`, {
    hint: 'restore the ledger from a backup',
  });
}

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
