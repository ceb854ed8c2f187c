import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { batchOctets, LineBatch, type ScanStart } from './index-lines.ts';

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

/** How long a batch may take, in milliseconds, the start of the thread included, until it is waited for no more. */
const patienceMs = 5000;

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

/**
 * The journal's lines after a point as {@link scanLines} gives them, scanned in a thread of its own while they are worked with
 * here. They end early where the thread could not be started or could not go on, whatever the reason: who goes on from there
 * meets it.
 *
 * @param program the path of the bundled `index-scan-worker`
 */
export function* scanInThread(
  program: string,
  directory: string,
  start: ScanStart,
): Generator<LineBatch, void> {
  if (availableParallelism() === 1) return;
  const memory = new SharedArrayBuffer(ringHeader + ringBatches * batchOctets);
  let worker: Worker;
  try {
    worker = new Worker(program, { workerData: { directory, start, memory } satisfies ScanOrder });
  } catch {
    return;
  }
  worker.unref();
  // It is heard of too late, when the lines have been scanned here.
  worker.on('error', () => {});
  const ring = new BatchRing(memory);
  try {
    for (;;) {
      const batch = ring.await(slotState.empty, patienceMs);
      if (!batch || ring.state === slotState.ended) return;
      yield batch;
      ring.pass(slotState.empty);
    }
  } finally {
    void worker.terminate();
  }
}
