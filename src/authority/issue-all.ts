import { type BatchRun, batchSize, chunksOf } from './batch-run.ts';
import { type Candidate, type Fault, IssueBatch } from './issue-batch.ts';
import { overlap } from './overlap.ts';

/** How many batches are taken under their clients' locks at a time. */
const batchesInLot = 8;

/** A batch of clients whose keys take long to make: it is taken under their locks alone, and on record soon. */
const slowBatchSize = 32;

/** How many batches are at work at a time, each at another step. */
const batchesAtOnce = 4;

/**
 * Gives all candidates their certificates, in batches: while the keys of one are made, another is signed, and the files of a
 * third are written, so that nobody waits for the disk alone. A client with a hook is alone in its batch, after all
 * others: no one waits for another's hook under a lock, and its delivery is on record as soon as the hook is done.
 * After a batch in which the disk failed everybody no other goes on: the others are failures too.
 *
 * @param what what is counted, for whoever waits: `certificates issued`
 */
export async function issueAll(candidates: readonly Candidate[], run: BatchRun, what: string): Promise<void> {
  if (candidates.length === 0) return;
  // A key that does not open is a refusal, not the failure of each client.
  const signer = await run.openSigner();
  const { deliveries, ledger, progress } = run.ports;
  const [preparing, recording] = [new Turns(), new Turns()];
  let fault: Fault | undefined;
  let done = 0;

  const issueBatch = async (batch: IssueBatch) => {
    const steps = [
      { turns: preparing, step: () => batch.prepare() },
      { turns: recording, step: () => batch.record() },
    ];
    for (const { turns, step } of steps) {
      await turns.take(async () => {
        if (fault) await batch.giveUp(fault);
        else await batch.collect(step);
        fault ??= batch.diskFault();
      });
    }
    // What is on record is delivered as far as that goes.
    await batch.collect(() => batch.deliver());
    fault ??= batch.diskFault();
    done += batch.candidates.length;
    progress(done, candidates.length, what);
  };

  const lots = lotsOf(candidates);
  await ledger.inBulk(async () => {
    for (const lot of lots) {
      const batches = lot.map((each) => new IssueBatch(each, run, signer));
      const clients = lot.flat().map(({ client }) => client);
      try {
        await deliveries.exclusively(clients, () => overlap(batches, batchesAtOnce, issueBatch));
      } catch (error) {
        for (const batch of batches) await batch.collect(() => Promise.reject(error));
      }
    }
  });
  const places = new Map(lots.flat(2).map(({ client }, index) => [client, index]));
  run.issued.sort((a, b) => (places.get(a.client) ?? 0) - (places.get(b.client) ?? 0));
}

/** Lets one at a time do its work, in the order in which they ask. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

/** The batches that are taken under their clients' locks together. */
function lotsOf(candidates: readonly Candidate[]): readonly (readonly (readonly Candidate[])[])[] {
  const plain = candidates.filter(({ hook }) => hook === undefined);
  const quick = plain.filter(({ isSlow }) => !isSlow);
  const slow = plain.filter(({ isSlow }) => isSlow);
  const hooked = candidates.filter(({ hook }) => hook !== undefined);
  return [
    ...chunksOf(chunksOf(quick, batchSize), batchesInLot),
    ...chunksOf(slow, slowBatchSize).map((each) => [each]),
    ...hooked.map((each) => [[each]]),
  ];
}
