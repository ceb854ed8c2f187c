import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { batchOctets, LineBatch, type ScanStart } from './index-lines.ts';
import { type PostingOrder, patienceMs, SharedPostings } from './index-postings.ts';

/** What the thread is told when it is started. */
export interface ScanOrder {
  readonly directory: string;
  readonly start: ScanStart;
  readonly memory: SharedArrayBuffer;
}

/** How many batches may be on their way from one thread to the other. */
export const ringBatches = 4;

/** What a batch's memory holds; `ended` is where one would have come after the last. */
export const slotState = { empty: 0, full: 1, ended: 2 } as const;

/** Before the batches stands the state of each of them. */
const ringHeader = 64;

/** The memory that both threads see, and each one's place in it: batches are filled, and emptied, in turn. */
export class BatchRing {
  readonly #states: Int32Array;
  readonly #batches: readonly LineBatch[];
  #slot = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#states = new Int32Array(memory, 0, ringBatches);
    this.#batches = Array.from(
      { length: ringBatches },
      (_, slot) => new LineBatch(memory, ringHeader + slot * batchOctets),
    );
  }

  /** Waits until this thread's batch is in another state than that one; undefined if that takes too long. */
  await(state: number, timeoutMs?: number): LineBatch | undefined {
    if (Atomics.wait(this.#states, this.#slot, state, timeoutMs) === 'timed-out') return undefined;
    return this.#batches[this.#slot];
  }

  get state(): number {
    return Atomics.load(this.#states, this.#slot);
  }

  /** Hands this thread's batch over to the other one, and goes on to the next. */
  pass(state: number): void {
    Atomics.store(this.#states, this.#slot, state);
    Atomics.notify(this.#states, this.#slot);
    this.#slot = (this.#slot + 1) % ringBatches;
  }
}

/** A thread beside this one: it scans lines while they are folded here, and then writes some of the tables made of them. */
export class IndexThread {
  readonly #worker: Worker;
  readonly #ring: BatchRing;

  /**
   * Starts it with the journal's lines after a point; undefined where that cannot be, or would be no gain.
   *
   * @param program the path of the bundled `index-scan-worker`
   */
  static start(program: string, directory: string, start: ScanStart): IndexThread | undefined {
    if (availableParallelism() === 1) return undefined;
    // A thread whose program is gone, as after an upgrade, would be waited for.
    if (!existsSync(program)) return undefined;
    const memory = new SharedArrayBuffer(ringHeader + ringBatches * batchOctets);
    try {
      const workerData: ScanOrder = { directory, start, memory };
      return new IndexThread(new Worker(program, { workerData }), new BatchRing(memory));
    } catch {
      return undefined;
    }
  }

  private constructor(worker: Worker, ring: BatchRing) {
    worker.unref();
    // It is heard of too late, when the work has been done here.
    worker.on('error', () => {});
    this.#worker = worker;
    this.#ring = ring;
  }

  /**
   * The lines as {@link scanLines} gives them. They end early where the thread does not come up or cannot go on, whatever the
   * reason: who goes on from there meets it.
   */
  *lines(): Generator<LineBatch, void> {
    const ring = this.#ring;
    for (;;) {
      const batch = ring.await(slotState.empty, patienceMs);
      if (!batch) this.end();
      if (!batch || ring.state === slotState.ended) return;
      yield batch;
      ring.pass(slotState.empty);
    }
  }

  /** Has these tables written, if the thread still lives. Call when the lines have ended. */
  write(order: Omit<PostingOrder, 'states'>): SharedPostings {
    const states = SharedPostings.memory();
    this.#worker.postMessage({ ...order, states } satisfies PostingOrder);
    return new SharedPostings(states);
  }

  end(): void {
    void this.#worker.terminate();
  }
}
