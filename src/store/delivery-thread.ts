import { Worker } from 'node:worker_threads';
import type { Deliveries } from '../authority/ports.ts';
import { CaError, type ErrorCode } from '../core/ca-error.ts';

/** What can be done beside the thread that makes keys and signs. */
export type ThreadedDeliveries = Pick<Deliveries, 'stageAll' | 'deliverAll' | 'discard'>;

/** One call that the thread is asked for. Its arguments are plain values. */
export interface ThreadCall {
  readonly id: number;
  readonly method: keyof ThreadedDeliveries;
  readonly args: readonly unknown[];
}

/** What came of a call: its value, or of each of its items. */
export interface ThreadAnswer {
  readonly id: number;
  readonly outcome: unknown;
}

/** The answer to no call: the thread is there. */
export const startId = 0;

/** An error as it crosses between threads, which would lose all but its message. */
export interface ThreadError {
  readonly code?: string;
  readonly hint?: string | undefined;
  readonly message: string;
}

export type Settled = PromiseSettledResult<unknown>;

/**
 * Deliveries that are made in a thread of their own, so that files are written on one core while keys are made and
 * certificates signed on another. What they need on disk is there when a call ends, as without the thread. Undefined where
 * no thread can be started, as under a limit of threads.
 *
 * @param program the path of the bundled `delivery-worker`
 */
export async function startDeliveryThread(
  program: string,
  homePath: string,
): Promise<ThreadedDeliveries | undefined> {
  let worker: Worker;
  try {
    worker = new Worker(program, { workerData: { homePath } });
  } catch {
    return undefined;
  }
  const pending = new Map<number, { resolve(outcome: Settled): void; reject(error: unknown): void }>();
  const started = new Promise<Settled>((resolve, reject) => {
    pending.set(startId, { resolve, reject });
  });
  let calls = startId;
  let ended = false;
  const end = (error: unknown) => {
    ended = true;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  worker.on('message', ({ id, outcome }: ThreadAnswer) => {
    pending.get(id)?.resolve(outcome as Settled);
    pending.delete(id);
    if (pending.size === 0) worker.unref();
  });
  worker.on('error', end);
  worker.on('exit', (exitCode) => end(new Error(`the thread of deliveries exited ${exitCode}`)));
  try {
    await started;
  } catch {
    return undefined;
  }

  const ask = async (method: ThreadCall['method'], args: readonly unknown[]): Promise<unknown> => {
    if (ended) throw new Error('the thread of deliveries has ended');
    worker.ref();
    const outcome = await new Promise<Settled>((resolve, reject) => {
      const id = ++calls;
      pending.set(id, { resolve, reject });
      worker.postMessage({ id, method, args } satisfies ThreadCall);
    });
    if (outcome.status === 'rejected') throw revive(outcome.reason as ThreadError);
    return outcome.value;
  };
  const askForEach = async <T>(method: ThreadCall['method'], items: readonly unknown[]) => {
    const outcomes = (await ask(method, [items])) as readonly PromiseSettledResult<T>[];
    return outcomes.map((each) =>
      each.status === 'rejected' ? { status: each.status, reason: revive(each.reason) } : each,
    );
  };
  return {
    stageAll: (versions) => askForEach('stageAll', versions),
    deliverAll: (deliveries) => askForEach('deliverAll', deliveries),
    discard: async (...args) => {
      await ask('discard', args);
    },
  };
}

function revive({ code, hint, message }: ThreadError): Error {
  if (code === undefined) return new Error(message);
  return new CaError(code as ErrorCode, message, hint === undefined ? {} : { hint });
}
