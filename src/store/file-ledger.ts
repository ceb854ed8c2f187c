import { join } from 'node:path';
import type { Clock, Ledger, LedgerTransaction, Progress } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { Serial } from '../core/serial.ts';
import { type Link, linkEntries } from '../ledger/chain.ts';
import type { Entry, EntryBody } from '../ledger/entry.ts';
import { LayeredView } from '../ledger/layered-view.ts';
import { isUndelivered, LedgerState, pageLength } from '../ledger/ledger-state.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CertificateRecord } from '../ledger/record.ts';
import { type Disk, realDisk } from './disk.ts';
import { IndexView } from './index-view.ts';
import { Journal, type JournalPoint, journalStart, segmentName } from './journal.ts';
import { JournalWriter } from './journal-writer.ts';
import { LedgerIndex, type OpenIndex, type ScanThread } from './ledger-index.ts';
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

/** Certificates that are kept in mind for the delivery that is about to be recorded. */
const mostOwed = 4096;

/** A reader folds no more than this of the journal entry by entry: it is quicker to index it. */
const longestTailOctets = 1 << 20;

/** What has been read of the journal so far: what the index tells, and the fold of the entries since. */
interface Position {
  readonly index: OpenIndex | undefined;
  readonly older: IndexView | undefined;
  readonly state: LedgerState;
  readonly point: JournalPoint;
}

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
  #position: Position | undefined;
  /** The end of this process's last transaction: they take turns, and wait for other processes alone. */
  #lastTransaction: Promise<unknown> = Promise.resolve();
  /** How many runs of many transactions are at work. */
  #bulks = 0;

  constructor(options: FileLedgerOptions) {
    const {
      directory,
      disk = realDisk,
      segmentOctets = defaultSegmentOctets,
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
  }

  /** The record now. Octets after the last newline, where a writer is at work or died, are not part of it. */
  async view(): Promise<LedgerView> {
    await this.#catchUp((index) => this.#extendOrBuild(index));
    return this.#current();
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
      const torn = await this.#catchUp(async (index) => this.#index.extend(index));
      if (torn > 0) this.#setTailAside(torn);
      this.#extendIndex();
      let open = true;
      let held: Held | undefined;
      const link = (bodies: readonly EntryBody[]) => {
        if (!open) throw new Error('the transaction is over');
        return this.#link(bodies, held);
      };
      try {
        return await work({
          view: () => this.#current(held?.state),
          recorded: () => this.#current(),
          hold: async (bodies) => {
            held = link(bodies);
            return held.state.head;
          },
          append: async (bodies) => {
            this.#append(link(bodies));
            held = undefined;
            const { head } = this.#read().state;
            this.#extendIndex();
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
  async tornOctets(): Promise<number> {
    const look = () => this.#catchUp((index) => this.#extendOrBuild(index));
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

  /** @param held the fold with what is held beside what was read */
  #current(held?: LedgerState): LedgerView {
    const { older, state } = this.#read();
    return older ? new LayeredView(older, held ?? state) : (held ?? state);
  }

  /** Reads what others have appended; gives the number of octets after the last newline. */
  async #catchUp(extend: (index: OpenIndex | undefined) => Promise<OpenIndex>): Promise<number> {
    const known = this.#position;
    if (known && !this.#isLong(known) && this.#journal.holds(known.point)) {
      try {
        return this.#readOn(known);
      } catch {
        // A writer may have taken back lines of a failed append while they were read: read it all again.
      }
    }
    try {
      return await this.#readAll(extend);
    } catch (error) {
      // The same may happen here: a fault is a fault when it is seen twice.
      if (!(error instanceof CaError) || !error.code.startsWith('ledger/')) throw error;
      return await this.#readAll(extend);
    }
  }

  async #readAll(extend: (index: OpenIndex | undefined) => Promise<OpenIndex>): Promise<number> {
    let index = this.#index.open();
    if (this.#journal.octetsAfter(index?.point ?? journalStart) > longestTailOctets)
      index = await extend(index);
    return this.#readOn(this.#startAfter(index));
  }

  /** @param owed what is known of the certificates up to there that are not delivered */
  #startAfter(index: OpenIndex | undefined, owed?: ReadonlyMap<Serial, CertificateRecord>): Position {
    if (!index) return { index, older: undefined, state: new LedgerState(), point: journalStart };
    const repair = () => {
      this.#index.discard();
      return this.#index.build(index.point);
    };
    const older = new IndexView(index, this.#journal, repair, owed);
    return { index, older, state: new LedgerState(older), point: index.point };
  }

  #readOn(before: Position): number {
    const entries = this.#journal.entriesAfter(before.point);
    let next = entries.next();
    let { point } = before;
    const state = next.done ? before.state : before.state.clone();
    for (; !next.done; next = entries.next()) {
      point = next.value.point;
      state.apply(next.value.entry, point.hash);
    }
    if (point.seq === 0) throw empty(this.#options.directory);
    this.#position = { ...before, state, point };
    return next.value;
  }

  #read(): Position {
    if (!this.#position) throw new Error('the ledger was not read');
    return this.#position;
  }

  /** What these entries become at the end of the record, after those that are held. */
  #link(bodies: readonly EntryBody[], held?: Held): Held {
    const { state } = this.#read();
    const before = held ?? { links: [], state };
    const links = linkEntries(before.state.head, this.#options.clock(), bodies);
    if (links.length === 0) return before;
    const after = before.state.clone();
    for (const { entry, hash } of links) after.apply(entry, hash);
    return { links: [...before.links, ...links], state: after };
  }

  #append({ links, state }: Held): void {
    if (links.length === 0) return;
    const before = this.#read();
    const point = this.#writer.append(before.point, links).at(-1) ?? before.point;
    this.#position = { ...before, state, point };
  }

  #setTailAside(octets: number): void {
    const file = this.#writer.setTailAside(this.#read().point, octets);
    this.#append(this.#link([{ type: 'tail-set-aside', file, octets }]));
    this.#options.onTornLine?.(file, octets);
  }

  #isLong({ index, point }: Position): boolean {
    const limit = (this.#options.tailEntries ?? defaultTailEntries) * (this.#bulks > 0 ? bulkTails : 1);
    return point.seq - (index?.point.seq ?? 0) > limit;
  }

  /** Takes in what a run of many transactions has left; where the lock is not to be had, its holder does. */
  async #extendLater(): Promise<void> {
    if (!this.#position || !this.#isLong(this.#position)) return;
    try {
      await this.transact(async () => {});
    } catch (error) {
      if (!(error instanceof CaError)) throw error;
    }
  }

  /** Takes a long tail into the index. The record is safe without it, so that a full disk is no reason to fail. */
  #extendIndex(): void {
    const position = this.#read();
    if (!this.#isLong(position)) return;
    try {
      // Others may have extended it since it was read, and removed what was merged.
      const index = this.#index.extend(this.#index.open());
      this.#readOn(this.#startAfter(index, owedAt(position)));
    } catch (error) {
      if (!(error instanceof CaError) || !error.code.startsWith('store/')) throw error;
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

/** The certificates that wait for their delivery, the last few thousand of them: their next entry is about to come. */
function owedAt({ older, state }: Position): ReadonlyMap<Serial, CertificateRecord> {
  const owed = new Map(older?.owed);
  for (const record of state.changed()) {
    if (isUndelivered(record)) owed.set(record.serial, record);
    else owed.delete(record.serial);
  }
  return new Map([...owed].slice(-mostOwed));
}

function empty(directory: string): CaError {
  return new CaError('ledger/malformed', `${printable(join(directory, segmentName(1)))} holds no entry`, {
    hint: 'restore the ledger from a backup',
  });
}
