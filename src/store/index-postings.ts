import type { BlockWriter } from './index-blocks.ts';
import { gather, inStretches } from './index-gather.ts';
import { clientKeyAt, factsAt, keyKeyAt, rowsSaying, stride } from './index-rows.ts';
import { type RowMemory, type SortSpace, sortRows } from './index-sort.ts';
import { certificateRow as at, flags, postingKeyOctets, tableWidths } from './index-tables.ts';

/** The tables that take longest for what they are, of nothing but the certificates' rows: another thread may write them. */
export const postingNames = ['byClient', 'byKey'] as const;

export type PostingName = (typeof postingNames)[number];

export function isPosting(name: string): name is PostingName {
  return name === 'byClient' || name === 'byKey';
}

/** Writes one of these tables alone: the writer stands at its beginning. */
export function writePostingTable(
  rows: RowMemory,
  name: PostingName,
  writer: BlockWriter,
  space: SortSpace,
): void {
  writer.begin(tableWidths[name]);
  writePostings(rows, name, writer, space);
  writer.end();
  writer.finish();
}

/** Writes the rows of one of these tables. */
export function writePostings(
  rows: RowMemory,
  name: PostingName,
  writer: BlockWriter,
  space: SortSpace,
): void {
  const keyAt = name === 'byClient' ? clientKeyAt : keyKeyAt;
  const sorted = sortRows(rows, rowsSaying(rows, flags.issued), keyAt, postingKeyOctets, space);
  const width = tableWidths[name];
  inStretches(sorted, writer, (some, into) => {
    gather(rows.words, stride, keyAt, some, writer.words, into, width, postingKeyOctets);
    // The octet before `seq` makes it whole words.
    gather(rows.words, stride, at.seq - 1, some, writer.words, into + 8, width, factsAt - at.seq + 1);
    for (let index = 0; index < some.length; index++) writer.buffer[into + index * width + 8] = 0;
  });
}

const state = { open: 0, begun: 1, written: 2 } as const;

/** How long, in milliseconds, one thread waits for what the other has begun, until it does that itself. */
export const patienceMs = 5000;

/** Where the certificates' rows are, and where in the run's file each of these tables begins. */
export interface PostingPlan {
  readonly memory: SharedArrayBuffer;
  readonly count: number;
  readonly blocks: { readonly [N in PostingName]: number };
}

/** What another thread must know to write them. */
export interface PostingOrder extends PostingPlan {
  /** The run's file, and its id. */
  readonly path: string;
  readonly id: Uint8Array;
  /** Memory of {@link SharedPostings}. */
  readonly states: SharedArrayBuffer;
}

/** Which of the tables are written, for two threads: each table is written by whoever comes to it first. */
export class SharedPostings {
  readonly #states: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#states = new Int32Array(memory);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * postingNames.length);
  }

  /** True if nobody has begun that table: it is this thread's. */
  begin(name: PostingName): boolean {
    return (
      Atomics.compareExchange(this.#states, postingNames.indexOf(name), state.open, state.begun) ===
      state.open
    );
  }

  /** Tells what came of a table that was begun here. */
  end(name: PostingName, isWritten: boolean): void {
    const table = postingNames.indexOf(name);
    Atomics.store(this.#states, table, isWritten ? state.written : state.open);
    Atomics.notify(this.#states, table);
  }

  /**
   * Waits for a table that was begun elsewhere; false if it could not be written, or that takes too long. Who writes it then
   * writes the same octets to the same place, so that it does no harm if both go on.
   */
  isWritten(name: PostingName): boolean {
    const table = postingNames.indexOf(name);
    Atomics.wait(this.#states, table, state.begun, patienceMs);
    return Atomics.load(this.#states, table) === state.written;
  }
}
