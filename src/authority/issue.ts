import { CaError } from '../core/ca-error.ts';
import { type ClientName, clientNameKey } from '../core/client-name.ts';
import { formatDistinguishedName } from '../core/distinguished-name.ts';
import { formatDay } from '../core/instant.ts';
import type { KeyAlgorithm } from '../core/key-algorithm.ts';
import type { San } from '../core/san.ts';
import type { Serial } from '../core/serial.ts';
import type { ClientPolicy, DeliveryTarget, EntryBody, Issued } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, type ClientRecord, certificateStatus } from '../ledger/record.ts';
import { type Csr, readCsr } from '../x509/csr.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { checkPassword } from '../x509/password.ts';
import { encodePem } from '../x509/pem.ts';
import { encodePrivateKey } from '../x509/private-key.ts';
import { encodeSpki, spkiFingerprint } from '../x509/subject-public-key-info.ts';
import {
  approve,
  type CertificatePlan,
  certify,
  checkKeyNotBarred,
  newSerial,
  planCertificate,
} from './certify.ts';
import { checkClock } from './clock-check.ts';
import { deliver } from './deliver.ts';
import { clientIssuer, openSigner } from './issuer.ts';
import type { DeliveryContents, DeliveryPaths, Ports } from './ports.ts';
import { findProfile, type Settings } from './settings.ts';

/** What a person asks for; what is left out is as the client's policy or its profile has it. */
export interface IssueRequest {
  readonly client: ClientName;
  readonly profile?: string;
  readonly subjectAltNames?: readonly San[];
  readonly subject?: string;
  readonly validity?: string;
  readonly key?: KeyAlgorithm;
  /** PEM or DER of a PKCS#10 request. */
  readonly csr?: Uint8Array;
  readonly delivery?: DeliveryTarget;
  readonly pkcs12?: NonNullable<ClientPolicy['pkcs12']>;
  /** A shell command; the empty one takes the policy's hook away. */
  readonly hook?: string;
  /** Make a further certificate although the client has a live one. */
  readonly again: boolean;
  readonly dryRun: boolean;
}

export interface IssueResult {
  readonly client: ClientName;
  /** Absent in a dry run. */
  readonly serial?: Serial;
  readonly subject: string;
  readonly profile: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of the certificate's DER in hex. */
  readonly fingerprint?: string;
  readonly files: Partial<DeliveryPaths>;
  readonly supersedes?: Serial;
  /** What a CSR asked for that was not granted. */
  readonly ignored?: readonly string[];
  /** The PKCS#12's password, if it was made just now. */
  readonly pkcs12Password?: string;
  /** The PEM texts, when they go to standard output. */
  readonly pem?: DeliveryContents;
}

/** A decided issue: nothing has happened yet. */
interface IssuePlan {
  readonly certificate: CertificatePlan;
  readonly policy: ClientPolicy;
  readonly policyChanged: boolean;
  readonly supersedes: CertificateRecord | undefined;
}

