import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type CertificateRow, type ListRequest, list } from '../../../src/authority/inventory.ts';
import { show } from '../../../src/authority/show.ts';
import { dayMs } from '../../../src/core/duration.ts';
import type { LedgerView } from '../../../src/ledger/ledger-view.ts';
import type { CertificateRecord } from '../../../src/ledger/record.ts';
import { handmadeCsr } from '../../support/handmade-csr.ts';
import { names, openScene, refusalIn, type Scene } from './scene.ts';

type ListPorts = Parameters<typeof list>[1];

async function pagesOf(request: ListRequest, ports: ListPorts): Promise<(readonly CertificateRow[])[]> {
  const pages: (readonly CertificateRow[])[] = [];
  for await (const page of list(request, ports)) pages.push(page);
  return pages;
}

const rowsOf = async (request: ListRequest, ports: ListPorts) => (await pagesOf(request, ports)).flat();

const clientsIn = async (scene: Scene, request: ListRequest) =>
  (await rowsOf(request, scene.world.ports)).map(({ client, status }) => `${client} ${status}`);

/** The scene's ports, but its certificates come in these pages; and how many of them were asked for. */
async function portsWithPages(
  { world: { ports } }: Scene,
  pages: readonly (readonly CertificateRecord[])[],
): Promise<{ ports: ListPorts; asked: () => number; isClosed: () => boolean }> {
  let asked = 0;
  let isClosed = false;
  async function* certificates() {
    try {
      for (const page of pages) {
        asked++;
        yield page;
      }
    } finally {
      isClosed = true;
    }
  }
  const view: LedgerView = Object.create(await ports.ledger.view(), {
    certificates: { value: certificates },
    counts: { value: async () => ({ active: 0, superseded: 0, revoked: 0, expired: 0 }) },
  });
  return {
    ports: { ...ports, ledger: { ...ports.ledger, view: async () => view } },
    asked: () => asked,
    isClosed: () => isClosed,
  };
}

async function busyScene(): Promise<Scene> {
  const scene = await openScene();
  await scene.issue('old', { validity: '10d' });
  await scene.issue('billing');
  await scene.issue('billing', { again: true, validity: '20d' });
  await scene.issue('gone');
  await scene.revoke('gone', { reason: 'cessationOfOperation' });
  scene.days(11);
  return scene;
}

