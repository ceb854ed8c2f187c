import type { CertificateRow } from '../../authority/inventory.ts';
import { formatDay } from '../../core/instant.ts';
import type { CertificateStatus } from '../../ledger/record.ts';
import { type Line, note, type View } from '../report.ts';
import type { Style } from '../style.ts';
import { relativeTime } from './relative-time.ts';
import { type Cell, renderTable } from './table.ts';

/**
 * Certificates as a table, a line each, page by page. Columns are as wide as the first page needs, so that a list which
 * fits into it is aligned to the letter; where a later page needs more, they are wider from there on.
 */
export function renderList(view: View): (page: readonly CertificateRow[]) => readonly Line[] {
  const { style } = view;
  const headings = ['CLIENT', 'SERIAL', 'STATUS', 'PROFILE', 'EXPIRES', ''];
  const widths: number[] = [];
  let above = [headings.map((text) => ({ text, decorate: style.dim }))];
  return (page) => {
    if (page.length === 0) return [note('no certificates')];
    const lines = renderTable([...above, ...page.map((row) => certificateCells(row, view))], widths);
    above = [];
    return lines;
  };
}

function certificateCells(
  { client, serial, status, profile, notAfter, revokedAt, reason }: CertificateRow,
  { style, now }: View,
): readonly Cell[] {
  const end = revokedAt ? `revoked ${relativeTime(revokedAt, now)}, ${reason}` : relativeTime(notAfter, now);
  return [client, serial, statusCell(status, style), profile, formatDay(notAfter), end];
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
