import type { ErrorCode } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import type { Serial } from '../core/serial.ts';
import type { Delivered, DeliveryTarget, EntryBody } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { type BatchRun, describeFailure, type Failure } from './batch-run.ts';
import { certify } from './certify.ts';
import { type Client, deliver, type RecordedCertificate } from './deliver.ts';
import { describe, entriesOf, type IssuePlan, type IssueResult } from './issue-plan.ts';
import type { Signer } from './issuer.ts';
import { overlap } from './overlap.ts';

/** How many clients are taken under their locks and recorded with one write. */
const batchSize = 256;

/** How many clients of a batch have their files written at the same time: while one waits for the disk, others work. */
const overlapping = 128;

/** A certificate to be made for one client, whatever the reason. */
export interface Candidate {
  readonly client: ClientName;
  /** The certificate that it takes over from, for messages. */
  readonly serial?: Serial;
  /** The client's hook, if its policy has one. */
  readonly hook: string | undefined;
  /** Told when it is left as it is, another process having been faster. */
  overtaken(): void;
  /** Under the client's lock: its key, staged if it is ours. Undefined when another process was faster. */
  prepare(view: LedgerView): Promise<Prepared | undefined>;
  /** Under the ledger's lock: what is to be signed, decided anew. Undefined when another process was faster. */
  plan(view: LedgerView, prepared: Prepared): Promise<IssuePlan | undefined>;
}

/** What is ready to be signed under the ledger's lock. */
export interface Prepared {
  readonly serial: Serial;
  readonly spki: Uint8Array;
  readonly delivery: DeliveryTarget;
  /** The key that is staged in the delivery; absent when the client keeps its own. */
  readonly keyPem?: string;
}

/**
 * Gives all candidates their certificates, in batches. A client with a hook is alone in its own, after all others: no one
 * waits for another's hook under a lock, and its delivery is on record as soon as the hook is done. After a batch in which
 * the disk failed everybody nothing more is tried: the others are failures too.
 *
 * @param what what is counted, for whoever waits: `certificates issued`
 */
export async function issueAll(candidates: readonly Candidate[], run: BatchRun, what: string): Promise<void> {
  const batches = batchesOf(candidates);
  let done = 0;
  for (const [index, batch] of batches.entries()) {
    const before = run.failed.length;
    await issueBatch(batch, run);
    done += batch.length;
    run.ports.progress(done, candidates.length, what);
    const fault = diskFault(batch, run.failed.slice(before));
    if (!fault) continue;
    for (const { client, serial } of batches.slice(index + 1).flat()) {
      const of = { client, ...(serial === undefined ? {} : { serial }) };
      run.failed.push({ ...fault, ...of, message: `not tried, since others failed: ${fault.message}` });
    }
    return;
  }
}

function batchesOf(candidates: readonly Candidate[]): readonly (readonly Candidate[])[] {
  const plain = candidates.filter(({ hook }) => hook === undefined);
  const batches: (readonly Candidate[])[] = [];
  for (let start = 0; start < plain.length; start += batchSize)
    batches.push(plain.slice(start, start + batchSize));
  return [...batches, ...candidates.filter(({ hook }) => hook !== undefined).map((each) => [each])];
}