describe('list', () => {
  it('gives all certificates in the order they were issued', async () => {
    const scene = await busyScene();
    expect(await clientsIn(scene, {})).toEqual([
      'old expired',
      'billing superseded',
      'billing active',
      'gone revoked',
    ]);
    expect((await rowsOf({ status: 'revoked' }, scene.world.ports))[0]).toEqual({
      client: 'gone',
      serial: expect.stringMatching(/^[0-9a-f]{32}$/),
      status: 'revoked',
      profile: 'client',
      subject: 'CN=gone',
      notBefore: new Date('2026-11-22T09:25:00Z'),
      notAfter: new Date('2027-02-20T09:30:00Z'),
      revokedAt: new Date('2026-11-22T09:30:00.250Z'),
      reason: 'cessationOfOperation',
    });
  });

  it('filters by status, client and what expires soon', async () => {
    const scene = await busyScene();
    const [billing] = names('billing');
    if (!billing) throw new Error('no name');
    expect(await clientsIn(scene, { status: 'expired' })).toEqual(['old expired']);
    expect(await clientsIn(scene, { client: billing })).toEqual(['billing superseded', 'billing active']);
    expect(await clientsIn(scene, { client: billing, status: 'active' })).toEqual(['billing active']);
    expect(await clientsIn(scene, { expiringMs: 30 * dayMs })).toEqual(['billing active']);
    expect(await clientsIn(scene, { expiringMs: 90 * dayMs, client: billing })).toEqual([
      'billing active',
      'billing superseded',
    ]);
  });

  it('tells how far it is once there is more than one page, of all and of what ends soon', async () => {
    const scene = await busyScene();
    const { clock, ledger } = scene.world.ports;
    const inPages = async () => {
      const view = await ledger.view();
      const pages = async function* (all: AsyncIterable<readonly CertificateRecord[]>) {
        for await (const page of all) yield* page.map((record) => [record]);
      };
      return Object.assign(Object.create(view), {
        certificates: () => pages(view.certificates()),
        certificatesExpiring: (from: Date, to: Date) => pages(view.certificatesExpiring(from, to)),
        counts: (now: Date) => view.counts(now),
        countLive: (from: Date, to: Date) => view.countLive(from, to),
      }) as LedgerView;
    };
    const told: string[] = [];
    const progress = (done: number, total: number, what: string) => told.push(`${done}/${total} ${what}`);
    const ports = { clock, ledger: { ...ledger, view: inPages }, progress };
    expect(await rowsOf({}, ports)).toHaveLength(4);
    const read = 'certificates read';
    expect(told.splice(0)).toEqual([`2/4 ${read}`, `3/4 ${read}`, `4/4 ${read}`]);
    expect(await rowsOf({ expiringMs: 365 * dayMs }, ports)).toHaveLength(3);
    // Of what ends soon those that are live are counted: an estimate.
    expect(told).toEqual([`2/2 ${read}`, `3/3 ${read}`]);
  });

  it.each([
    [{}, 0, [0]],
    [{}, 1000, [1000]],
    [{}, 2500, [1000, 1000, 500]],
    [{ status: 'revoked' }, 2500, [0]],
    [{ status: 'active' }, 1001, [1000, 1]],
  ] as const)('gives pages of a thousand, and one at least: %j of %i', async (request, count, lengths) => {
    const scene = await openScene();
    const record = await scene.record(await scene.serialOf('billing'));
    const records = Array<CertificateRecord>(count).fill(record);
    const pages = [records.slice(0, 700), records.slice(700, 1900), records.slice(1900)];
    const { ports } = await portsWithPages(scene, pages);
    expect((await pagesOf(request, ports)).map(({ length }) => length)).toEqual(lengths);
  });

  it('reads no further than is asked for, and ends the reading with its own reader', async () => {
    const scene = await openScene();
    const record = await scene.record(await scene.serialOf('billing'));
    const page = Array<CertificateRecord>(1000).fill(record);
    const { ports, asked, isClosed } = await portsWithPages(scene, [page, page, page]);
    for await (const rows of list({}, ports)) {
      expect([rows.length, asked(), isClosed()]).toEqual([1000, 1, false]);
      break;
    }
    expect([asked(), isClosed()]).toEqual([1, true]);
  });

  it('refuses an unknown client', async () => {
    const scene = await openScene();
    const [client] = names('nobody');
    if (!client) throw new Error('no name');
    expect((await refusalIn(rowsOf({ client }, scene.world.ports))).code).toBe('ledger/unknown-client');
  });
});

describe('show', () => {
  it('gives a client with its policy, files and certificates', async () => {
    const scene = await busyScene();
    expect(await show('billing', undefined, scene.world.ports)).toMatchObject({
      client: 'billing',
      addedAt: new Date('2026-11-22T09:30:00.250Z'),
      profile: 'client',
      key: 'p256',
      validity: '20d',
      delivery: { kind: 'home' },
      files: { directory: '/ca/clients/billing' },
      certificates: [{ status: 'superseded' }, { status: 'active' }],
    });
  });

  it('says that the files of a client are gone, and what to do', async () => {
    const scene = await busyScene();
    scene.world.deliveries.delete('/ca/clients/billing');
    const shown = await show('billing', undefined, scene.world.ports);
    expect(shown).toMatchObject({
      problem:
        'the files of billing are gone from /ca/clients/billing; unless the client has them, run: ca renew billing --force',
    });
    expect(shown).not.toHaveProperty('files');
  });

  it('gives a certificate with everything that the ledger knows', async () => {
    const scene = await busyScene();
    const [first] = scene.world.entries('issued').filter(({ client }) => client === 'billing');
    const details = await show(first?.serial ?? '', undefined, scene.world.ports);
    expect(details).toMatchObject({
      serial: first?.serial,
      status: 'superseded',
      key: first?.key,
      issuedAt: first?.time,
      deliveredAt: first?.time,
      supersededAt: first?.time,
    });
    if (!('pem' in details)) throw new Error('no certificate');
    expect(details.fingerprint).toBe(
      new X509Certificate(details.pem).fingerprint256.replaceAll(':', '').toLowerCase(),
    );
  });

  it('gives all certificates of a public key', async () => {
    const scene = await openScene();
    await scene.issue('one', { csr: handmadeCsr() });
    await scene.issue('two', { csr: handmadeCsr() });
    const key = scene.inPlace('one').publicKey.export({ type: 'spki', format: 'pem' });
    expect(await show('key.pem', Buffer.from(key), scene.world.ports)).toMatchObject([
      { client: 'one' },
      { client: 'two' },
    ]);
  });
});
