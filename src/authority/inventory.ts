import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { addMs } from '../core/instant.ts';
import type { RevocationReason } from '../core/revocation-reason.ts';
import type { Serial } from '../core/serial.ts';
import { pageLength } from '../ledger/ledger-state.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, type CertificateStatus, certificateStatus } from '../ledger/record.ts';
import type { Ports } from './ports.ts';

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

/**
 * The certificates that match, in the order they were issued, with `expiringMs` by notAfter; in pages, of which there is
 * one at least. Throws `ledger/unknown-client`.
 */
export async function* list(
  request: ListRequest,
  ports: Pick<Ports, 'ledger' | 'clock' | 'progress'>,
): AsyncIterable<readonly CertificateRow[]> {
  const view = await ports.ledger.view();
  const now = ports.clock();
  const { pages, count } = await candidates(request, now, view);
  let page: CertificateRow[] = [];
  let isFirst = true;
  let read = 0;
  let total: number | undefined;
  for await (const records of pages) {
    for (const record of records) {
      const row = describeCertificate(record, now);
      if (request.status !== undefined && row.status !== request.status) continue;
      if (request.client !== undefined && row.client !== request.client) continue;
      page.push(row);
      if (page.length < pageLength) continue;
      yield page;
      page = [];
      isFirst = false;
    }
    read += records.length;
    if (read === records.length) continue; // the first of few, most often
    total ??= await count();
    ports.progress(read, Math.max(read, total), 'certificates read');
  }
  if (isFirst || page.length > 0) yield page;
}

/** The certificates among which those that match are, in the order of {@link list}, and how many there are about. */
async function candidates(
  { client, expiringMs }: ListRequest,
  now: Date,
  view: LedgerView,
): Promise<{ pages: Pages; count: () => Promise<number> }> {
  if (expiringMs !== undefined) {
    const end = addMs(now, expiringMs);
    return { pages: view.certificatesExpiring(now, end), count: () => view.countLive(now, end) };
  }
  if (client !== undefined) {
    if (!(await view.client(client))) {
      throw new CaError('ledger/unknown-client', `there is no client "${client}"`, {
        hint: 'see what there is: ca list',
      });
    }
    const certificates = await view.certificatesOf(client);
    return { pages: [certificates], count: async () => certificates.length };
  }
  const count = async () => {
    const { active, superseded, revoked, expired } = await view.counts(now);
    return active + superseded + revoked + expired;
  };
  return { pages: view.certificates(), count };
}

type Pages = AsyncIterable<readonly CertificateRecord[]> | readonly (readonly CertificateRecord[])[];

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
