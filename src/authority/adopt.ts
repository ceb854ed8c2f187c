import { CaError } from '../core/ca-error.ts';
import { type ClientName, clientNameKey, parseClientName } from '../core/client-name.ts';
import { formatDay } from '../core/instant.ts';
import { parseSan, type San, type SanType } from '../core/san.ts';
import type { Serial } from '../core/serial.ts';
import type { ClientPolicy, EntryBody, Issued } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { decodeCertificate } from '../x509/certificate.ts';
import { inspectCertificate, readCertificateFile } from '../x509/inspect.ts';
import { formatName } from '../x509/name.ts';
import { readSpki, spkiFingerprint } from '../x509/subject-public-key-info.ts';
import { checkClock } from './clock-check.ts';
import { newestCertificate } from './issue-plan.ts';
import type { Ports } from './ports.ts';
import type { Settings } from './settings.ts';
import { isOwnCertificate } from './target-file.ts';

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
}

/** A certificate that is to be taken in: what to append, and what that says. */
export interface Adoption {
  readonly entries: readonly EntryBody[];
  readonly issued: Issued;
  readonly result: AdoptResult;
}

/**
 * Takes a certificate back into the record that this authority signed and the record has lost, as when an old backup was
 * restored. It counts as delivered, since somebody has it. Throws `ledger/unknown-serial` for a certificate that
 * another CA signed, `ledger/duplicate-serial` for one that is on record, `authority/ambiguous-target` if it cannot be
 * told whose it is.
 */
export async function adopt(
  request: AdoptRequest,
  settings: Settings,
  ports: Pick<Ports, 'ledger' | 'clock' | 'clockConfirmed'>,
): Promise<AdoptResult> {
  const view = await ports.ledger.view();
  checkClock(ports.clock(), view.head, ports.clockConfirmed);
  const { result } = await planAdoption(request, view, settings);
  if (request.dryRun) return result;
  return ports.ledger.transact(async (transaction) => {
    const decided = await planAdoption(request, transaction.view(), settings);
    await transaction.append(decided.entries);
    return decided.result;
  });
}

/** What would take the certificate in. Throws as {@link adopt} does. */
export async function planAdoption(
  { file, client: named }: Pick<AdoptRequest, 'file' | 'client'>,
  view: LedgerView,
  settings: Settings,
): Promise<Adoption> {
  const [der] = readCertificateFile(file);
  const decoded = decodeCertificate(der);
  const { serial, notBefore, notAfter } = decoded;
  const known = await view.certificate(serial);
  if (known) {
    throw new CaError(
      'ledger/duplicate-serial',
      `certificate ${serial} is on record already: of ${known.client}, since ${formatDay(known.issuedAt)}`,
      { hint: `see it with: ca show ${serial}` },
    );
  }
  if (!isOwnCertificate(der, view.authority)) {
    throw new CaError(
      'ledger/unknown-serial',
      `certificate ${serial} is not one that this authority signed for a client`,
      {
        hint: 'see who signed it with: ca verify FILE',
      },
    );
  }
  const facts = await inspectCertificate(der);
  const key = spkiFingerprint(decoded.spki);
  const subject = formatName(decoded.subject);
  const client = named ?? (await whose(subject, key, view));
  const record = await view.client(client);
  if (!record) await checkNameIsFree(client, view);
  const profile = profileOf(facts.extendedKeyUsage, record?.policy.profile, settings);
  const before = await newestCertificate(view, client);
  const replaces =
    before && !before.supersededAt && before.notBefore <= notBefore ? before.serial : undefined;
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
    ...(subject === `CN=${client}` ? {} : { subject }),
    subjectAltNames: facts.subjectAltNames.flatMap(readSan),
    key: readSpki(decoded.spki).algorithm,
    // Where its files are went with the record: they cannot be renewed before somebody says where to.
    delivery: { kind: 'stdout' },
  };
  return {
    entries: [
      ...(record ? [] : [{ type: 'client-added' as const, client, policy }]),
      issued,
      { type: 'delivered', client, serial },
    ],
    issued,
    result: { client, newClient: !record, serial, subject, profile, notBefore, notAfter },
  };
}

/** The client that has the key already, else the one that the subject names, as `ca issue` writes it: `CN=<client>` alone. */
async function whose(subject: string, key: string, view: LedgerView): Promise<ClientName> {
  const [withKey] = await view.certificatesWithKey(key);
  if (withKey) return withKey.client;
  const name = /^CN=([^,+=\\]+)$/.exec(subject)?.[1] ?? '';
  try {
    return parseClientName(name);
  } catch (cause) {
    throw new CaError(
      'authority/ambiguous-target',
      `the subject ${JSON.stringify(subject)} does not tell whose certificate it is`,
      {
        cause,
        hint: 'say it: ca ledger adopt FILE --client NAME',
      },
    );
  }
}

async function checkNameIsFree(client: ClientName, view: LedgerView): Promise<void> {
  const collision = await view.clientWithKey(clientNameKey(client));
  if (!collision) return;
  throw new CaError(
    'authority/client-name-collision',
    `client name "${client}" differs from "${collision.name}" in case or Unicode form alone`,
    { hint: `if it is the same client, say so with: --client ${collision.name}` },
  );
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
