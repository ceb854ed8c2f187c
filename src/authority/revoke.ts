import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { formatInstant, wholeSeconds } from '../core/instant.ts';
import type { RevocationReason } from '../core/revocation-reason.ts';
import type { Serial } from '../core/serial.ts';
import type { EntryBody } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, certificateStatus } from '../ledger/record.ts';
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

export interface RevokeResult {
  readonly revoked: readonly RevokedCertificate[];
  /** Those that were revoked before; left as they are. */
  readonly already: readonly RevokedCertificate[];
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
  const selected = await select(request, view, ports.clock());
  if (request.dryRun) {
    const revoked = selected.live.map((record) => describe(record, request, ports.clock()));
    return { revoked, already: selected.already.map(describeRevoked), crl: await currentCrl(ports) };
  }
  if (
    selected.live.length === 0 &&
    (await allOnCrl(selected.already, view)) &&
    !(await whyCrlIsDue(settings, ports))
  ) {
    return { revoked: [], already: selected.already.map(describeRevoked), crl: await currentCrl(ports) };
  }

  const signer = await openSigner(clientIssuer(view.authority), ports);
  const result = await ports.ledger.transact(async (transaction) => {
    const { live, already } = await select(request, transaction.view(), ports.clock());
    const entries = live.map(
      ({ client, serial }): EntryBody => ({
        type: 'revoked',
        client,
        serial,
        reason: request.reason,
        ...(invalidityDate ? { invalidityDate: wholeSeconds(invalidityDate) } : {}),
      }),
    );
    const at = entries.length === 0 ? ports.clock() : (await transaction.append(entries)).time;
    const crl = await publishInside(transaction, signer, settings, ports);
    return {
      revoked: live.map((record) => describe(record, request, at)),
      already: already.map(describeRevoked),
      crl,
    };
  });
  await spreadCrl(result.crl, settings, ports);
  return result;
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

async function select(
  request: RevokeRequest,
  view: LedgerView,
  now: Date,
): Promise<{ live: CertificateRecord[]; already: CertificateRecord[] }> {
  const named = await namedCertificates(request, view, now);
  const withSameKey =
    request.reason === 'keyCompromise' && !request.serialOnly
      ? (await Promise.all(named.map(({ key }) => view.certificatesWithKey(key))))
          .flat()
          .filter((record) => isLive(record, now))
      : [];
  const unique = [...new Map([...named, ...withSameKey].map((record) => [record.serial, record])).values()];
  return {
    live: unique.filter((record) => !record.revocation),
    already: unique.filter((record) => record.revocation),
  };
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
  if (live.length === 0) return target.certificates.filter(({ revocation }) => revocation);
  return request.serialOnly ? live.slice(-1) : live;
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
  { client, serial }: CertificateRecord,
  { reason }: RevokeRequest,
  at: Date,
): RevokedCertificate {
  return { client, serial, reason, at };
}

function describeRevoked({ client, serial, revocation }: CertificateRecord): RevokedCertificate {
  if (!revocation) throw new Error(`certificate ${serial} is not revoked`);
  return { client, serial, reason: revocation.reason, at: revocation.at };
}
