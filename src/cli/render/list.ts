import type { CertificateRow } from '../../authority/inventory.ts';
import { formatDay } from '../../core/instant.ts';
import type { CertificateStatus } from '../../ledger/record.ts';
import { type Line, note, type View } from '../report.ts';
import type { Style } from '../style.ts';
import { relativeTime } from './relative-time.ts';
import { type Cell, renderTable } from './table.ts';

/** Certificates as a table, a line each. */
export function renderList(rows: readonly CertificateRow[], view: View): readonly Line[] {
  return rows.length === 0 ? [note('no certificates')] : certificateTable(rows, view);
}

/** The lines of {@link renderList}, headings first. */
export function certificateTable(rows: readonly CertificateRow[], { style, now }: View): readonly string[] {
  const headings = ['CLIENT', 'SERIAL', 'STATUS', 'PROFILE', 'EXPIRES', ''];
  return renderTable([
    headings.map((text) => ({ text, decorate: style.dim })),
    ...rows.map(({ client, serial, status, profile, notAfter, revokedAt, reason }) => [
      client,
      serial,
      statusCell(status, style),
      profile,
      formatDay(notAfter),
      revokedAt ? `revoked ${relativeTime(revokedAt, now)}, ${reason}` : relativeTime(notAfter, now),
    ]),
  ]);
}

/** A status in its colour. */
export function statusCell(status: CertificateStatus, style: Style): Cell {
  const decorations = {
    active: style.green,
    superseded: style.dim,
    revoked: style.red,
    expired: style.yellow,
  };
  return { text: status, decorate: decorations[status] };
}
