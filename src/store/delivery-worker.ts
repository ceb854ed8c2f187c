import { parentPort, workerData } from 'node:worker_threads';
import { CaError } from '../core/ca-error.ts';
import { openDeliveries } from './deliveries.ts';
import {
  type Settled,
  startId,
  type ThreadAnswer,
  type ThreadCall,
  type ThreadError,
} from './delivery-thread.ts';
import { openFlush } from './file-system-flush.ts';

/** The thread that {@link startDeliveryThread} starts: makes the deliveries that it is asked for, any number at a time. */
const { homePath } = workerData as { readonly homePath: string };
const deliveries = openDeliveries({
  homePath,
  openFlush,
  // Locks are taken by who asks.
  clock: () => new Date(),
  lockWaitMs: 0,
});

parentPort?.on('message', async ({ id, method, args }: ThreadCall) => {
  const call = deliveries[method] as (...args: readonly unknown[]) => Promise<unknown>;
  const [outcome] = await Promise.allSettled([call(...args)]);
  if (outcome.status === 'fulfilled' && Array.isArray(outcome.value))
    outcome.value = outcome.value.map((each: Settled) => plain(each));
  parentPort?.postMessage({ id, outcome: plain(outcome) } satisfies ThreadAnswer);
});

parentPort?.postMessage({
  id: startId,
  outcome: { status: 'fulfilled', value: undefined },
} satisfies ThreadAnswer);

function plain(outcome: Settled): Settled {
  return outcome.status === 'rejected' ? { ...outcome, reason: flatten(outcome.reason) } : outcome;
}

/** A bug comes with its stack. */
function flatten(error: unknown): ThreadError {
  if (error instanceof CaError) return { code: error.code, hint: error.hint, message: error.message };
  return { message: error instanceof Error ? `${error.stack}` : String(error) };
}
