import { CaError } from '../core/ca-error.ts';
import { type ClientName, parseClientName } from '../core/client-name.ts';
import { parseDistinguishedName } from '../core/distinguished-name.ts';
import { formatDay } from '../core/instant.ts';
import { quoted } from '../core/printable.ts';
import type { RevocationReason } from '../core/revocation-reason.ts';
import { parseSan, type San, type SanType } from '../core/san.ts';
import type { Serial } from '../core/serial.ts';
import type { ClientPolicy, EntryBody, Issued } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CertificateRecord } from '../ledger/record.ts';
import { decodeBareCertificate, decodeCertificate } from '../x509/certificate.ts';
import { inspectCertificate, readCertificateFile } from '../x509/inspect.ts';
import { formatName } from '../x509/name.ts';
import { readSpki, spkiFingerprint } from '../x509/subject-public-key-info.ts';
import { checkClock } from './clock-check.ts';
import { newestCertificate } from './issue-plan.ts';
import { checkNameIsFree } from './name-collision.ts';
import type { Ports } from './ports.ts';
import { type FindPublished, publishedRevocations } from './published-revocation.ts';
import type { Settings } from './settings.ts';
import { findRecordOf } from './target-file.ts';

export interface AdoptRequest {
  /** The certificate in PEM or DER. */
  readonly file: Uint8Array;
  /** Whose it is, when its subject does not say so. */
  readonly client?: ClientName;
  readonly dryRun: boolean;
}

export interface AdoptResult {
  readonly client: ClientName;
  /** True if the record did not know the client either. */
  readonly newClient: boolean;
  readonly serial: Serial;
  readonly subject: string;
  readonly profile: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Present if it cannot be taken in as a live one. */
  readonly revoked?: AdoptedRevocation;
}

/** A revocation that is recorded together with the certificate, since it held before. */
export interface AdoptedRevocation {
  readonly reason: RevocationReason;
  readonly invalidityDate?: Date;
  /** The CRL in place lists it, or its key was said to be compromised. */
  readonly because: 'on-crl' | 'key-barred';
}

/** A certificate that is to be taken in: what to append, and what that says. */
export interface Adoption {
  readonly entries: readonly EntryBody[];
  readonly issued: Issued;
  readonly result: AdoptResult;
  /** What is wrong with it, if it is nothing that this authority would have made: to be revoked alone. */
  readonly fault: CaError | undefined;
}

/**
 * Takes a certificate back into the record that this authority signed and the record has lost, as when an old backup was
 * restored. It counts as delivered, since somebody has it; what the CRL in place revokes, or whose key is barred, comes
 * back revoked. Throws `ledger/unknown-serial` for a certificate that another CA signed, `ledger/duplicate-serial` for one
 * that is on record, `authority/ambiguous-target` if it cannot be told whose it is, and what reading it throws.
 */
export async function adopt(
  request: AdoptRequest,
  settings: Settings,
  ports: Pick<Ports, 'ledger' | 'home' | 'clock' | 'clockConfirmed'>,
): Promise<AdoptResult> {
  const view = await ports.ledger.view();
  checkClock(ports.clock(), view.head, ports.clockConfirmed);
  const { result } = await planSound(request, view, settings, ports);
  if (request.dryRun) return result;
  return ports.ledger.transact(async (transaction) => {
    const decided = await planSound(request, transaction.view(), settings, ports);
    await transaction.append(decided.entries);
    return decided.result;
  });
}

/** {@link planAdoption} of what may be live afterwards, and renewed. */
async function planSound(
  request: AdoptRequest,
  view: LedgerView,
  settings: Settings,
  ports: Pick<Ports, 'home'>,
): Promise<Adoption> {
  const adoption = await planAdoption(request, view, settings, publishedRevocations(view, ports));
  const { fault } = adoption;
  if (!fault) return adoption;
  throw new CaError(fault.code, fault.message, {
    hint: 'this program does not make such certificates: cut it off with: ca revoke FILE',
    cause: fault,
  });
}

/** What would take the certificate in, fit or not. Throws as {@link adopt} does. */
export async function planAdoption(
  { file, client: named }: Pick<AdoptRequest, 'file' | 'client'>,
  view: LedgerView,
  settings: Settings,
  findPublished: FindPublished,
): Promise<Adoption> {
  const [der] = readCertificateFile(file);
  const decoded = decodeBareCertificate(der);
  const { serial, notBefore, notAfter } = decoded;
  const known = await findRecordOf(der, serial, view);
  if (known) {
    throw new CaError(
      'ledger/duplicate-serial',
      `certificate ${serial} is on record already: of ${known.client}, since ${formatDay(known.issuedAt)}`,
      { hint: `see it with: ca show ${serial}` },
    );
  }
  const { purposes, subjectAltNames, algorithm, fault } = await readFacts(der);
  const key = spkiFingerprint(decoded.spki);
  const subject = formatName(decoded.subject);
  const client = named ?? (await whose(subject, key, view));
  const record = await view.client(client);
  if (!record) await checkNameIsFree(client, view, saySame);
  const profile = profileOf(purposes, record?.policy.profile, settings);
  const before = await newestCertificate(view, client);
  const isNewer = before && !before.supersededAt && before.notBefore <= notBefore;
  // What we would not have made took over from nothing of ours.
  const replaces = isNewer && !fault ? before.serial : undefined;
  const issued: Issued = {
    type: 'issued',
    client,
    serial,
    notBefore,
    notAfter,
    key,
    profile,
    subject,
    ...(replaces === undefined ? {} : { supersedes: replaces }),
    certificate: Buffer.from(der).toString('base64'),
    adopted: true,
  };
  const policy: ClientPolicy = {
    profile,
    ...(subject === `CN=${client}` || !isOurKindOfName(subject) ? {} : { subject }),
    subjectAltNames,
    key: algorithm,
    // Where its files are went with the record: they cannot be renewed before somebody says where to.
    delivery: { kind: 'stdout' },
  };
  const revoked = await findRevocation(serial, key, view, findPublished);
  return {
    entries: [
      ...(record ? [] : [{ type: 'client-added' as const, client, policy }]),
      issued,
      { type: 'delivered', client, serial },
      ...(revoked ? [revokedEntry(client, serial, revoked)] : []),
    ],
    issued,
    result: {
      client,
      newClient: !record,
      serial,
      subject,
      profile,
      notBefore,
      notAfter,
      ...(revoked ? { revoked } : {}),
    },
    fault,
  };
}