/** Gives the client a certificate: recorded first, then delivered. */
export async function issue(request: IssueRequest, settings: Settings, ports: Ports): Promise<IssueResult> {
  const csr = request.csr === undefined ? undefined : readCsr(request.csr);
  const view = await ports.ledger.view();
  checkClock(ports.clock(), view.head, ports.clockConfirmed);
  const draft = await planIssue(request, csr, view, settings, ports.clock());
  if (draft.policy.delivery.kind !== 'stdout')
    await ports.deliveries.check(request.client, draft.policy.delivery);
  const passwordFile = draft.policy.pkcs12?.passwordFile;
  if (passwordFile !== undefined) checkPassword(await ports.readPasswordFile(passwordFile));
  if (request.dryRun) {
    const { spki } = csr ?? (await makeKey(draft.policy.key, ports));
    const serial = await newSerial(ports.random, view);
    approve(draft.certificate, serial, spki, clientIssuer(view.authority), settings);
    return describe(draft, csr);
  }
  const signer = await openSigner(clientIssuer(view.authority), ports);

  return ports.deliveries.exclusively([request.client], async () => {
    // From here on nobody else changes this client's policy: the key is made for the one that will be recorded.
    const before = await ports.ledger.view();
    const { policy } = await planIssue(request, csr, before, settings, ports.clock());
    const { delivery } = policy;
    const key = csr ? { spki: csr.spki, pem: undefined } : await makeKey(policy.key, ports);
    const serial = await newSerial(ports.random, before);
    if (key.pem !== undefined && delivery.kind !== 'stdout') {
      await ports.deliveries.stageKey(request.client, delivery, serial, key.pem);
    }
    let plan: IssuePlan;
    let der: Uint8Array;
    try {
      ({ plan, der } = await ports.ledger.transact(async (transaction) => {
        const decided = await planIssue(request, csr, transaction.view(), settings, ports.clock());
        const { certificate, entry } = certify(decided.certificate, serial, key.spki, signer, settings);
        await transaction.append(entriesOf(decided, entry));
        return { plan: decided, der: certificate };
      }));
    } catch (error) {
      if (delivery.kind !== 'stdout') await ports.deliveries.discard(request.client, delivery, serial);
      throw error;
    }

    const recorded = await ports.ledger.view();
    const record = await recorded.certificate(serial);
    const client = await recorded.client(request.client);
    if (!record || !client) throw new Error(`serial ${serial} was recorded and is not in the ledger`);
    const outcome = await explainUndelivered(record, delivery, async () => {
      const delivered = await deliver(recorded, client, record, settings, ports, key.pem);
      await ports.ledger.transact((transaction) =>
        transaction.append([{ type: 'delivered', client: request.client, serial }]),
      );
      return delivered;
    });
    const { client: name, ...description } = describe(plan, csr);
    return {
      client: name,
      serial,
      ...description,
      fingerprint: sha256Hex(der),
      files: outcome.files,
      ...(outcome.newPkcs12Password === undefined ? {} : { pkcs12Password: outcome.newPkcs12Password }),
      ...(delivery.kind === 'stdout' ? { pem: outcome.contents } : {}),
    };
  });
}

/** Once a certificate is on record the same command would be refused: what fails then says what to do instead. */
async function explainUndelivered<T>(
  { client, serial }: CertificateRecord,
  delivery: DeliveryTarget,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CaError) || error.code === 'authority/hook-failed') throw error;
    const next = delivery.kind === 'stdout' ? `ca issue ${client} --again` : 'ca renew';
    throw new CaError(error.code, error.message, {
      hint: `certificate ${serial} is on record; when this is mended, deliver it with: ${next}`,
      cause: error,
    });
  }
}

/** A new key pair of that kind, as SubjectPublicKeyInfo and PKCS#8 in PEM. */
export async function makeKey(
  algorithm: ClientPolicy['key'],
  ports: Pick<Ports, 'generateKey'>,
): Promise<{ readonly spki: Uint8Array; readonly pem: string }> {
  if (algorithm === 'csr') throw new Error('a client that brings a CSR has no key of ours');
  const pair = await ports.generateKey(algorithm);
  return {
    spki: encodeSpki(pair.algorithm, pair.publicKey),
    pem: encodePem('PRIVATE KEY', encodePrivateKey(pair)),
  };
}

/** The client's certificate that counts: the latest one issued that is not revoked. */
export async function latestCertificate(
  view: LedgerView,
  client: ClientName,
): Promise<CertificateRecord | undefined> {
  return newestOf((await view.certificatesOf(client)).filter((record) => !record.revocation));
}

/** The client's certificate that was issued last, revoked or not: the one that renewals go by. */
export async function newestCertificate(
  view: LedgerView,
  client: ClientName,
): Promise<CertificateRecord | undefined> {
  return newestOf(await view.certificatesOf(client));
}

/** The last of them in the order of the record; what was adopted came late to it, and counts by its notBefore. */
function newestOf(records: readonly CertificateRecord[]): CertificateRecord | undefined {
  let newest: CertificateRecord | undefined;
  for (const record of records) {
    if (!newest || !record.adopted || record.notBefore >= newest.notBefore) newest = record;
  }
  return newest;
}

