import { CaError, type ErrorCode } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { formatDistinguishedName } from '../core/distinguished-name.ts';
import { addMs, formatDay } from '../core/instant.ts';
import type { Serial } from '../core/serial.ts';
import type { EntryBody, Issued } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, type ClientRecord, certificateStatus } from '../ledger/record.ts';
import { decodeCertificate } from '../x509/certificate.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { readPrivateKey } from '../x509/private-key.ts';
import { certify, checkKeyNotBarred, newSerial, planCertificate } from './certify.ts';
import { checkClock } from './clock-check.ts';
import { deliver } from './deliver.ts';
import { type IssueResult, latestCertificate, makeKey } from './issue.ts';
import { clientIssuer, openSigner, type Signer } from './issuer.ts';
import type { DeliveryPaths, Ports } from './ports.ts';
import { type CrlResult, currentCrl, publishCrl, whyCrlIsDue } from './publish-crl.ts';
import { farFuture, planRenewals, type RenewalSelection, type Skipped } from './renewal-plan.ts';
import type { Settings } from './settings.ts';

export interface RenewRequest extends RenewalSelection {
  /** Waits a random time up to this before it starts, so that many machines do not start together. */
  readonly jitterMs: number;
  /** `rekey`: a new key even where the client keeps its own (refused); `same-key`: the key that is in place. */
  readonly key?: 'rekey' | 'same-key';
  readonly dryRun: boolean;
}

/** What was due and could not be done. */
export interface Failure {
  /** Absent when it is the CRL that failed. */
  readonly client?: ClientName;
  readonly serial?: Serial;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export interface DeliveredCertificate {
  readonly client: ClientName;
  readonly serial: Serial;
  readonly files: Partial<DeliveryPaths>;
}

export interface RenewResult {
  readonly renewed: readonly IssueResult[];
  readonly delivered: readonly DeliveredCertificate[];
  readonly failed: readonly Failure[];
  readonly skipped: readonly Skipped[];
  readonly crl: CrlResult | undefined;
}

/** How many clients are renewed under one lock and recorded with one write. */
const batchSize = 64;

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
  if (request.dryRun) return describePlan(due, pending.redeliver, plan.skipped, settings, view, ports);

  let signer: Promise<Signer> | undefined;
  const run: Run = {
    request,
    settings,
    ports,
    openSigner: () => {
      signer ??= openSigner(clientIssuer(view.authority), ports);
      return signer;
    },
    renewed: [],
    delivered: [],
    failed: [],
    skipped: [...plan.skipped],
  };
  const superseded = await revokeLongSuperseded(view, run);
  const crl = await renewCrl(superseded, run);
  for (let start = 0; start < due.length; start += batchSize) {
    await renewBatch(due.slice(start, start + batchSize), run);
    ports.progress(Math.min(start + batchSize, due.length), due.length, 'certificates renewed');
  }
  const handled = new Set(due.map(({ client }) => client));
  for (const record of pending.redeliver) {
    if (!handled.has(record.client)) await redeliver(record, run);
  }
  return { renewed: run.renewed, delivered: run.delivered, failed: run.failed, skipped: run.skipped, crl };
}

/** One run of `renew`, and what it has done so far. */
interface Run {
  readonly request: RenewRequest;
  readonly settings: Settings;
  readonly ports: Ports;
  /** The signer, opened at its first use: nothing due, no passphrase. */
  readonly openSigner: () => Promise<Signer>;
  readonly renewed: IssueResult[];
  readonly delivered: DeliveredCertificate[];
  readonly failed: Failure[];
  readonly skipped: Skipped[];
}

/** A renewal with its key staged, ready to be signed under the ledger's lock. */
interface Prepared {
  readonly record: CertificateRecord;
  readonly client: ClientRecord;
  readonly serial: Serial;
  readonly spki: Uint8Array;
  readonly keyPem: string | undefined;
}

/** A renewal that is on record. */
interface Recorded extends Prepared {
  readonly result: IssueResult;
}

