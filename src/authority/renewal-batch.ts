import { CaError } from '../core/ca-error.ts';
import { formatDistinguishedName } from '../core/distinguished-name.ts';
import { formatDay } from '../core/instant.ts';
import type { Serial } from '../core/serial.ts';
import type { EntryBody, Issued } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CertificateRecord, ClientRecord } from '../ledger/record.ts';
import { decodeCertificate } from '../x509/certificate.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { readPrivateKey } from '../x509/private-key.ts';
import { certify, checkKeyNotBarred, newSerial, planCertificate } from './certify.ts';
import { deliver } from './deliver.ts';
import { type IssueResult, latestCertificate, makeKey } from './issue.ts';
import type { Signer } from './issuer.ts';
import type { DeliveryPaths, Ports } from './ports.ts';
import { collectFailure, describeFailure, type Run } from './renewal-run.ts';
import type { Settings } from './settings.ts';

/** How many clients are renewed under one lock and recorded with one write. */
export const batchSize = 64;

/** Renews these clients: their keys staged, their certificates recorded with one write, then delivered. */
export async function renewBatch(records: readonly CertificateRecord[], run: Run): Promise<void> {
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
