import { CaError } from '../core/ca-error.ts';
import { formatDay } from '../core/instant.ts';
import type { Serial } from '../core/serial.ts';
import type { Delivered, Issued } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CertificateRecord, ClientRecord } from '../ledger/record.ts';
import { decodeCertificate } from '../x509/certificate.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { readPrivateKey } from '../x509/private-key.ts';
import { spkiFingerprint } from '../x509/subject-public-key-info.ts';
import { certify, checkKeyNotBarred, newSerial, planCertificate } from './certify.ts';
import { deliver } from './deliver.ts';
import { type IssueResult, makeKey, newestCertificate } from './issue.ts';
import type { Signer } from './issuer.ts';
import type { DeliveryPaths, Ports } from './ports.ts';
import type { Skipped } from './renewal-plan.ts';
import { collectFailure, type Run } from './renewal-run.ts';
import type { Settings } from './settings.ts';

/** How many clients are renewed under their locks and recorded with one write. */
const batchSize = 64;

/**
 * The certificates in the batches that {@link renewBatch} takes. A client with a hook is alone in its own, after all
 * others: no one waits for another's hook under a lock, and its delivery is on record as soon as the hook is done.
 */
export async function batchesOf(
  records: readonly CertificateRecord[],
  view: LedgerView,
): Promise<readonly (readonly CertificateRecord[])[]> {
  const plain: CertificateRecord[] = [];
  const hooked: CertificateRecord[] = [];
  for (const record of records) {
    const hook = (await view.client(record.client))?.policy.hook;
    (hook === undefined ? plain : hooked).push(record);
  }
  const batches: CertificateRecord[][] = [];
  for (let start = 0; start < plain.length; start += batchSize)
    batches.push(plain.slice(start, start + batchSize));
  return [...batches, ...hooked.map((record) => [record])];
}

/** Renews these clients: their keys staged, their certificates recorded with one write, then delivered. */
export async function renewBatch(records: readonly CertificateRecord[], run: Run): Promise<void> {
  const { ports } = run;
  const signer = await run.openSigner();
  const clients = records.map(({ client }) => client);
  await collectFailure(run, records, () =>
    ports.deliveries.exclusively(clients, async () => {
      const prepared: Prepared[] = [];
      const view = await ports.ledger.view();
      for (const record of records) {
        await collectFailure(run, [record], async () => {
          const ready = await prepare(record, view, run);
          if (ready) prepared.push(ready);
          else run.skipped.push(overtaken(record));
        });
      }
      await deliverAll(await record(prepared, signer, run), run);
    }),
  );
}

/** Delivers what is on record now, and records those deliveries with one write. */
async function deliverAll(recorded: readonly Recorded[], run: Run): Promise<void> {
  const { ports } = run;
  const view = await ports.ledger.view();
  const delivered: Delivered[] = [];
  for (const { result, client, serial, keyPem } of recorded) {
    const at = run.renewed.push(result) - 1;
    await collectFailure(run, [{ client: client.name, serial }], async () => {
      const files = await deliverRecorded(view, serial, run, keyPem);
      delivered.push({ type: 'delivered', client: client.name, serial });
      run.renewed[at] = { ...result, files };
    });
  }
  if (delivered.length === 0) return;
  await collectFailure(run, delivered, () =>
    ports.ledger.transact((transaction) => transaction.append(delivered)),
  );
}

function overtaken({ client, serial }: CertificateRecord): Skipped {
  return { client, serial, why: 'it was renewed or revoked meanwhile' };
}

/** A renewal with its key staged, ready to be signed under the ledger's lock. */
interface Prepared {
  readonly record: CertificateRecord;
  readonly client: ClientRecord;
  readonly serial: Serial;
  readonly spki: Uint8Array;
  readonly keyPem: string | undefined;
}

/** A renewal that is signed, and on record as soon as its entry is. */
interface Recorded extends Prepared {
  readonly entry: Issued;
  readonly result: IssueResult;
}

/** Checks the client's key, or makes one and stages it; undefined when another process was faster. */
async function prepare(record: CertificateRecord, view: LedgerView, run: Run): Promise<Prepared | undefined> {
  const { ports, request, settings } = run;
  const client = await view.client(record.client);
  if (!client || !(await isRenewable(record, view))) return undefined;
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
  await checkKeyNotBarred(view, spkiFingerprint(key.spki));
  await ports.deliveries.stageKey(client.name, policy.delivery, serial, key.pem);
  return { record, client, serial, spki: key.spki, keyPem: key.pem };
}

/** True if the certificate is still its client's newest, and not revoked. */
async function isRenewable({ client, serial }: CertificateRecord, view: LedgerView): Promise<boolean> {
  const newest = await newestCertificate(view, client);
  return newest?.serial === serial && !newest.revocation;
}

/** Signs and records what was prepared, in one write; the keys of what did not come on record are removed. */
async function record(prepared: readonly Prepared[], signer: Signer, run: Run): Promise<readonly Recorded[]> {
  const { ports } = run;
  const recorded: Recorded[] = [];
  await collectFailure(run, prepared.map(recordOf), () =>
    ports.ledger.transact(async (transaction) => {
      const signed: Recorded[] = [];
      for (const ready of prepared) {
        await collectFailure(run, [ready.record], async () => {
          const renewal = await sign(ready, transaction.view(), signer, run);
          if (renewal) signed.push(renewal);
          else run.skipped.push(overtaken(ready.record));
        });
      }
      if (signed.length === 0) return;
      await collectFailure(run, signed.map(recordOf), async () => {
        await transaction.append(signed.map(({ entry }) => entry));
        recorded.push(...signed);
      });
    }),
  );
  const kept = new Set(recorded.map(({ serial }) => serial));
  for (const ready of prepared) {
    if (!kept.has(ready.serial)) await collectFailure(run, [ready.record], () => discard(ready, ports));
  }
  return recorded;
}

/** The signed renewal; undefined if the ledger has overtaken it. The key may have been barred since it was checked. */
async function sign(
  ready: Prepared,
  view: LedgerView,
  signer: Signer,
  { ports, settings }: Run,
): Promise<Recorded | undefined> {
  const { client, serial, spki } = ready;
  if (!(await isRenewable(ready.record, view))) return undefined;
  await checkKeyNotBarred(view, spkiFingerprint(spki));
  const context = { settings, issuer: signer.issuer, now: ports.clock() };
  const plan = planCertificate(client.name, client.policy, context, { cutShort: true });
  const { certificate, entry } = certify(plan, serial, spki, signer, settings);
  const supersedes = ready.record.serial;
  return {
    ...ready,
    entry: { ...entry, supersedes },
    result: {
      client: plan.client,
      serial,
      subject: entry.subject,
      profile: entry.profile,
      notBefore: plan.notBefore,
      notAfter: plan.notAfter,
      fingerprint: sha256Hex(certificate),
      files: {},
      supersedes,
    },
  };
}

function recordOf({ record }: Prepared): CertificateRecord {
  return record;
}

async function discard({ client, serial, keyPem }: Prepared, ports: Ports): Promise<void> {
  if (keyPem !== undefined) await ports.deliveries.discard(client.name, client.policy.delivery, serial);
}

/** Delivers a certificate that is on record. The caller holds the client's delivery lock. */
export async function deliverRecorded(
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
