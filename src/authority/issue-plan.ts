import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { formatDistinguishedName } from '../core/distinguished-name.ts';
import { formatDay } from '../core/instant.ts';
import type { KeyAlgorithm } from '../core/key-algorithm.ts';
import type { San } from '../core/san.ts';
import type { Serial } from '../core/serial.ts';
import type { ClientPolicy, DeliveryTarget, EntryBody, Issued } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, type ClientRecord, certificateStatus } from '../ledger/record.ts';
import type { Csr } from '../x509/csr.ts';
import { spkiFingerprint } from '../x509/subject-public-key-info.ts';
import {
  type CertificateContext,
  type CertificatePlan,
  checkKeyNotBarred,
  planCertificate,
} from './certify.ts';
import { checkNameIsFree } from './name-collision.ts';
import type { DeliveryContents, DeliveryPaths } from './ports.ts';
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
export interface IssuePlan {
  readonly certificate: CertificatePlan;
  readonly policy: ClientPolicy;
  readonly policyChanged: boolean;
  readonly supersedes: Serial | undefined;
  /** What a CSR asked for that is not granted. */
  readonly ignored: readonly string[];
}

/**
 * What an issue would do to the record as `view` has it. Throws `authority/client-exists` where a live certificate stands
 * and no further one was asked for, `authority/client-name-collision`, `authority/key-barred`,
 * `authority/key-not-found`, and what {@link planCertificate} throws.
 */
export async function planIssue(
  request: Omit<IssueRequest, 'dryRun'>,
  csr: Csr | undefined,
  view: LedgerView,
  context: CertificateContext,
): Promise<IssuePlan> {
  const known = await view.client(request.client);
  if (!known) await checkNameIsFree(request.client, view, useTaken);
  const latest = await latestCertificate(view, request.client);
  const live = latest && certificateStatus(latest, context.now) === 'active' ? latest : undefined;
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
  const policy = mergePolicy(request, csr, known, context.settings);
  if (policy.key === 'csr' && !csr) {
    throw new CaError(
      'authority/key-not-found',
      `${request.client} keeps its own key, and no request was given`,
      {
        hint: 'give its request with --csr FILE, or let the CA make a key with --key p256',
      },
    );
  }
  if (policy.delivery.kind === 'stdout' && policy.hook !== undefined) {
    throw new CaError('cli/usage', `the hook of ${request.client} runs after a delivery into a directory`, {
      hint: "name one with --out DIR; or print, without the hook: --out - --hook ''",
    });
  }
  return {
    certificate: planCertificate(request.client, policy, context, { cutShort: false }),
    policy,
    policyChanged: !known || JSON.stringify(known.policy) !== JSON.stringify(policy),
    supersedes: live?.serial,
    ignored: csr ? ignoredRequests(csr, policy) : [],
  };
}

function useTaken(taken: ClientName): string {
  return `use "${taken}" if it is the same client, and another name if not`;
}

/** The client's policy after that request: what it does not say stays as it was. Throws `authority/unknown-profile`. */
export function mergePolicy(
  request: Omit<IssueRequest, 'again' | 'dryRun'>,
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

/** The entries that record the plan's certificate, and the policy if it is another. */
export function entriesOf(plan: IssuePlan, issued: Issued): EntryBody[] {
  const { client } = plan.certificate;
  const entry: Issued = plan.supersedes ? { ...issued, supersedes: plan.supersedes } : issued;
  return plan.policyChanged ? [{ type: 'client-added', client, policy: plan.policy }, entry] : [entry];
}

/** The plan as a person or script reads it, without what only a signature gives. */
export function describe({
  certificate,
  supersedes,
  ignored,
}: IssuePlan): Omit<IssueResult, 'serial' | 'fingerprint'> {
  return {
    client: certificate.client,
    subject: formatDistinguishedName(certificate.subject),
    profile: certificate.profile.name,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    files: {},
    ...(supersedes === undefined ? {} : { supersedes }),
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

/** The client's certificate that counts: the latest one issued that is not revoked. */
export async function latestCertificate(
  view: LedgerView,
  client: ClientName,
): Promise<CertificateRecord | undefined> {
  return newestOfThose(view, client, ({ revocation }) => revocation === undefined);
}

/** The client's certificate that was issued last, revoked or not: the one that renewals go by. */
export async function newestCertificate(
  view: LedgerView,
  client: ClientName,
): Promise<CertificateRecord | undefined> {
  return newestOfThose(view, client, () => true);
}

/** {@link newestOf} what the client has had, read no further back than to what was not adopted. */
async function newestOfThose(
  view: LedgerView,
  client: ClientName,
  isMeant: (record: CertificateRecord) => boolean,
): Promise<CertificateRecord | undefined> {
  const late: CertificateRecord[] = [];
  for await (const page of view.newestFirst(client)) {
    for (const record of page.filter(isMeant)) {
      late.push(record);
      if (!record.adopted) return newestOf(late.reverse());
    }
  }
  return newestOf(late.reverse());
}

/** The last of them in the order of the record; what was adopted came late to it, and counts by its notBefore. */
export function newestOf(records: readonly CertificateRecord[]): CertificateRecord | undefined {
  let newest: CertificateRecord | undefined;
  for (const record of records) {
    if (!newest || !record.adopted || record.notBefore >= newest.notBefore) newest = record;
  }
  return newest;
}