/** Why it is not live: servers refuse it already, or should, since its key was stolen. */
async function findRevocation(
  serial: Serial,
  key: string,
  view: LedgerView,
  findPublished: FindPublished,
): Promise<AdoptedRevocation | undefined> {
  const published = await findPublished(serial);
  if (published) {
    const { reason, invalidityDate } = published;
    return { reason, ...(invalidityDate ? { invalidityDate } : {}), because: 'on-crl' };
  }
  return (await view.isKeyBarred(key)) ? { reason: 'keyCompromise', because: 'key-barred' } : undefined;
}

function revokedEntry(
  client: ClientName,
  serial: Serial,
  { because: _, ...revocation }: AdoptedRevocation,
): EntryBody {
  return { type: 'revoked', client, serial, ...revocation };
}

interface Facts {
  readonly purposes: readonly string[];
  readonly subjectAltNames: readonly San[];
  /** `csr` for a key that we would not make. */
  readonly algorithm: ClientPolicy['key'];
  readonly fault: CaError | undefined;
}

/** What a policy takes from the certificate, and what keeps it from being one of those that this program makes. */
async function readFacts(der: Uint8Array): Promise<Facts> {
  try {
    const { spki } = decodeCertificate(der);
    const facts = await inspectCertificate(der);
    return {
      purposes: facts.extendedKeyUsage,
      subjectAltNames: facts.subjectAltNames.flatMap(readSan),
      algorithm: readSpki(spki).algorithm,
      fault: undefined,
    };
  } catch (fault) {
    if (!(fault instanceof CaError)) throw fault;
    return { purposes: [], subjectAltNames: [], algorithm: 'csr', fault };
  }
}

/**
 * The client that has the key under the same subject; else the one on record that the subject names, as `ca issue` writes
 * it: `CN=<client>` alone; else, for another kind of subject, the only one that has the key, or for a name that is not on
 * record, that one if nobody has the key.
 */
async function whose(subject: string, key: string, view: LedgerView): Promise<ClientName> {
  const withKey = await view.certificatesWithKey(key);
  const same = onlyClient(withKey.filter((record) => record.subject === subject));
  if (same !== undefined) return same;
  const name = nameIn(subject);
  if (name !== undefined && (await view.client(name))) return name;
  const found = name === undefined ? onlyClient(withKey) : withKey.length === 0 ? name : undefined;
  if (found !== undefined) return found;
  const others = [...new Set(withKey.map(({ client }) => client))];
  const alsoKey = others.length === 0 ? '' : `, and its key is of ${others.slice(0, 3).join(', ')}`;
  throw new CaError(
    'authority/ambiguous-target',
    `the subject ${quoted(subject)} does not tell whose certificate it is${alsoKey}`,
    { hint: 'say it with --client NAME: ca ledger adopt FILE, or ca revoke FILE' },
  );
}

/** Their client, if they are all of one. */
function onlyClient(records: readonly CertificateRecord[]): ClientName | undefined {
  const [first, ...more] = new Set(records.map(({ client }) => client));
  return more.length === 0 ? first : undefined;
}

function nameIn(subject: string): ClientName | undefined {
  try {
    return parseClientName(/^CN=([^,+=\\]+)$/.exec(subject)?.[1] ?? '');
  } catch (error) {
    if (error instanceof CaError) return undefined;
    throw error;
  }
}

function saySame(taken: ClientName): string {
  return `if it is the same client, say so with: --client ${taken}`;
}

/** True for a name that a policy can hold. */
function isOurKindOfName(subject: string): boolean {
  try {
    parseDistinguishedName(subject);
    return true;
  } catch (error) {
    if (error instanceof CaError) return false;
    throw error;
  }
}

/** The client's own profile if it makes such certificates, else the first that does. */
function profileOf(purposes: readonly string[], own: string | undefined, { profiles }: Settings): string {
  const makes = (name: string) => {
    const made = profiles.get(name)?.extendedKeyUsage ?? [];
    return made.length === purposes.length && made.every((purpose) => purposes.includes(purpose));
  };
  if (own !== undefined && makes(own)) return own;
  return [...profiles.keys()].find(makes) ?? own ?? 'client';
}

/** Names that a policy can hold; others have no place in what this authority renews. */
function readSan(text: string): San[] {
  const [, type = '', value = ''] = /^(dns|ip|email|uri):(.*)$/s.exec(text) ?? [];
  if (type === '') return [];
  try {
    return [parseSan(type as SanType, value)];
  } catch {
    return [];
  }
}
