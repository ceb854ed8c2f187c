import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import type { RevocationReason } from '../core/revocation-reason.ts';
import type { Serial } from '../core/serial.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, certificateStatus } from '../ledger/record.ts';
import { newestOf } from './issue-plan.ts';
import { asRecord, type Lost } from './lost.ts';
import { findTarget } from './target.ts';

/** What is to be cut off, and why. */
export interface Revocation {
  /** A client, a serial in any spelling, or the name of a file. */
  readonly target: string;
  /** The content of the file that `target` names, if there is one. */
  readonly file: Uint8Array | undefined;
  readonly reason: RevocationReason;
  readonly invalidityDate?: Date;
  /** Only the one certificate that is named; for a client, its latest. */
  readonly serialOnly: boolean;
  /** Whose it is, for a certificate that the record has lost and whose subject does not say so. */
  readonly client?: ClientName;
}

/** A certificate that is still to be revoked, and what for. */
export interface Chosen {
  readonly record: CertificateRecord;
  readonly revocation: Revocation;
}

export interface Selection {
  readonly live: readonly Chosen[];
  readonly already: readonly CertificateRecord[];
  /** One of `already` for each key that must be barred by an entry of its own. */
  readonly barred: readonly CertificateRecord[];
}

/** A revocation, and the certificates that it names. */
export interface Named {
  readonly revocation: Revocation;
  readonly records: readonly CertificateRecord[];
}

/** What is to be done for what they name in that view. The first revocation of a certificate counts. */
export async function select(named: readonly Named[], view: LedgerView): Promise<Selection> {
  const unique = new Map<Serial, Chosen>();
  for (const { revocation, records } of named) {
    for (const record of records) {
      if (!unique.has(record.serial)) unique.set(record.serial, { record, revocation });
    }
  }
  const live = [...unique.values()].filter(({ record }) => !record.revocation);
  const old = [...unique.values()].filter(({ record }) => record.revocation);
  const compromised = old.filter(({ revocation }) => revocation.reason === 'keyCompromise').map(recordOf);
  const barring = live.filter(({ revocation }) => revocation.reason === 'keyCompromise').map(recordOf);
  return { live, already: old.map(recordOf), barred: await withKeysToBar(compromised, barring, view) };
}

/**
 * The certificates that a revocation names, and those that share a compromised key with them.
 *
 * @param lost what the record of that view has lost, to be taken in
 */
export async function findNamed(
  revocation: Revocation,
  view: LedgerView,
  now: Date,
  lost: readonly Lost[] = [],
): Promise<readonly CertificateRecord[]> {
  const found = lost.find((each) => each.revocation === revocation);
  const named = found
    ? [asRecord(found.adoption, view, now)]
    : await namedCertificates(revocation, view, now);
  if (revocation.reason !== 'keyCompromise' || revocation.serialOnly) return named;
  const withSameKey = await Promise.all(named.map(({ key }) => view.certificatesWithKey(key)));
  return [...named, ...withSameKey.flat().filter((record) => isLive(record, now))];
}

function recordOf({ record }: Chosen): CertificateRecord {
  return record;
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

async function namedCertificates(
  request: Revocation,
  view: LedgerView,
  now: Date,
): Promise<readonly CertificateRecord[]> {
  const target = await findTarget(request.target, request.file, view);
  const certificates = target.kind === 'certificate' ? [target.certificate] : target.certificates;
  for (const record of certificates) checkOwner(record, request.client);
  if (target.kind === 'certificate') return certificates;
  // The newest also when it has expired: within the grace period it would be renewed, and its key must be barred.
  const newest = newestOf(certificates);
  const live = certificates.filter(
    (record) => isLive(record, now) || (record === newest && !record.revocation),
  );
  const named = live.length > 0 ? live : certificates.filter(({ revocation }) => revocation);
  const latest = request.serialOnly ? newestOf(named) : undefined;
  return latest ? [latest] : named;
}

/** Whose a certificate is can be said of a lost one alone: the record knows it of the others. */
function checkOwner({ serial, client }: CertificateRecord, named: ClientName | undefined): void {
  if (named === undefined || named === client) return;
  throw new CaError(
    'authority/ambiguous-target',
    `certificate ${serial} is of ${client} on record, not of ${named}`,
    { hint: `revoke it without --client, or with --client ${client}` },
  );
}

function isLive(record: CertificateRecord, now: Date): boolean {
  const status = certificateStatus(record, now);
  return status === 'active' || status === 'superseded';
}
