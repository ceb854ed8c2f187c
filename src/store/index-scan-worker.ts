import { parentPort, workerData } from 'node:worker_threads';
import { realDisk } from './disk.ts';
import { BlockWriter, intoFile, wordsOf } from './index-blocks.ts';
import { scanLines } from './index-lines.ts';
import { type PostingOrder, postingNames, SharedPostings, writePostingTable } from './index-postings.ts';
import { stride } from './index-rows.ts';
import { BatchRing, type ScanOrder, slotState } from './index-scan-thread.ts';
import { SortSpace } from './index-sort.ts';
import { Journal, withFile } from './journal.ts';

/**
 * The thread of an IndexThread: fills one batch after another, stops at the end or at the first fault, and then waits to be
 * asked for tables.
 */
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

function writeTables({ path, id, memory, count, blocks, states }: PostingOrder): void {
  const octets = Buffer.from(memory);
  const rows = { octets, words: wordsOf(octets), stride, count };
  const shared = new SharedPostings(states);
  const space = new SortSpace(count);
  // The file is opened anew: a descriptor of the other thread's would be another file once that has closed it.
  withFile(realDisk, path, 'r+', (fd) => {
    for (const name of postingNames) {
      if (!shared.begin(name)) continue;
      try {
        writePostingTable(rows, name, new BlockWriter(id, intoFile(realDisk, fd), blocks[name]), space);
        shared.end(name, true);
      } catch (error) {
        shared.end(name, false);
        throw error;
      }
    }
  });
}

parentPort?.once('message', (order: PostingOrder) => {
  try {
    writeTables(order);
  } catch {
    // Who writes what is not written meets the same fault.
  }
});
