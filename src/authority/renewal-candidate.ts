import { CaError } from '../core/ca-error.ts';
import { formatDay } from '../core/instant.ts';
import { isSlowToMake } from '../core/key-algorithm.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CertificateRecord, ClientRecord } from '../ledger/record.ts';
import { decodeCertificate } from '../x509/certificate.ts';
import { readPrivateKey } from '../x509/private-key.ts';
import { spkiFingerprint } from '../x509/subject-public-key-info.ts';
import { entriesOfOthers } from './batch-run.ts';
import { checkKeyNotBarred, makeKey, newSerial, planCertificate } from './certify.ts';
import type { Candidate, Prepared } from './issue-batch.ts';
import { newestCertificate } from './issue-plan.ts';
import type { Ports } from './ports.ts';
import type { Run } from './renewal-run.ts';
import type { Settings } from './settings.ts';

/** The renewal of that certificate, as a batch takes it. */
export async function renewalCandidate(
  record: CertificateRecord,
  view: LedgerView,
  run: Run,
): Promise<Candidate> {
  const { client, serial } = record;
  const policy = (await view.client(client))?.policy;
  let decided: { readonly others: number; readonly known: ClientRecord } | undefined;
  /** The client, if its certificate is to be renewed; undefined when another process was faster. */
  const decide = async (now: LedgerView) => {
    const others = entriesOfOthers(now, run);
    if (decided?.others === others) return decided.known;
    const known = await now.client(client);
    decided = known && (await isRenewable(record, now)) ? { others, known } : undefined;
    return decided?.known;
  };
  return {
    client,
    serial,
    hook: policy?.hook,
    isSlow: policy !== undefined && isSlowToMake(policy.key),
    overtaken: () => run.skipped.push({ client, serial, why: 'it was renewed or revoked meanwhile' }),
    prepare: async (now) => {
      const known = await decide(now);
      return known && prepare(known, record, now, run);
    },
    plan: async (now, { spki }) => {
      const known = await decide(now);
      if (!known) return undefined;
      // The key may have been barred since it was checked.
      await checkKeyNotBarred(now, spkiFingerprint(spki));
      const context = { settings: run.settings, issuer: run.issuer, now: run.ports.clock() };
      return {
        certificate: planCertificate(client, known.policy, context, { cutShort: true }),
        policy: known.policy,
        policyChanged: false,
        supersedes: serial,
        ignored: [],
      };
    },
  };
}

/** Checks the client's key, or makes one. */
async function prepare(
  client: ClientRecord,
  record: CertificateRecord,
  view: LedgerView,
  run: Run,
): Promise<Prepared> {
  const { ports, request, settings } = run;
  const { policy } = client;
  const { delivery } = policy;
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
    return { serial, spki: decodeCertificate(await view.certificateBytes(record.serial)).spki, delivery };
  }
  const key =
    request.key === 'same-key' ? await currentKey(client, record, ports) : await makeKey(policy.key, ports);
  await checkKeyNotBarred(view, spkiFingerprint(key.spki));
  return { serial, spki: key.spki, delivery, keyPem: key.pem };
}

/** True if the certificate is still its client's newest, and not revoked. */
async function isRenewable({ client, serial }: CertificateRecord, view: LedgerView): Promise<boolean> {
  const newest = await newestCertificate(view, client);
  return newest?.serial === serial && !newest.revocation;
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
