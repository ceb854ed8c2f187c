import { addMs } from '../core/instant.ts';
import type { Serial } from '../core/serial.ts';
import type { EntryBody } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, certificateStatus } from '../ledger/record.ts';
import {
  type DeliveredCertificate,
  describeFailure,
  type Failure,
  newBatchRun,
  type Skipped,
} from './batch-run.ts';
import { planCertificate } from './certify.ts';
import { checkClock } from './clock-check.ts';
import { issueAll } from './issue-all.ts';
import { type IssueResult, latestCertificate, newestCertificate } from './issue-plan.ts';
import { clientIssuer } from './issuer.ts';
import { findMissing } from './missing-files.ts';
import type { Ports } from './ports.ts';
import { type CrlResult, currentCrl, publishCrl, whyCrlIsDue } from './publish-crl.ts';
import { isKeyLost, redeliverAll } from './redeliver.ts';
import { renewalCandidate } from './renewal-candidate.ts';
import { farFuture, planRenewals } from './renewal-plan.ts';
import type { RenewRequest, Run } from './renewal-run.ts';
import type { Settings } from './settings.ts';
import { isSpread, spreadCrl } from './spread-crl.ts';
import { type RestoredFile, restoreTrusted } from './trusted-files.ts';

export interface RenewResult {
  readonly renewed: readonly IssueResult[];
  readonly delivered: readonly DeliveredCertificate[];
  readonly failed: readonly Failure[];
  readonly skipped: readonly Skipped[];
  /** The files that servers trust which were lost or replaced, and were written anew from the record. */
  readonly restored: readonly RestoredFile[];
  /** The CRL that is published now, and if this run has signed it, why. */
  readonly crl: (CrlResult & { readonly why?: string }) | undefined;
  /** In a dry run: why a new CRL would be published; absent when none is due. */
  readonly crlDue?: string;
}

/**
 * Does everything that is due: the CRL first, since all clients hang on it, then certificates, then deliveries that
 * failed before. Safe at any moment, twice at once, and after a long silence. What fails for one client stops nobody else.
 */
export async function renew(request: RenewRequest, settings: Settings, ports: Ports): Promise<RenewResult> {
  if (request.jitterMs > 0 && !request.dryRun) await ports.sleep(randomBelow(request.jitterMs, ports));
  const view = await ports.ledger.view();
  const now = ports.clock();
  checkClock(now, view.head, ports.clockConfirmed);
  const plan = await planRenewals(request, view, settings, now);
  const pending = await findPending(request, view, ports, now);
  const due = uniqueByClient([...plan.due, ...pending.keyLost]);
  const skipped = await explainMissing(plan.skipped, request, view, ports);
  if (request.dryRun) return describePlan(due, pending.redeliver, skipped, settings, view, ports);

  const run: Run = { ...newBatchRun(view, settings, ports), request };
  run.skipped.push(...skipped);
  const restored = await restoreTrusted(false, ports).catch((error: unknown) => {
    run.failed.push(describeFailure(error));
    return [];
  });
  let crl: RenewResult['crl'];
  try {
    await setTornAside(ports);
    await revokeLongSuperseded(view, run);
    crl = await renewCrl(run);
    const candidates = await Promise.all(due.map((record) => renewalCandidate(record, view, run)));
    await issueAll(candidates, run, 'certificates renewed');
  } finally {
    // Deliveries need no signature: they do not wait for a CA key or passphrase that is missing.
    const after = pending.redeliver.length > 0 ? await ports.ledger.view() : view;
    const owed: CertificateRecord[] = [];
    for (const record of pending.redeliver) {
      // Where it was renewed just now, that delivery counts, gone through or not.
      const newest = await latestCertificate(after, record.client);
      if (newest?.serial === record.serial) owed.push(record);
    }
    await redeliverAll(owed, run);
  }
  const { issued: renewed, delivered, failed } = run;
  return { renewed, delivered, failed, skipped: run.skipped, restored, crl };
}

/** Somebody who names a client that is not due may do so because its files are gone. */
async function explainMissing(
  skipped: readonly Skipped[],
  { clients }: RenewRequest,
  view: LedgerView,
  ports: Ports,
): Promise<readonly Skipped[]> {
  if (clients.length === 0) return skipped;
  return Promise.all(
    skipped.map(async (each) => {
      const record = each.serial && (await view.certificate(each.serial));
      const missing = record && (await findMissing(record, view, ports));
      return missing ? { ...each, why: `${each.why}; but ${missing.text}` } : each;
    }),
  );
}

