import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { formatInstant, wholeSeconds } from '../core/instant.ts';
import type { RevocationReason } from '../core/revocation-reason.ts';
import type { Serial } from '../core/serial.ts';
import type { EntryBody } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, certificateStatus } from '../ledger/record.ts';
import type { Adoption, AdoptResult } from './adopt.ts';
import { checkClock } from './clock-check.ts';
import { clientIssuer, clientIssuerRole, openSigner } from './issuer.ts';
import type { Ports } from './ports.ts';
import { type CrlResult, currentCrl, publishInside, whyCrlIsDue } from './publish-crl.ts';
import type { Settings } from './settings.ts';
import { spreadCrl } from './spread-crl.ts';
import { findTarget } from './target.ts';

export interface RevokeRequest {
  /** A client, a serial in any spelling, or the name of a file. */
  readonly target: string;
  /** The content of the file that `target` names, if there is one. */
  readonly file: Uint8Array | undefined;
  readonly reason: RevocationReason;
  readonly invalidityDate?: Date;
  /** Only the one certificate that is named; for a client, its latest. */
  readonly serialOnly: boolean;
  readonly dryRun: boolean;
}

export interface RevokedCertificate {
  readonly client: ClientName;
  readonly serial: Serial;
  readonly reason: RevocationReason;
  readonly at: Date;
}

export interface BarredKey {
  readonly client: ClientName;
  readonly serial: Serial;
  /** SHA-256 of the SubjectPublicKeyInfo in hex. */
  readonly key: string;
}

export interface RevokeResult {
  readonly revoked: readonly RevokedCertificate[];
  /** Those that were revoked before; left as they are. */
  readonly already: readonly RevokedCertificate[];
  /** The keys of `already` that were not known to be compromised, and are barred now; absent when there are none. */
  readonly barred?: readonly BarredKey[];
  /** Certificates of ours that the record did not know, and was told of before they were revoked; absent when there are none. */
  readonly adopted?: readonly AdoptResult[];
  readonly crl: CrlResult | undefined;
}

/** Revokes, and publishes the CRL that says so. The revocation stays on record even if the CRL cannot be published. */
export async function revoke(
  request: RevokeRequest,
  settings: Settings,
  ports: Ports,
): Promise<RevokeResult> {
  const { invalidityDate } = request;
  const view = await ports.ledger.view();
  checkClock(ports.clock(), view.head, ports.clockConfirmed);
  if (invalidityDate) checkInvalidityDate(invalidityDate, ports.clock());
  const lost = await findLost(request, view, settings);
  const selected = lost ? noneSelected : await select(request, view, ports.clock());
  if (request.dryRun) {
    const revoked = [...selected.live, ...(lost ? [lost.result] : [])].map((record) =>
      describe(record, request, ports.clock()),
    );
    return { revoked, ...describeOld(selected), ...describeLost(lost), crl: await currentCrl(ports) };
  }
  if (
    !lost &&
    selected.live.length === 0 &&
    selected.barred.length === 0 &&
    (await allOnCrl(selected.already, view)) &&
    !(await whyCrlIsDue(settings, ports))
  ) {
    return { revoked: [], ...describeOld(selected), crl: await currentCrl(ports) };
  }

  const signer = await openSigner(clientIssuer(view.authority), ports);
  const result = await ports.ledger.transact(async (transaction) => {
    // At night a stolen certificate must be cut off at once, whether the record knew it or not.
    const adoption = await findLost(request, transaction.view(), settings);
    if (adoption) await transaction.append(adoption.entries);
    const chosen = await select(request, transaction.view(), ports.clock());
    const entries = entriesOf(chosen, request);
    const at = entries.length === 0 ? ports.clock() : (await transaction.append(entries)).time;
    const crl = await explainUnpublished(chosen.live, () =>
      publishInside(transaction, signer, settings, ports),
    );
    return {
      revoked: chosen.live.map((record) => describe(record, request, at)),
      ...describeOld(chosen),
      ...describeLost(adoption),
      crl,
    };
  });
  await spreadCrl(result.crl, settings, ports, doneTo(result.revoked));
  return result;
}

/** The revocations stay on record when their CRL cannot be made: what fails then says so. */
async function explainUnpublished<T>(
  revoked: readonly CertificateRecord[],
  publish: () => Promise<T>,
): Promise<T> {
  try {
    return await publish();
  } catch (error) {
    const done = doneTo(revoked);
    if (!(error instanceof CaError) || done === undefined) throw error;
    throw new CaError(error.code, `${done}, but no published CRL says so yet: ${error.message}`, {
      hint: 'when this is mended, publish it with: ca crl',
      cause: error,
    });
  }
}

/** What was revoked in a few words, or undefined if nothing was. */
function doneTo(revoked: readonly Pick<CertificateRecord, 'client'>[]): string | undefined {
  const clients = [...new Set(revoked.map(({ client }) => client))];
  if (clients.length === 0) return undefined;
  const more = clients.length > 3 ? ` and ${clients.length - 3} more` : '';
  return `revoked ${clients.slice(0, 3).join(', ')}${more}`;
}