async function planIssue(
  request: IssueRequest,
  csr: Csr | undefined,
  view: LedgerView,
  settings: Settings,
  now: Date,
): Promise<IssuePlan> {
  const known = await view.client(request.client);
  if (!known) await checkNameIsFree(request.client, view);
  const latest = await latestCertificate(view, request.client);
  const live = latest && certificateStatus(latest, now) === 'active' ? latest : undefined;
  if (live && !request.again) {
    throw new CaError(
      'authority/client-exists',
      `${request.client} has a certificate until ${formatDay(live.notAfter)}: ${live.serial}`,
      {
        hint: `for a further one: ca issue ${request.client} --again; to replace it before its time: ca renew ${request.client} --force`,
      },
    );
  }
  if (csr) await checkKeyNotBarred(view, spkiFingerprint(csr.spki));
  const policy = mergePolicy(request, csr, known, settings);
  if (policy.key === 'csr' && !csr) {
    throw new CaError(
      'authority/key-not-found',
      `${request.client} keeps its own key, and no request was given`,
      {
        hint: 'give its request with --csr FILE, or let the CA make a key with --key p256',
      },
    );
  }
  const issuer = clientIssuer(view.authority);
  return {
    certificate: planCertificate(request.client, policy, { settings, issuer, now }, { cutShort: false }),
    policy,
    policyChanged: !known || JSON.stringify(known.policy) !== JSON.stringify(policy),
    supersedes: live,
  };
}

async function checkNameIsFree(client: ClientName, view: LedgerView): Promise<void> {
  const collision = await view.clientWithKey(clientNameKey(client));
  if (!collision) return;
  throw new CaError(
    'authority/client-name-collision',
    `client name "${client}" differs from "${collision.name}" in case or Unicode form alone`,
    {
      hint: `use "${collision.name}" if it is the same client, and another name if not`,
    },
  );
}

function mergePolicy(
  request: IssueRequest,
  csr: Csr | undefined,
  known: ClientRecord | undefined,
  settings: Settings,
): ClientPolicy {
  const before = known?.policy;
  const profile = findProfile(settings, request.profile ?? before?.profile ?? 'client');
  const requested = csr && profile.sanFromCsr ? csr.subjectAltNames : undefined;
  const subject = request.subject ?? before?.subject;
  const validity = request.validity ?? before?.validity;
  const pkcs12 = request.pkcs12 ?? before?.pkcs12;
  const hook = (request.hook ?? before?.hook) || undefined;
  return {
    profile: profile.name,
    ...(subject === undefined ? {} : { subject }),
    subjectAltNames: uniqueSans(request.subjectAltNames ?? requested ?? before?.subjectAltNames ?? []),
    ...(validity === undefined ? {} : { validity }),
    key: csr ? 'csr' : (request.key ?? before?.key ?? profile.key),
    delivery: request.delivery ?? before?.delivery ?? { kind: 'home' },
    ...(pkcs12 === undefined || csr ? {} : { pkcs12 }),
    ...(hook === undefined ? {} : { hook }),
  };
}

/** A name that is given twice is no fault; the linter would refuse it. */
function uniqueSans(sans: readonly San[]): San[] {
  return [...new Map(sans.map((san) => [`${san.type}:${san.value}`, san])).values()];
}

function entriesOf(plan: IssuePlan, issued: Issued): EntryBody[] {
  const { client } = plan.certificate;
  const entry: Issued = plan.supersedes ? { ...issued, supersedes: plan.supersedes.serial } : issued;
  return plan.policyChanged ? [{ type: 'client-added', client, policy: plan.policy }, entry] : [entry];
}

function describe(plan: IssuePlan, csr: Csr | undefined): Omit<IssueResult, 'serial' | 'fingerprint'> {
  const { certificate, supersedes } = plan;
  const ignored = csr ? ignoredRequests(csr, plan.policy) : [];
  return {
    client: certificate.client,
    subject: formatDistinguishedName(certificate.subject),
    profile: certificate.profile.name,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    files: {},
    ...(supersedes ? { supersedes: supersedes.serial } : {}),
    ...(ignored.length === 0 ? {} : { ignored }),
  };
}

function ignoredRequests(csr: Csr, policy: ClientPolicy): string[] {
  const granted = new Set(policy.subjectAltNames.map((san) => `${san.type}:${san.value}`));
  const names = csr.subjectAltNames.filter((san) => !granted.has(`${san.type}:${san.value}`));
  const extensions = csr.requestedExtensions.filter(({ name }) => name !== 'subjectAltName');
  return [
    ...names.map((san) => `${san.type}:${san.value}`),
    ...extensions.map(({ name, oid }) => name ?? oid),
  ];
}