async function renewBatch(records: readonly CertificateRecord[], run: Run): Promise<void> {
  const { ports } = run;
  const signer = await run.openSigner();
  await ports.deliveries.exclusively(
    records.map(({ client }) => client),
    async () => {
      const prepared: Prepared[] = [];
      const view = await ports.ledger.view();
      for (const record of records) {
        await collectFailure(run, record, async () => {
          const ready = await prepare(record, view, run);
          if (ready) prepared.push(ready);
          else
            run.skipped.push({
              client: record.client,
              serial: record.serial,
              why: 'it was renewed or revoked meanwhile',
            });
        });
      }
      const recorded = await record(prepared, signer, run);
      const after = await ports.ledger.view();
      const delivered: EntryBody[] = [];
      for (const renewal of recorded) {
        const { client, serial } = renewal;
        run.renewed.push(renewal.result);
        await collectFailure(run, { client: client.name, serial }, async () => {
          const files = await deliverRecorded(after, serial, run, renewal.keyPem);
          delivered.push({ type: 'delivered', client: client.name, serial });
          run.renewed[run.renewed.indexOf(renewal.result)] = { ...renewal.result, files };
        });
      }
      if (delivered.length > 0) await ports.ledger.transact((transaction) => transaction.append(delivered));
    },
  );
}

/** Checks the client's key, or makes one and stages it; undefined when another process was faster. */
async function prepare(record: CertificateRecord, view: LedgerView, run: Run): Promise<Prepared | undefined> {
  const { ports, request, settings } = run;
  const client = await view.client(record.client);
  if (!client || (await latestCertificate(view, record.client))?.serial !== record.serial) return undefined;
  const { policy } = client;
  await ports.deliveries.check(client.name, policy.delivery);
  const serial = await newSerial(ports.random, view);
  if (policy.key === 'csr') {
    if (request.key === 'rekey') {
      throw new CaError(
        'authority/key-not-found',
        `${client.name} keeps its own key, so the CA cannot make a new one`,
        {
          hint: `ask for a new request, then: ca issue ${client.name} --again --csr FILE`,
        },
      );
    }
    await checkOwnKey(record, view, settings, ports.clock());
    return {
      record,
      client,
      serial,
      spki: decodeCertificate(await view.certificateBytes(record.serial)).spki,
      keyPem: undefined,
    };
  }
  const key =
    request.key === 'same-key' ? await currentKey(client, record, ports) : await makeKey(policy.key, ports);
  await checkKeyNotBarred(view, sha256Hex(key.spki));
  await ports.deliveries.stageKey(client.name, policy.delivery, serial, key.pem);
  return { record, client, serial, spki: key.spki, keyPem: key.pem };
}

/** Signs and records what was prepared, in one write; each that the ledger has meanwhile overtaken is dropped. */
async function record(prepared: readonly Prepared[], signer: Signer, run: Run): Promise<readonly Recorded[]> {
  const { ports, settings } = run;
  try {
    return await ports.ledger.transact(async (transaction) => {
      const view = transaction.view();
      const recorded: Recorded[] = [];
      const entries: Issued[] = [];
      for (const ready of prepared) {
        const done = await collectFailure(run, ready.record, async () => {
          const latest = await latestCertificate(view, ready.client.name);
          if (latest?.serial !== ready.record.serial) return;
          const context = { settings, issuer: signer.issuer, now: ports.clock() };
          const plan = planCertificate(ready.client.name, ready.client.policy, context, { cutShort: true });
          const { certificate, entry } = certify(plan, ready.serial, ready.spki, signer, settings);
          const { certificate: der, ...facts } = entry;
          entries.push({ ...facts, supersedes: latest.serial, certificate: der });
          recorded.push({
            ...ready,
            result: {
              client: plan.client,
              serial: ready.serial,
              subject: formatDistinguishedName(plan.subject),
              profile: plan.profile.name,
              notBefore: plan.notBefore,
              notAfter: plan.notAfter,
              fingerprint: sha256Hex(certificate),
              files: {},
              supersedes: latest.serial,
            },
          });
        });
        if (!done || recorded.at(-1)?.serial !== ready.serial) await discard(ready, ports);
      }
      if (entries.length > 0) await transaction.append(entries);
      return recorded;
    });
  } catch (error) {
    for (const ready of prepared) {
      await discard(ready, ports);
      run.failed.push(describeFailure(error, ready.record));
    }
    return [];
  }
}

async function discard({ client, serial, keyPem }: Prepared, ports: Ports): Promise<void> {
  if (keyPem !== undefined) await ports.deliveries.discard(client.name, client.policy.delivery, serial);
}

async function redeliver(pending: CertificateRecord, run: Run): Promise<void> {
  const { ports } = run;
  const { client, serial } = pending;
  await ports.deliveries.exclusively([client], () =>
    collectFailure(run, pending, async () => {
      const view = await ports.ledger.view();
      const record = await view.certificate(serial);
      if (!record || record.deliveredAt || record.revocation || record.supersededAt) return;
      const files = await deliverRecorded(view, serial, run);
      await ports.ledger.transact((transaction) =>
        transaction.append([{ type: 'delivered', client, serial }]),
      );
      run.delivered.push({ client, serial, files });
    }),
  );
}

