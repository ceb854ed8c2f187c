import type { ClientName } from '../core/client-name.ts';
import type { Serial } from '../core/serial.ts';
import type { Delivered, DeliveryTarget, EntryBody } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { type BatchRun, collectFailure } from './batch-run.ts';
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
  /** Why it is left as it is when another process was faster. */
  readonly overtaken: string;
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
 * The candidates in the batches that {@link issueBatch} takes. A client with a hook is alone in its own, after all
 * others: no one waits for another's hook under a lock, and its delivery is on record as soon as the hook is done.
 */
export function batchesOf(candidates: readonly Candidate[]): readonly (readonly Candidate[])[] {
  const plain = candidates.filter(({ hook }) => hook === undefined);
  const batches: (readonly Candidate[])[] = [];
  for (let start = 0; start < plain.length; start += batchSize)
    batches.push(plain.slice(start, start + batchSize));
  return [...batches, ...candidates.filter(({ hook }) => hook !== undefined).map((each) => [each])];
}

/**
 * Gives these clients their certificates: their keys staged, their entries recorded with one write, and only then
 * their files delivered, which one more write records.
 */
export async function issueBatch(candidates: readonly Candidate[], run: BatchRun): Promise<void> {
  const { ports } = run;
  const signer = await run.openSigner();
  const clients = candidates.map(({ client }) => client);
  await collectFailure(run, candidates, () =>
    ports.deliveries.exclusively(clients, async () => {
      const ready = await prepareAll(candidates, run);
      await deliverAll(await record(ready, signer, run), run);
    }),
  );
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

async function prepareAll(candidates: readonly Candidate[], run: BatchRun): Promise<readonly Ready[]> {
  const view = await run.ports.ledger.view();
  const prepared = await overlap(candidates, overlapping, async (candidate) => {
    let ready: Ready | undefined;
    await collectFailure(run, [candidate], async () => {
      const found = await candidate.prepare(view);
      if (found) ready = { ...found, candidate };
      else skip(candidate, run);
    });
    return ready;
  });
  return prepared.filter((ready) => ready !== undefined);
}

/** Signs and records what was prepared, in one write; the keys of what did not come on record are removed. */
async function record(
  prepared: readonly Ready[],
  signer: Signer,
  run: BatchRun,
): Promise<readonly Recorded[]> {
  const { ports } = run;
  const recorded: Recorded[] = [];
  await collectFailure(run, prepared.map(candidateOf), () =>
    ports.ledger.transact(async (transaction) => {
      const signed: Recorded[] = [];
      for (const ready of prepared) {
        await collectFailure(run, [ready.candidate], async () => {
          const plan = await ready.candidate.plan(transaction.view(), ready);
          if (plan) signed.push(sign(ready, plan, signer, run));
          else skip(ready.candidate, run);
        });
      }
      if (signed.length === 0) return;
      await collectFailure(run, signed.map(candidateOf), async () => {
        await transaction.append(signed.flatMap(({ entries }) => entries));
        recorded.push(...signed);
      });
    }),
  );
  const kept = new Set(recorded.map(({ serial }) => serial));
  for (const { candidate, serial, delivery, keyPem } of prepared) {
    if (kept.has(serial) || keyPem === undefined) continue;
    await collectFailure(run, [candidate], () =>
      ports.deliveries.discard(candidate.client, delivery, serial),
    );
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
async function deliverAll(recorded: readonly Recorded[], run: BatchRun): Promise<void> {
  const { authority, ports, settings } = run;
  const start = run.issued.length;
  run.issued.push(...recorded.map(({ result }) => result));
  const delivered: Delivered[] = [];
  await overlap(recorded, overlapping, async ({ client, certificate, keyPem, result }, index) => {
    const of = { client: client.name, serial: certificate.serial };
    await collectFailure(run, [of], async () => {
      const { files } = await deliver(authority, client, certificate, settings, ports, keyPem);
      delivered.push({ type: 'delivered', ...of });
      run.issued[start + index] = { ...result, files };
    });
  });
  if (delivered.length === 0) return;
  await collectFailure(run, delivered, () =>
    ports.ledger.transact((transaction) => transaction.append(delivered)),
  );
}

function skip({ client, serial, overtaken }: Candidate, { skipped }: BatchRun): void {
  skipped.push({ client, ...(serial === undefined ? {} : { serial }), why: overtaken });
}

function candidateOf({ candidate }: Ready): Candidate {
  return candidate;
}