/** The CRL's packed records, and so every CRL to come, take times after 1970 alone. */
function checkInvalidityDate(invalidityDate: Date, now: Date): void {
  if (invalidityDate.getTime() >= 1000 && invalidityDate <= now) return;
  throw new CaError(
    'core/invalid-instant',
    `the time of compromise, ${formatInstant(invalidityDate)}, is ${invalidityDate > now ? 'in the future' : 'before 1970'}`,
    { hint: 'give the time since when the key is not trusted' },
  );
}

/** What takes the certificate in that `target` is the file of, if it is ours and the record has lost it. */
async function findLost(
  { target, file }: RevokeRequest,
  view: LedgerView,
  settings: Settings,
): Promise<Adoption | undefined> {
  if (!file) return undefined;
  try {
    await findTarget(target, file, view);
    return undefined;
  } catch (error) {
    if (!(error instanceof CaError) || error.code !== 'ledger/not-recorded') throw error;
    return (await import('./adopt.ts')).planAdoption({ file }, view, settings);
  }
}

function describeLost(lost: Adoption | undefined): Pick<RevokeResult, 'adopted'> {
  return lost ? { adopted: [lost.result] } : {};
}

interface Selection {
  readonly live: readonly CertificateRecord[];
  readonly already: readonly CertificateRecord[];
  /** One of `already` for each key that must be barred by an entry of its own. */
  readonly barred: readonly CertificateRecord[];
}

const noneSelected: Selection = { live: [], already: [], barred: [] };

async function select(request: RevokeRequest, view: LedgerView, now: Date): Promise<Selection> {
  const named = await namedCertificates(request, view, now);
  const withSameKey =
    request.reason === 'keyCompromise' && !request.serialOnly
      ? (await Promise.all(named.map(({ key }) => view.certificatesWithKey(key))))
          .flat()
          .filter((record) => isLive(record, now))
      : [];
  const unique = [...new Map([...named, ...withSameKey].map((record) => [record.serial, record])).values()];
  const live = unique.filter((record) => !record.revocation);
  const already = unique.filter((record) => record.revocation);
  const barred = request.reason === 'keyCompromise' ? await withKeysToBar(already, live, view) : [];
  return { live, already, barred };
}

/** A revocation stands as it was published: that its key is compromised too is said by another entry. */
async function withKeysToBar(
  already: readonly CertificateRecord[],
  live: readonly CertificateRecord[],
  view: LedgerView,
): Promise<CertificateRecord[]> {
  const seen = new Set(live.map(({ key }) => key));
  const barred: CertificateRecord[] = [];
  for (const record of already) {
    if (seen.has(record.key) || (await view.isKeyBarred(record.key))) continue;
    seen.add(record.key);
    barred.push(record);
  }
  return barred;
}

function entriesOf({ live, barred }: Selection, { reason, invalidityDate }: RevokeRequest): EntryBody[] {
  return [
    ...live.map(
      ({ client, serial }): EntryBody => ({
        type: 'revoked',
        client,
        serial,
        reason,
        ...(invalidityDate ? { invalidityDate: wholeSeconds(invalidityDate) } : {}),
      }),
    ),
    ...barred.map((record): EntryBody => ({ type: 'key-compromised', ...describeKey(record) })),
  ];
}

async function namedCertificates(
  request: RevokeRequest,
  view: LedgerView,
  now: Date,
): Promise<readonly CertificateRecord[]> {
  const target = await findTarget(request.target, request.file, view);
  if (target.kind === 'certificate') return [target.certificate];
  // The newest also when it has expired: within the grace period it would be renewed, and its key must be barred.
  const newest = target.certificates.at(-1);
  const live = target.certificates.filter(
    (record) => isLive(record, now) || (record === newest && !record.revocation),
  );
  const named = live.length > 0 ? live : target.certificates.filter(({ revocation }) => revocation);
  return request.serialOnly ? named.slice(-1) : named;
}

function isLive(record: CertificateRecord, now: Date): boolean {
  const status = certificateStatus(record, now);
  return status === 'active' || status === 'superseded';
}

/** True if the last CRL was made after each of these revocations. */
async function allOnCrl(records: readonly CertificateRecord[], view: LedgerView): Promise<boolean> {
  const last = await view.lastCrl(clientIssuerRole(view.authority));
  return last !== undefined && records.every(({ revocation }) => revocation && revocation.seq < last.seq);
}

function describe(
  { client, serial }: Pick<CertificateRecord, 'client' | 'serial'>,
  { reason }: RevokeRequest,
  at: Date,
): RevokedCertificate {
  return { client, serial, reason, at };
}

function describeOld({ already, barred }: Selection): Pick<RevokeResult, 'already' | 'barred'> {
  return {
    already: already.map(describeRevoked),
    ...(barred.length === 0 ? {} : { barred: barred.map(describeKey) }),
  };
}

function describeKey({ client, serial, key }: CertificateRecord): BarredKey {
  return { client, serial, key };
}

function describeRevoked({ client, serial, revocation }: CertificateRecord): RevokedCertificate {
  if (!revocation) throw new Error(`certificate ${serial} is not revoked`);
  return { client, serial, reason: revocation.reason, at: revocation.at };
}
