import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { addMs } from '../core/instant.ts';
import type { RevocationReason } from '../core/revocation-reason.ts';
import type { Serial } from '../core/serial.ts';
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

/** The certificates that match, in the order they were issued; with `expiringMs` by notAfter. */
export async function list(
  request: ListRequest,
  ports: Pick<Ports, 'ledger' | 'clock' | 'progress'>,
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
  const takeAll = async (
    pages: AsyncIterable<readonly CertificateRecord[]>,
    count: () => Promise<number>,
  ) => {
    let read = 0;
    let total: number | undefined;
    for await (const page of pages) {
      take(page);
      read += page.length;
      if (read === page.length) continue; // the first of few, most often
      total ??= await count();
      ports.progress(read, Math.max(read, total), 'certificates read');
    }
  };
  if (request.expiringMs !== undefined) {
    const end = addMs(now, request.expiringMs);
    await takeAll(view.certificatesExpiring(now, end), () => view.countLive(now, end));
  } else if (request.client !== undefined) {
    if (!(await view.client(request.client))) {
      throw new CaError('ledger/unknown-client', `there is no client "${request.client}"`, {
        hint: 'see what there is: ca list',
      });
    }
    take(await view.certificatesOf(request.client));
  } else {
    await takeAll(view.certificates(), async () => {
      const { active, superseded, revoked, expired } = await view.counts(now);
      return active + superseded + revoked + expired;
    });
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
