import { workerData } from 'node:worker_threads';
import { realDisk } from './disk.ts';
import { scanLines } from './index-lines.ts';
import { BatchRing, type ScanOrder, slotState } from './index-scan-thread.ts';
import { Journal } from './journal.ts';

/** The thread that {@link scanInThread} starts: fills one batch after another, and stops at the end or at the first fault. */
const { directory, start, memory } = workerData as ScanOrder;
const ring = new BatchRing(memory);

function nextBatch() {
  const batch = ring.await(slotState.full);
  if (!batch) throw new Error('the ring is out of step');
  return batch;
}

try {
  for (const _ of scanLines(new Journal(directory, realDisk), start, nextBatch)) ring.pass(slotState.full);
} catch {
  // Who reads on from here meets the same fault.
}
nextBatch();
ring.pass(slotState.ended);