async function deliverRecorded(
  view: LedgerView,
  serial: Serial,
  run: Run,
  stagedKey?: string,
): Promise<Partial<DeliveryPaths>> {
  const record = await view.certificate(serial);
  const client = record && (await view.client(record.client));
  if (!client) throw new Error(`serial ${serial} was recorded and is not in the ledger`);
  const outcome = await deliver(view, client, record, run.settings, run.ports, stagedKey);
  return outcome.files;
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
    const hasKey =
      client.policy.key === 'csr' ||
      (await ports.deliveries.readKey(client.name, client.policy.delivery, record.serial)) !== undefined;
    (hasKey ? redeliver : keyLost).push(record);
  }
  return { redeliver, keyLost };
}

async function checkOwnKey(
  record: CertificateRecord,
  view: LedgerView,
  settings: Settings,
  now: Date,
): Promise<void> {
  await checkKeyNotBarred(view, record.key);
  const since = (await view.certificatesWithKey(record.key))[0]?.issuedAt ?? record.issuedAt;
  if (now.getTime() - since.getTime() > settings.renewal.maxKeyAgeMs) {
    throw new CaError(
      'authority/key-too-old',
      `the key of ${record.client} is in use since ${formatDay(since)}, longer than renewal.maxKeyAge allows`,
      {
        hint: `ask for a request with a new key, then: ca issue ${record.client} --again --csr FILE`,
      },
    );
  }
}

async function currentKey(
  client: ClientRecord,
  record: CertificateRecord,
  ports: Ports,
): Promise<{ spki: Uint8Array; pem: string }> {
  const pem = await ports.deliveries.readKey(client.name, client.policy.delivery, record.serial);
  if (pem === undefined) {
    throw new CaError(
      'authority/key-not-found',
      `the key of ${client.name} is not in its delivery any more`,
      {
        hint: 'renew with a new key: leave out --same-key',
      },
    );
  }
  return { spki: readPrivateKey(pem).spki, pem };
}

/** Revokes, if the settings say so, what was superseded long enough ago; true if there was any. */
async function revokeLongSuperseded(view: LedgerView, run: Run): Promise<boolean> {
  const { settings, ports, request } = run;
  const afterMs = settings.renewal.revokeSupersededAfterMs;
  if (afterMs === undefined || request.clients.length > 0) return false;
  const now = ports.clock();
  const isOverdue = (record: CertificateRecord) =>
    certificateStatus(record, now) === 'superseded' &&
    record.supersededAt !== undefined &&
    addMs(record.supersededAt, afterMs) <= now;
  const overdue: Serial[] = [];
  for await (const page of view.certificatesExpiring(now, farFuture))
    overdue.push(...page.filter(isOverdue).map(({ serial }) => serial));
  if (overdue.length === 0) return false;
  await ports.ledger.transact(async (transaction) => {
    const records = await Promise.all(overdue.map((serial) => transaction.view().certificate(serial)));
    const entries = records
      .filter((record) => record !== undefined)
      .filter(isOverdue)
      .map(({ client, serial }): EntryBody => ({ type: 'revoked', client, serial, reason: 'superseded' }));
    if (entries.length > 0) await transaction.append(entries);
  });
  return true;
}

async function renewCrl(asked: boolean, run: Run): Promise<CrlResult | undefined> {
  const { settings, ports } = run;
  if (!asked && (await whyCrlIsDue(settings, ports)) === undefined) return currentCrl(ports);
  const signer = await run.openSigner();
  try {
    return await publishCrl(signer, settings, ports);
  } catch (error) {
    run.failed.push(describeFailure(error));
    return currentCrl(ports);
  }
}

/** Runs `work`; a CaError becomes a failure of that certificate. True if it went well. Anything else is a bug, and thrown. */
async function collectFailure(
  run: Run,
  of: Pick<CertificateRecord, 'client' | 'serial'>,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    run.failed.push(describeFailure(error, of));
    return false;
  }
}

function describeFailure(error: unknown, of?: Pick<CertificateRecord, 'client' | 'serial'>): Failure {
  if (!(error instanceof CaError)) throw error;
  return {
    ...(of ? { client: of.client, serial: of.serial } : {}),
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
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
  return { renewed, delivered, failed, skipped, crl: await currentCrl(ports) };
}

function uniqueByClient(records: readonly CertificateRecord[]): CertificateRecord[] {
  return [...new Map(records.map((record) => [record.client, record])).values()];
}

function randomBelow(limitMs: number, { random }: Pick<Ports, 'random'>): number {
  return (Buffer.from(random(6)).readUIntBE(0, 6) / 2 ** 48) * limitMs;
}
