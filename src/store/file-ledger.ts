import { join } from 'node:path';
import type { Clock, Ledger, LedgerTransaction, Progress } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { type Link, linkEntries } from '../ledger/chain.ts';
import type { Entry, EntryBody } from '../ledger/entry.ts';
import { type LedgerState, pageLength } from '../ledger/ledger-state.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type Disk, realDisk } from './disk.ts';
import { Journal, journalStart } from './journal.ts';
import { JournalWriter } from './journal-writer.ts';
import { LedgerIndex, type OpenIndex, type ScanThread } from './ledger-index.ts';
import { LedgerReading } from './ledger-reading.ts';
import { type LockHolder, withLock } from './lock.ts';

export interface FileLedgerOptions {
  /** The ledger's own folder, `<home>/ledger`. */
  readonly directory: string;
  readonly clock: Clock;
  /** How long to wait for other writers, in milliseconds. */
  readonly lockWaitMs: number;
  /** Called once a transaction that has to wait. */
  readonly onWait?: (holder: LockHolder | undefined) => void;
  /** Told when a torn last line was moved to a file of that name beside the record. */
  readonly onTornLine?: (file: string, octets: number) => void;
  readonly disk?: Disk;
  /** The size at which a segment is followed by a new one: 64 MiB. */
  readonly segmentOctets?: number;
  /** After how many entries the index is extended: 256. */
  readonly tailEntries?: number;
  /** Told of the making of a long index. */
  readonly progress?: Progress;
  /** Where a long journal is scanned in a thread of its own. */
  readonly scanThread?: ScanThread;
}

const defaultSegmentOctets = 64 << 20;

/** A tail of the journal that is longer than this is taken into the index by the next writer. */
const defaultTailEntries = 256;

/** A run of many transactions keeps so many times that in memory: its next one asks about what its last ones wrote. */
const bulkTails = 16;

/** Entries that are to be written with the next ones, and the fold with them. */
interface Held {
  readonly links: readonly Link[];
  readonly state: LedgerState;
}

/** The record in files of one directory, shared with other processes. */
export class FileLedger implements Ledger {
  readonly #options: FileLedgerOptions;
  readonly #journal: Journal;
  readonly #writer: JournalWriter;
  readonly #index: LedgerIndex;
  readonly #reading: LedgerReading;
  /** The end of this process's last transaction: they take turns, and wait for other processes alone. */
  #lastTransaction: Promise<unknown> = Promise.resolve();
  /** How many runs of many transactions are at work. */
  #bulks = 0;

