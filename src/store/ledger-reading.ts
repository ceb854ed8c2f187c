import { join } from 'node:path';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { Serial } from '../core/serial.ts';
import { LayeredView } from '../ledger/layered-view.ts';
import { isUndelivered, LedgerState } from '../ledger/ledger-state.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CertificateRecord } from '../ledger/record.ts';
import { IndexView } from './index-view.ts';
import { type Journal, type JournalPoint, journalStart, segmentName } from './journal.ts';
import type { LedgerIndex, OpenIndex } from './ledger-index.ts';
import { RecordMemory } from './record-memory.ts';

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

export interface LedgerReadingOptions {
  readonly journal: Journal;
  readonly index: LedgerIndex;
  /** How many entries of the journal's end may be folded one by one. */
  readonly longestTail: () => number;
}

/** What this process has read of the record: it goes on from there. */
export class LedgerReading {
  readonly #journal: Journal;
  readonly #index: LedgerIndex;
  readonly #longestTail: () => number;
  #memory = new RecordMemory();
  #position: Position | undefined;

  constructor({ journal, index, longestTail }: LedgerReadingOptions) {
    this.#journal = journal;
    this.#index = index;
    this.#longestTail = longestTail;
  }

  get state(): LedgerState {
    return this.#read().state;
  }

  get point(): JournalPoint {
    return this.#read().point;
  }

  /** Takes in what this process has written: the fold with it, and where it ends. */
  advance(state: LedgerState, point: JournalPoint): void {
    this.#position = { ...this.#read(), state, point };
  }

  /**
   * The record as far as it was read.
   *
   * @param held the fold with what is held beside what was read
   */
  view(held?: LedgerState): LedgerView {
    const { older, state } = this.#read();
    return older ? new LayeredView(older, held ?? state) : (held ?? state);
  }

  /**
   * Reads what others have appended; gives the number of octets after the last newline. Throws `ledger/…`.
   *
   * @param extend extends an index that has much to catch up with
   */
  async catchUp(extend: (index: OpenIndex | undefined) => Promise<OpenIndex>): Promise<number> {
    const known = this.#position;
    const goesOn = known !== undefined && this.#journal.holds(known.point);
    if (!goesOn) this.#memory = new RecordMemory();
    if (goesOn && !this.isLong()) {
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

  /** True if the next writer should take the journal's end into the index. */
  isLong(): boolean {
    const known = this.#position;
    return known !== undefined && known.point.seq - (known.index?.point.seq ?? 0) > this.#longestTail();
  }

  /** Takes a long tail into the index. The record is safe without it, so that a full disk is no reason to fail. */
  extendIndex(): void {
    const position = this.#read();
    if (!this.isLong()) return;
    try {
      // Others may have extended it since it was read, and removed what was merged.
      const index = this.#index.extend(this.#index.open());
      this.#readOn(this.#startAfter(index, owedAt(position)));
    } catch (error) {
      if (!(error instanceof CaError) || !error.code.startsWith('store/')) throw error;
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
    const older = new IndexView(index, this.#journal, repair, owed, this.#memory);
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
    if (point.seq === 0) throw empty(this.#journal.directory);
    this.#position = { ...before, state, point };
    return next.value;
  }

  #read(): Position {
    if (!this.#position) throw new Error('the ledger was not read');
    return this.#position;
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
