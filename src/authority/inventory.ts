import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { addMs } from '../core/instant.ts';
import type { RevocationReason } from '../core/revocation-reason.ts';
import type { Serial } from '../core/serial.ts';
import type { ClientPolicy } from '../ledger/entry.ts';
import { type CertificateRecord, type CertificateStatus, certificateStatus } from '../ledger/record.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { encodePem } from '../x509/pem.ts';
import { newestOf } from './issue-plan.ts';
import { findMissing } from './missing-files.ts';
import type { DeliveryPaths, Ports } from './ports.ts';
import { findTarget } from './target.ts';

/** A certificate as `ca list` shows it. */
export interface CertificateRow {
  readonly client: ClientName;
  readonly serial: Serial;
  readonly status: CertificateStatus;
  readonly profile: string;
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly revokedAt?: Date;
  readonly reason?: RevocationReason;
}

export interface ListRequest {
  readonly status?: CertificateStatus;
  /** Only what expires within that many milliseconds from now and is not expired yet. */
  readonly expiringMs?: number;
  readonly client?: ClientName;
}

/** The certificates that match, in the order they were issued; with `expiringMs` by notAfter. */
export async function list(
  request: ListRequest,
  ports: Pick<Ports, 'ledger' | 'clock'>,
): Promise<readonly CertificateRow[]> {
  const view = await ports.ledger.view();
  const now = ports.clock();
  const rows: CertificateRow[] = [];
  const take = (records: readonly CertificateRecord[]) => {
    for (const record of records) {
      const row = describeCertificate(record, now);
      if (request.status !== undefined && row.status !== request.status) continue;
      if (request.client !== undefined && row.client !== request.client) continue;
      rows.push(row);
    }
  };
  if (request.expiringMs !== undefined) {
    for await (const page of view.certificatesExpiring(now, addMs(now, request.expiringMs))) take(page);
  } else if (request.client !== undefined) {
    if (!(await view.client(request.client))) {
      throw new CaError('ledger/unknown-client', `there is no client "${request.client}"`, {
        hint: 'see what there is: ca list',
      });
    }
    take(await view.certificatesOf(request.client));
  } else {
    for await (const page of view.certificates()) take(page);
  }
  return rows;
}

/** The row of a certificate at `now`. */
export function describeCertificate(record: CertificateRecord, now: Date): CertificateRow {
  const { client, serial, profile, subject, notBefore, notAfter, revocation } = record;
  return {
    client,
    serial,
    status: certificateStatus(record, now),
    profile,
    subject,
    notBefore,
    notAfter,
    ...(revocation ? { revokedAt: revocation.at, reason: revocation.reason } : {}),
  };
}

/** A certificate with everything that the ledger knows of it. */
export interface CertificateDetails extends CertificateRow {
  /** SHA-256 of the DER, and of the public key, in hex. */
  readonly fingerprint: string;
  readonly key: string;
  readonly issuedAt: Date;
  /** True if the record had lost it and took it in again: `issuedAt` is when. */
  readonly adopted?: true;
  readonly deliveredAt?: Date;
  readonly supersedes?: Serial;
  readonly supersededAt?: Date;
  readonly invalidityDate?: Date;
  readonly pem: string;
}

/** A client with its policy, what is in place for it, and its certificates, oldest first. */
export interface ClientDetails extends ClientPolicy {
  readonly client: ClientName;
  readonly addedAt: Date;
  readonly files?: DeliveryPaths;
  readonly certificates: readonly CertificateRow[];
  /** That its files are gone, and what to do. */
  readonly problem?: string;
}

/** What a client's name, a serial or a file stands for. Throws as {@link findTarget} does. */
export async function show(
  word: string,
  file: Uint8Array | undefined,
  ports: Pick<Ports, 'ledger' | 'clock' | 'deliveries'>,
): Promise<ClientDetails | CertificateDetails | readonly CertificateRow[]> {
  const view = await ports.ledger.view();
  const now = ports.clock();
  const target = await findTarget(word, file, view);
  if (target.kind === 'key') return target.certificates.map((record) => describeCertificate(record, now));
  if (target.kind === 'client') {
    const client = await view.client(target.client);
    if (!client) throw new Error(`client ${target.client} was found and is not there`);
    const { delivery } = client.policy;
    const newest = newestOf(target.certificates);
    const missing = newest && (await findMissing(newest, view, ports));
    const files =
      delivery.kind === 'stdout' ? undefined : await ports.deliveries.paths(client.name, delivery);
    return {
      client: client.name,
      addedAt: client.addedAt,
      ...client.policy,
      ...(files ? { files } : {}),
      certificates: target.certificates.map((record) => describeCertificate(record, now)),
      ...(missing ? { problem: missing.text } : {}),
    };
  }
  const { certificate } = target;
  const der = await view.certificateBytes(certificate.serial);
  return {
    ...describeCertificate(certificate, now),
    fingerprint: sha256Hex(der),
    key: certificate.key,
    issuedAt: certificate.issuedAt,
    ...(certificate.adopted ? { adopted: true } : {}),
    ...(certificate.deliveredAt ? { deliveredAt: certificate.deliveredAt } : {}),
    ...(certificate.supersedes ? { supersedes: certificate.supersedes } : {}),
    ...(certificate.supersededAt ? { supersededAt: certificate.supersededAt } : {}),
    ...(certificate.revocation?.invalidityDate
      ? { invalidityDate: certificate.revocation.invalidityDate }
      : {}),
    pem: encodePem('CERTIFICATE', der),
  };
}
