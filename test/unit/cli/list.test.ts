import { expect, it } from 'vitest';
import type { CertificateRow } from '../../../src/authority/inventory.ts';
import { renderList } from '../../../src/cli/render/list.ts';
import { plain } from '../../../src/cli/style.ts';
import { parseClientName } from '../../../src/core/client-name.ts';
import { parseSerial } from '../../../src/core/serial.ts';

const view = { style: plain, now: new Date('2026-11-22T09:30:00Z'), columns: undefined };

function row(client: string, more: Partial<CertificateRow> = {}): CertificateRow {
  return {
    client: parseClientName(client),
    serial: parseSerial('0a1b2c3d'),
    status: 'active',
    profile: 'client',
    subject: `CN=${client}`,
    notBefore: new Date('2026-11-22T09:25:00Z'),
    notAfter: new Date('2027-02-20T09:30:00Z'),
    ...more,
  };
}

it('says that there are no certificates', () => {
  expect(renderList(view)([])).toEqual([{ kind: 'note', text: 'no certificates' }]);
});

it('keeps the columns of the first page, with one heading, and widens them where a later page needs more', () => {
  const renderPage = renderList(view);
  const revoked = {
    status: 'revoked',
    revokedAt: new Date('2026-11-20T09:30:00Z'),
    reason: 'superseded',
  } as const;
  const pages = [
    [row('billing'), row('api', revoked)],
    [row('a')],
    [row('longer-than-before'), row('b', { status: 'superseded' })],
    [row('c')],
  ];
  expect(pages.flatMap((page) => renderPage(page)).join('\n')).toMatchInlineSnapshot(`
    "CLIENT   SERIAL    STATUS   PROFILE  EXPIRES
    billing  0a1b2c3d  active   client   2027-02-20  in 90 days
    api      0a1b2c3d  revoked  client   2027-02-20  revoked 2 days ago, superseded
    a        0a1b2c3d  active   client   2027-02-20  in 90 days
    longer-than-before  0a1b2c3d  active      client   2027-02-20  in 90 days
    b                   0a1b2c3d  superseded  client   2027-02-20  in 90 days
    c                   0a1b2c3d  active      client   2027-02-20  in 90 days"
  `);
});
