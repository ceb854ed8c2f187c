import type { ErrorCode } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import type { Serial } from '../core/serial.ts';
import type { Delivered, DeliveryTarget, EntryBody } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { type BatchRun, describeFailure, type Failure } from './batch-run.ts';
import { type ApprovedPlan, approve, type Certified, certifyAll } from './certify.ts';
import { type Client, deliverTogether, discardUnrecorded, type RecordedCertificate } from './deliver.ts';
import { describe, entriesOf, type IssuePlan, type IssueResult } from './issue-plan.ts';
import type { Signer } from './issuer.ts';
import { appendSigned } from './latest-head.ts';
import { overlap } from './overlap.ts';
import type { LedgerTransaction } from './ports.ts';

/** A certificate to be made for one client, whatever the reason. */
export interface Candidate {
  readonly client: ClientName;
  /** The certificate that it takes over from, for messages. */
  readonly serial?: Serial;
  /** The client's hook, if its policy has one. */
  readonly hook: string | undefined;
  /** Whether its key takes long to make. */
  readonly isSlow: boolean;
  /** Told when it is left as it is, another process having been faster. */
  overtaken(): void;
  /** Under the client's lock: its key, made if it is ours. Undefined when another process was faster. */
  prepare(view: LedgerView): Promise<Prepared | undefined>;
  /** Under the ledger's lock: what is to be signed, decided anew. Undefined when another process was faster. */
  plan(view: LedgerView, prepared: Prepared): Promise<IssuePlan | undefined>;
}

/** What is ready to be signed under the ledger's lock. */
export interface Prepared {
  readonly serial: Serial;
  readonly spki: Uint8Array;
  readonly delivery: DeliveryTarget;
  /** The key that is to be staged in the delivery; absent when the client keeps its own. */
  readonly keyPem?: string;
}

/** What fails everybody: why nothing more is tried. */
export type Fault = Pick<Failure, 'code' | 'message' | 'hint'>;

interface Ready extends Prepared {
  readonly candidate: Candidate;
}

/** What is linted, and about to be signed. */
interface Planned extends ApprovedPlan {
  readonly ready: Ready;
  readonly issue: IssuePlan;
}

/** A certificate that is signed, and on record as soon as its entries are. */
interface Recorded extends Ready {
  readonly client: Client;
  readonly certificate: RecordedCertificate;
  readonly entries: readonly EntryBody[];
  readonly result: IssueResult;
}

/**
 * Candidates that are recorded with one write, and whose files are synced together, in three steps one after the other. Each
 * candidate comes to one end, and the first that is told counts.
 */
export class IssueBatch {
  readonly candidates: readonly Candidate[];
  readonly #run: BatchRun;
  readonly #signer: Signer;
  readonly #open: Set<Candidate>;
  readonly #failed: Failure[] = [];
  #ready: readonly Ready[] = [];
  #recorded: readonly Recorded[] = [];

  constructor(candidates: readonly Candidate[], run: BatchRun, signer: Signer) {
    this.candidates = candidates;
    this.#run = run;
    this.#signer = signer;
    this.#open = new Set(candidates);
  }