/** What failed every client of a batch in the same way, if it is the disk; one client alone says nothing of others. */
function diskFault(
  batch: readonly Candidate[],
  failed: readonly Failure[],
): Pick<Failure, 'code' | 'message' | 'hint'> | undefined {
  const [first] = failed;
  if (!first || batch.length === 1 || failed.length < batch.length) return undefined;
  if (!diskFaults.includes(first.code) || failed.some(({ code }) => code !== first.code)) return undefined;
  const { code, message, hint } = first;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

const diskFaults: readonly ErrorCode[] = [
  'store/disk-full',
  'store/read-only',
  'store/permission',
  'store/io',
];

/**
 * Gives these clients their certificates: their keys staged, their entries recorded with one write, and only then
 * their files delivered, which one more write records.
 */
async function issueBatch(candidates: readonly Candidate[], run: BatchRun): Promise<void> {
  const { ports } = run;
  const signer = await run.openSigner();
  const clients = candidates.map(({ client }) => client);
  const batch = new Batch(candidates, run);
  await batch.collect(candidates, () =>
    ports.deliveries.exclusively(clients, async () => {
      const ready = await prepareAll(candidates, batch);
      await deliverAll(await record(ready, signer, batch), batch);
    }),
  );
}

/** One batch at work: each of its candidates comes to one end, and the first that is told counts. */
class Batch {
  readonly run: BatchRun;
  readonly #open: Set<Candidate>;

  constructor(candidates: readonly Candidate[], run: BatchRun) {
    this.run = run;
    this.#open = new Set(candidates);
  }

  issued(candidate: Candidate, result: IssueResult): void {
    if (this.#open.delete(candidate)) this.run.issued.push(result);
  }

  /** Throws what is no CaError: a bug. */
  failed(candidate: Candidate, error: unknown, serial?: Serial): void {
    const failure = describeFailure(error, serial ? { client: candidate.client, serial } : candidate);
    if (this.#open.delete(candidate)) this.run.failed.push(failure);
  }

  overtaken(candidate: Candidate): void {
    if (this.#open.delete(candidate)) candidate.overtaken();
  }

  /** Runs `work`; a CaError becomes the failure of these. Anything else is a bug, and thrown. */
  async collect(of: readonly Candidate[], work: () => Promise<unknown>, serial?: Serial): Promise<void> {
    try {
      await work();
    } catch (error) {
      for (const candidate of of) this.failed(candidate, error, serial);
    }
  }
}

interface Ready extends Prepared {
  readonly candidate: Candidate;
}

/** A certificate that is signed, and on record as soon as its entries are. */
interface Recorded extends Ready {
  readonly client: Client;
  readonly certificate: RecordedCertificate;
  readonly entries: readonly EntryBody[];
  readonly result: IssueResult;
}

async function prepareAll(candidates: readonly Candidate[], batch: Batch): Promise<readonly Ready[]> {
  const view = await batch.run.ports.ledger.view();
  const prepared = await overlap(candidates, overlapping, async (candidate) => {
    let ready: Ready | undefined;
    await batch.collect([candidate], async () => {
      const found = await candidate.prepare(view);
      if (found) ready = { ...found, candidate };
      else batch.overtaken(candidate);
    });
    return ready;
  });
  return prepared.filter((ready) => ready !== undefined);
}

/** Signs and records what was prepared, in one write; the keys of what did not come on record are removed. */
async function record(
  prepared: readonly Ready[],
  signer: Signer,
  batch: Batch,
): Promise<readonly Recorded[]> {
  const { ports } = batch.run;
  const recorded: Recorded[] = [];
  await batch.collect(prepared.map(candidateOf), () =>
    ports.ledger.transact(async (transaction) => {
      const signed: Recorded[] = [];
      for (const ready of prepared) {
        await batch.collect([ready.candidate], async () => {
          const plan = await ready.candidate.plan(transaction.view(), ready);
          if (plan) signed.push(sign(ready, plan, signer, batch.run));
          else batch.overtaken(ready.candidate);
        });
      }
      if (signed.length === 0) return;
      await transaction.append(signed.flatMap(({ entries }) => entries));
      recorded.push(...signed);
    }),
  );
  const kept = new Set(recorded.map(({ serial }) => serial));
  for (const { candidate, serial, delivery, keyPem } of prepared) {
    if (kept.has(serial) || keyPem === undefined) continue;
    // What comes of the candidate is told already; a key that stays is removed by its next delivery.
    await batch.collect([candidate], () => ports.deliveries.discard(candidate.client, delivery, serial));
  }
  return recorded;
}

function sign(ready: Ready, plan: IssuePlan, signer: Signer, { settings }: BatchRun): Recorded {
  const { serial, spki } = ready;
  const { certificate, entry } = certify(plan.certificate, serial, spki, signer, settings);
  const { client, ...description } = describe(plan);
  return {
    ...ready,
    client: { name: client, policy: plan.policy },
    certificate: { serial, subject: entry.subject, notAfter: entry.notAfter, der: certificate },
    entries: entriesOf(plan, entry),
    result: {
      client,
      serial,
      ...description,
      fingerprint: sha256Hex(certificate),
    },
  };
}

/** Delivers what is on record now, and records those deliveries with one write. */
async function deliverAll(recorded: readonly Recorded[], batch: Batch): Promise<void> {
  const { authority, ports, settings } = batch.run;
  const delivered = await overlap(recorded, overlapping, async (each) => {
    const { candidate, client, certificate, keyPem } = each;
    let result: IssueResult | undefined;
    await batch.collect(
      [candidate],
      async () => {
        const { files } = await deliver(authority, client, certificate, settings, ports, keyPem);
        result = { ...each.result, files };
      },
      each.serial,
    );
    return result && { candidate, result, client: client.name, serial: each.serial };
  });
  const placed = delivered.filter((each) => each !== undefined);
  if (placed.length === 0) return;
  const entries = placed.map(({ client, serial }): Delivered => ({ type: 'delivered', client, serial }));
  try {
    await ports.ledger.transact((transaction) => transaction.append(entries));
    for (const { candidate, result } of placed) batch.issued(candidate, result);
  } catch (error) {
    for (const { candidate, serial } of placed) batch.failed(candidate, error, serial);
  }
}

function candidateOf({ candidate }: Ready): Candidate {
  return candidate;
}