/** Certificates that were recorded and not delivered: those that can be, and those whose key was lost before. */
async function findPending(
  { clients }: RenewRequest,
  view: LedgerView,
  ports: Ports,
  now: Date,
): Promise<{ redeliver: CertificateRecord[]; keyLost: CertificateRecord[] }> {
  const redeliver: CertificateRecord[] = [];
  const keyLost: CertificateRecord[] = [];
  for (const record of await view.undelivered()) {
    if (clients.length > 0 && !clients.includes(record.client)) continue;
    if (certificateStatus(record, now) !== 'active') continue;
    const client = await view.client(record.client);
    if (!client || client.policy.delivery.kind === 'stdout') continue;
    if ((await latestCertificate(view, record.client))?.serial !== record.serial) continue;
    if (!(await isKeyLost(record, client.policy, ports))) redeliver.push(record);
    else if ((await newestCertificate(view, record.client))?.serial === record.serial) keyLost.push(record);
  }
  return { redeliver, keyLost };
}

/** Whoever writes begins with that; but there may be nothing else to write for a long time. */
async function setTornAside({ ledger }: Pick<Ports, 'ledger'>): Promise<void> {
  if ((await ledger.unfinishedOctets()) > 0) await ledger.transact(async () => {});
}

/** Revokes, if the settings say so, what was superseded long enough ago. */
async function revokeLongSuperseded(view: LedgerView, run: Run): Promise<void> {
  const { settings, ports, request } = run;
  const afterMs = settings.renewal.revokeSupersededAfterMs;
  if (afterMs === undefined || request.clients.length > 0) return;
  const now = ports.clock();
  const isOverdue = (record: CertificateRecord) =>
    certificateStatus(record, now) === 'superseded' &&
    record.supersededAt !== undefined &&
    addMs(record.supersededAt, afterMs) <= now;
  const overdue: Serial[] = [];
  for await (const page of view.certificatesExpiring(now, farFuture))
    overdue.push(...page.filter(isOverdue).map(({ serial }) => serial));
  if (overdue.length === 0) return;
  await ports.ledger.transact(async (transaction) => {
    const records = await Promise.all(overdue.map((serial) => transaction.view().certificate(serial)));
    const entries = records
      .filter((record) => record !== undefined)
      .filter(isOverdue)
      .map(({ client, serial }): EntryBody => ({ type: 'revoked', client, serial, reason: 'superseded' }));
    if (entries.length > 0) await transaction.append(entries);
  });
}

async function renewCrl(run: Run): Promise<RenewResult['crl']> {
  const { settings, ports } = run;
  const why = await whyCrlIsDue(settings, ports);
  const current = await currentCrl(ports);
  if (why === undefined && (!current || (await isSpread(current, settings, ports)))) return current;
  const signer = why === undefined ? undefined : await run.openSigner();
  try {
    if (signer && why !== undefined) {
      const crl = { ...(await publishCrl(signer, settings, ports)), why };
      if (crl.rollback) {
        const { code, message, hint } = crl.rollback;
        run.failed.push({ code, message, hint });
      }
      return crl;
    }
    if (current) await spreadCrl(current, settings, ports);
    return current;
  } catch (error) {
    run.failed.push(describeFailure(error));
    return currentCrl(ports);
  }
}

async function describePlan(
  due: readonly CertificateRecord[],
  redeliveries: readonly CertificateRecord[],
  skipped: readonly Skipped[],
  settings: Settings,
  view: LedgerView,
  ports: Ports,
): Promise<RenewResult> {
  const renewed: IssueResult[] = [];
  const failed: Failure[] = [];
  const context = { settings, issuer: clientIssuer(view.authority), now: ports.clock() };
  for (const record of due) {
    const client = await view.client(record.client);
    if (!client) continue;
    try {
      const plan = planCertificate(client.name, client.policy, context, { cutShort: true });
      const { notBefore, notAfter } = plan;
      renewed.push({
        client: client.name,
        subject: record.subject,
        profile: plan.profile.name,
        notBefore,
        notAfter,
        files: {},
        supersedes: record.serial,
      });
    } catch (error) {
      failed.push(describeFailure(error, record));
    }
  }
  const delivered = redeliveries.map(({ client, serial }) => ({ client, serial, files: {} }));
  const crlDue = await whyCrlIsDue(settings, ports);
  const crl = await currentCrl(ports);
  const restored = await restoreTrusted(true, ports);
  return { renewed, delivered, failed, skipped, restored, crl, ...(crlDue === undefined ? {} : { crlDue }) };
}

function uniqueByClient(records: readonly CertificateRecord[]): CertificateRecord[] {
  return [...new Map(records.map((record) => [record.client, record])).values()];
}

function randomBelow(limitMs: number, { random }: Pick<Ports, 'random'>): number {
  return (Buffer.from(random(6)).readUIntBE(0, 6) / 2 ** 48) * limitMs;
}