  constructor(options: FileLedgerOptions) {
    const {
      directory,
      disk = realDisk,
      segmentOctets = defaultSegmentOctets,
      tailEntries = defaultTailEntries,
      progress,
      scanThread,
    } = options;
    this.#options = options;
    this.#journal = new Journal(directory, disk);
    this.#writer = new JournalWriter(this.#journal, { disk, segmentOctets });
    this.#index = new LedgerIndex({
      directory: join(directory, 'index'),
      journal: this.#journal,
      disk,
      ...(progress && { progress }),
      ...(scanThread && { scanThread }),
    });
    this.#reading = new LedgerReading({
      journal: this.#journal,
      index: this.#index,
      longestTail: () => tailEntries * (this.#bulks > 0 ? bulkTails : 1),
    });
  }

  /** The record now. Octets after the last newline, where a writer is at work or died, are not part of it. */
  async view(): Promise<LedgerView> {
    await this.#reading.catchUp((index) => this.#extendOrBuild(index));
    return this.#reading.view();
  }

  transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    const done = this.#lastTransaction.then(() => this.#transact(work));
    this.#lastTransaction = done.catch(() => {});
    return done;
  }

  async inBulk<T>(work: () => Promise<T>): Promise<T> {
    this.#bulks++;
    try {
      return await work();
    } finally {
      this.#bulks--;
      await this.#extendLater();
    }
  }

  async #transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    // Whoever names a directory without a ledger gets no lock file there.
    this.#journal.segments();
    return await this.#locked(this.#options.lockWaitMs, async () => {
      const torn = await this.#reading.catchUp(async (index) => this.#index.extend(index));
      if (torn > 0) this.#setTailAside(torn);
      this.#reading.extendIndex();
      let open = true;
      let held: Held | undefined;
      const link = (bodies: readonly EntryBody[]) => {
        if (!open) throw new Error('the transaction is over');
        return this.#link(bodies, held);
      };
      try {
        return await work({
          view: () => this.#reading.view(held?.state),
          recorded: () => this.#reading.view(),
          hold: async (bodies) => {
            held = link(bodies);
            return held.state.head;
          },
          append: async (bodies) => {
            this.#append(link(bodies));
            held = undefined;
            const { head } = this.#reading.state;
            this.#reading.extendIndex();
            return head;
          },
        });
      } finally {
        open = false;
      }
    });
  }

  async *entries(): AsyncIterable<readonly Entry[]> {
    let page: Entry[] = [];
    try {
      for (const { entry } of this.#journal.entriesAfter(journalStart)) {
        page.push(entry);
        if (page.length < pageLength) continue;
        yield page;
        page = [];
      }
    } catch (error) {
      // The entries before a fault are sound: who looks for faults counts them.
      if (page.length > 0) yield page;
      throw error;
    }
    if (page.length > 0) yield page;
  }

  async hashOf(seq: number): Promise<string | undefined> {
    return this.#journal.hashOf(seq);
  }

  /** Looked for twice, the second time when no writer can be in the middle of a line. */
  async unfinishedOctets(): Promise<number> {
    const look = () => this.#reading.catchUp((index) => this.#extendOrBuild(index));
    const found = await look();
    if (found === 0) return 0;
    try {
      return await this.#locked(0, look);
    } catch (error) {
      if (!(error instanceof CaError) || !error.code.startsWith('store/')) throw error;
      // Whoever has the lock began by setting aside what was there; where no lock can be had nobody writes.
      return error.code === 'store/locked' ? 0 : found;
    }
  }

  #locked<T>(waitMs: number, work: () => Promise<T>): Promise<T> {
    const { directory, clock, onWait } = this.#options;
    const lock = { what: 'the ledger', waitMs, clock, ...(onWait && { onWait }) };
    return withLock(join(directory, 'lock'), lock, work);
  }

  /** What these entries become at the end of the record, after those that are held. */
  #link(bodies: readonly EntryBody[], held?: Held): Held {
    const { state } = this.#reading;
    const before = held ?? { links: [], state };
    const links = linkEntries(before.state.head, this.#options.clock(), bodies);
    if (links.length === 0) return before;
    const after = before.state.clone();
    for (const { entry, hash } of links) after.apply(entry, hash);
    return { links: [...before.links, ...links], state: after };
  }

  #append({ links, state }: Held): void {
    if (links.length === 0) return;
    const { point } = this.#reading;
    this.#reading.advance(state, this.#writer.append(point, links).at(-1) ?? point);
  }

  #setTailAside(octets: number): void {
    const file = this.#writer.setTailAside(this.#reading.point, octets);
    this.#append(this.#link([{ type: 'tail-set-aside', file, octets }]));
    this.#options.onTornLine?.(file, octets);
  }

  /** Takes in what a run of many transactions has left; where the lock is not to be had, its holder does. */
  async #extendLater(): Promise<void> {
    if (!this.#reading.isLong()) return;
    try {
      await this.transact(async () => {});
    } catch (error) {
      if (!(error instanceof CaError)) throw error;
    }
  }

  /** For a reader: writes the index if it can have the lock and the disk, else keeps it in memory. */
  async #extendOrBuild(index: OpenIndex | undefined): Promise<OpenIndex> {
    try {
      return await this.#locked(0, async () => this.#index.extend(this.#index.open()));
    } catch (error) {
      if (!(error instanceof CaError) || !error.code.startsWith('store/')) throw error;
      return this.#index.build(undefined, index);
    }
  }
}