  /** Makes the keys, and stages the versions. */
  async prepare(): Promise<void> {
    const { ledger, deliveries } = this.#run.ports;
    const view = await ledger.view();
    const ready: Ready[] = [];
    for (const candidate of this.candidates) {
      await this.collect(async () => {
        const found = await candidate.prepare(view);
        if (found) ready.push({ ...found, candidate });
        else this.#overtaken(candidate);
      }, [candidate]);
    }
    const outcomes = await deliveries.stageAll(
      ready.map(({ candidate: { client }, delivery: target, serial, keyPem }) => ({
        client,
        target,
        serial,
        keyPem,
      })),
    );
    this.#ready = ready.filter(({ candidate }, index) => {
      const outcome = outcomes[index];
      if (outcome?.status !== 'rejected') return true;
      this.#fail(candidate, outcome.reason);
      return false;
    });
  }

  /** Signs and records what was prepared, in one write; what was prepared and did not come on record is removed. */
  async record(): Promise<void> {
    const { ledger } = this.#run.ports;
    const prepared = this.#ready;
    try {
      await this.collect(() =>
        ledger.transact(async (transaction) => {
          const view = transaction.view();
          const signed = await this.#signAll(prepared, view);
          if (signed.length === 0) return;
          await this.#append(
            transaction,
            signed.flatMap(({ entries }) => entries),
          );
          this.#recorded = signed;
        }),
      );
    } finally {
      await this.#discardUnrecorded();
    }
  }

  async #signAll(prepared: readonly Ready[], view: LedgerView): Promise<readonly Recorded[]> {
    const plans = await overlap(prepared, prepared.length, (each) => this.#plan(each, view));
    const certified = await certifyAll(
      plans.filter((each) => each !== undefined),
      this.#signer,
    );
    return certified.map(recorded);
  }

  async #plan(ready: Ready, view: LedgerView): Promise<Planned | undefined> {
    const { candidate, serial, spki } = ready;
    let planned: Planned | undefined;
    await this.collect(async () => {
      const issue = await candidate.plan(view, ready);
      if (!issue) return this.#overtaken(candidate);
      const plan = issue.certificate;
      const approved = approve(plan, serial, spki, this.#signer.issuer, this.#run.settings);
      planned = { ready, issue, plan, serial, spki, approved };
    }, [candidate]);
    return planned;
  }

  /** Delivers what is on record now, and records those deliveries with one write. */
  async deliver(): Promise<void> {
    const { authority, ports, settings } = this.#run;
    const orders = this.#recorded.map(({ client, certificate, keyPem }) => ({
      client,
      certificate,
      stagedKey: keyPem,
    }));
    const outcomes = await deliverTogether(authority, orders, settings, ports);
    const delivered = this.#recorded.flatMap((each, index) => {
      const outcome = outcomes[index];
      if (outcome?.status === 'fulfilled')
        return [{ ...each, result: { ...each.result, files: outcome.value } }];
      this.#fail(each.candidate, outcome?.reason, each.serial);
      return [];
    });
    if (delivered.length === 0) return;
    const entries = delivered.map(
      ({ client, serial }): Delivered => ({ type: 'delivered', client: client.name, serial }),
    );
    try {
      await ports.ledger.transact((transaction) => this.#append(transaction, entries));
      for (const { candidate, result } of delivered) {
        if (this.#open.delete(candidate)) this.#run.issued.push(result);
      }
    } catch (error) {
      for (const { candidate, serial } of delivered) this.#fail(candidate, error, serial);
    }
  }

  /** Tries nothing more for these candidates, others having failed. */
  async giveUp({ code, message, hint }: Fault): Promise<void> {
    for (const { client, serial } of this.#open) {
      this.#run.failed.push({
        client,
        ...(serial === undefined ? {} : { serial }),
        code,
        message: `not tried, since others failed: ${message}`,
        ...(hint === undefined ? {} : { hint }),
      });
    }
    this.#open.clear();
    await this.#discardUnrecorded();
  }

  /** What failed everybody here in the same way, if it is the disk; one client alone says nothing of others. */
  diskFault(): Fault | undefined {
    const [first] = this.#failed;
    if (!first || this.candidates.length === 1 || this.#failed.length < this.candidates.length)
      return undefined;
    if (!diskFaults.includes(first.code) || this.#failed.some(({ code }) => code !== first.code))
      return undefined;
    return first;
  }

  /** Runs `work`; a CaError becomes the failure of these. Anything else is a bug, and thrown. */
  async collect(work: () => Promise<unknown>, of: readonly Candidate[] = this.candidates): Promise<void> {
    try {
      await work();
    } catch (error) {
      for (const candidate of of) this.#fail(candidate, error);
    }
  }

  /** Counted before they can be seen: who looks meanwhile takes none of ours for others' doing. */
  async #append(transaction: LedgerTransaction, entries: readonly EntryBody[]): Promise<void> {
    this.#run.entries += entries.length;
    try {
      await appendSigned(transaction, entries, this.#signer, this.#run.ports);
    } catch (error) {
      this.#run.entries -= entries.length;
      throw error;
    }
  }

  /** What comes of the candidates is told already; a key that stays is removed by its client's next delivery. */
  async #discardUnrecorded(): Promise<void> {
    const kept = new Set(this.#recorded.map(({ serial }) => serial));
    const left = this.#ready.filter(({ serial }) => !kept.has(serial));
    this.#ready = [];
    if (left.length === 0) return;
    const { ports } = this.#run;
    await this.collect(
      async () => {
        const view = await ports.ledger.view();
        for (const { candidate, serial, delivery } of left) {
          const { client } = candidate;
          await this.collect(() => discardUnrecorded(client, delivery, serial, view, ports), [candidate]);
        }
      },
      left.map(({ candidate }) => candidate),
    );
  }

  /** Throws what is no CaError: a bug. */
  #fail(candidate: Candidate, error: unknown, serial?: Serial): void {
    const failure = describeFailure(error, serial ? { client: candidate.client, serial } : candidate);
    if (!this.#open.delete(candidate)) return;
    this.#failed.push(failure);
    this.#run.failed.push(failure);
  }

  #overtaken(candidate: Candidate): void {
    if (this.#open.delete(candidate)) candidate.overtaken();
  }
}

const diskFaults: readonly ErrorCode[] = [
  'store/disk-full',
  'store/read-only',
  'store/permission',
  'store/io',
];

function recorded({ ready, issue, serial, certificate, entry }: Planned & Certified): Recorded {
  const { client, ...description } = describe(issue);
  return {
    ...ready,
    client: { name: client, policy: issue.policy },
    certificate: { serial, subject: entry.subject, notAfter: entry.notAfter, der: certificate },
    entries: entriesOf(issue, entry),
    result: {
      client,
      serial,
      ...description,
      fingerprint: sha256Hex(certificate),
    },
  };
}
