import { describe, expect, it } from 'vitest';
import { adopt } from '../../../src/authority/adopt.ts';
import { issueList } from '../../../src/authority/issue-list.ts';
import { auditLedger } from '../../../src/authority/ledger-audit.ts';
import { parseSettings } from '../../../src/authority/settings.ts';
import { show } from '../../../src/authority/show.ts';
import { status } from '../../../src/authority/status.ts';
import { CaError } from '../../../src/core/ca-error.ts';
import { parseClientName } from '../../../src/core/client-name.ts';
import { dayMs } from '../../../src/core/duration.ts';
import { parseSerial } from '../../../src/core/serial.ts';
import { handmadeCsr } from '../../support/handmade-csr.ts';
import { names, openScene, refusalIn, type Scene } from './scene.ts';

const look = (scene: Scene) => status(scene.settings, scene.world.ports);

describe('status', () => {
  it('finds nothing wrong with an authority that renews and publishes', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    await scene.issue('billing', { again: true });
    await scene.issue('cut-off');
    await scene.revoke('cut-off');
    expect(await look(scene)).toEqual({
      home: '/ca',
      authority: { name: 'Acme API CA', notAfter: new Date('2036-11-19T09:30:00Z') },
      clients: 2,
      counts: { active: 1, superseded: 1, revoked: 1, expired: 0 },
      due: [],
      undelivered: [],
      crl: {
        number: '1795339800001',
        thisUpdate: new Date('2026-11-22T09:30:00Z'),
        nextUpdate: new Date('2026-12-22T09:30:00Z'),
        entries: 1,
        files: { der: '/ca/crl/ca.crl', pem: '/ca/crl/ca.crl.pem' },
        state: 'fresh',
      },
      expiringByWeek: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
      problems: [],
      warnings: [],
    });
  });

  it('lists what is due without alarm while there is time for cron', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    scene.days(61);
    await scene.crl();
    expect(await look(scene)).toMatchObject({ due: [{ client: 'billing', serial }], problems: [] });
  });

  it('warns of a profile whose certificates would outlive the CA, before one is refused', async () => {
    const scene = await openScene();
    const settings = parseSettings('{"version":1,"profiles":{"server":{"validity":"12y"}}}');
    expect(await status(settings, scene.world.ports)).toMatchObject({
      problems: [],
      warnings: [
        'the CA ends in 9y 364d, before certificates of server (12y) would: ca issue refuses them; give it --validity, or set profiles.server.validity in ca.json',
      ],
    });
  });

  it('shows both CRLs of two tiers', async () => {
    const scene = await openScene({ twoTier: true });
    scene.days(3000);
    await scene.crl();
    const { crl, rootCrl, problems } = await look(scene);
    expect([crl?.state, rootCrl?.state]).toEqual(['fresh', 'fresh']);
    expect(problems).toEqual([]);
  });
});

describe('a problem is', () => {
  it.each<[string, string, (scene: Scene) => unknown, string]>([
    [
      'a CRL that nobody renews',
      'stale',
      (scene) => scene.days(16),
      'the CRL ends in 13d 23h and nobody has renewed it; run ca renew, from cron',
    ],
    [
      'an expired CRL',
      'expired',
      (scene) => scene.days(31),
      'the CRL expired at 2026-12-22T09:30:00Z: servers refuse every client; run: ca crl',
    ],
    [
      'a lost CRL',
      'damaged',
      (scene) => scene.world.crls.clear(),
      'the CRL in /ca/crl/ca.crl is not the one on record; run: ca crl',
    ],
    [
      'another CRL in its place',
      'damaged',
      (scene) => scene.world.crls.set('root', { der: Uint8Array.of(1), pem: '' }),
      'the CRL in /ca/crl/ca.crl is not the one on record; run: ca crl',
    ],
  ])('%s', async (_, state, act, problem) => {
    const scene = await openScene();
    act(scene);
    expect(await look(scene)).toMatchObject({ crl: { state }, problems: [problem] });
    await scene.crl({ ifDue: true });
    expect((await look(scene)).problems).toEqual([]);
  });

  it.each([
    ['missing', (scene: Scene) => scene.world.certificates.clear()],
    [
      'not the certificate on record',
      (scene: Scene) => {
        for (const name of scene.world.certificates.keys()) scene.world.certificates.set(name, 'foreign');
      },
    ],
  ])('a file that servers trust and that is %s, which ca renew puts back', async (why, act) => {
    const scene = await openScene({ twoTier: true });
    const before = new Map(scene.world.certificates);
    act(scene);
    const faults = ['/ca/ca.crt', '/ca/chain.crt'].map((file) => ({ file, why }));
    expect((await look(scene)).problems).toEqual(
      faults.map(({ file }) => `${file} is ${why}; run: ca renew, which puts it back`),
    );
    expect((await auditLedger(scene.world.ports)).findings.map(({ message }) => message)).toEqual(
      faults.map(({ file }) => `${file} is ${why}; run: ca renew`),
    );
    expect((await scene.renew({ dryRun: true })).restored).toEqual(faults);
    expect((await look(scene)).problems).toHaveLength(2);
    expect((await scene.renew()).restored).toEqual(faults);
    expect(scene.world.certificates).toEqual(before);
    expect((await scene.renew()).restored).toEqual([]);
    expect((await look(scene)).problems).toEqual([]);
  });

  it('a file or directory that others may write to', async () => {
    const scene = await openScene();
    scene.world.open = ['/ca/keys', '/ca/ca.crt'];
    expect((await look(scene)).problems).toEqual([
      'others than their owner may write to /ca/keys, /ca/ca.crt; run: chmod -R go-w /ca',
    ]);
    scene.world.open = [1, 2, 3, 4, 5, 6, 7].map((n) => `/ca/ledger/0000000${n}.jsonl`);
    expect((await look(scene)).problems).toEqual([
      expect.stringContaining('/ca/ledger/00000005.jsonl and 2 more; run:'),
    ]);
  });

  it("a CA key that is not here, or that others can read; but not the root's of two tiers", async () => {
    const missing = (role: string) =>
      `the CA key /ca/keys/${role}.key is missing: nothing can be issued, renewed or revoked; bring it back from a backup`;
    for (const [twoTier, role] of [
      [false, 'root'],
      [true, 'issuing'],
    ] as const) {
      const scene = await openScene({ twoTier });
      if (twoTier) scene.world.caKeys.delete('root');
      expect((await look(scene)).problems).toEqual([]);
      scene.world.fail('hasKey', new CaError('store/insecure-mode', 'too wide', { hint: 'close it' }));
      expect((await look(scene)).problems).toEqual(['too wide; close it']);
      scene.world.caKeys.delete(role);
      expect((await look(scene)).problems).toEqual([missing(role)]);
    }
  });

  it('a CRL that a clock has signed that stood ahead', async () => {
    const scene = await openScene();
    scene.days(100);
    await scene.crl();
    scene.days(-100);
    scene.world.clockConfirmed = true;
    // The record has gone on by the right time since, so that nothing else tells of it.
    await scene.issue('billing');
    expect(await look(scene)).toMatchObject({
      crl: { state: 'not valid yet' },
      problems: [
        'the CRL is not valid before 2027-03-02T09:30:00Z: servers refuse every client; run: ca crl',
      ],
    });
    await scene.renew();
    expect((await look(scene)).problems).toEqual([]);
  });

  it('a lost CRL of the root, which ca crl --root makes again', async () => {
    const scene = await openScene({ twoTier: true });
    scene.world.crls.delete('root');
    expect((await look(scene)).problems).toEqual([
      "the root's CRL in /ca/crl/root.crl is not the one on record; run: ca crl --root",
    ]);
    await scene.crl({ root: true });
    expect((await look(scene)).problems).toEqual([]);
  });

  it('a revocation that is on no CRL yet', async () => {
    const scene = await openScene();
    const serial = parseSerial(await scene.serialOf('billing'));
    await scene.world.ports.ledger.transact((transaction) =>
      transaction.append([
        { type: 'revoked', client: parseClientName('billing'), serial, reason: 'unspecified' },
      ]),
    );
    expect((await look(scene)).problems).toEqual(['a revocation is not on the CRL yet; run: ca crl']);
    await scene.crl();
    expect((await look(scene)).problems).toEqual([]);
  });

  it('a CRL that reached neither copies nor hook, with one tier and two', async () => {
    for (const twoTier of [false, true]) {
      const scene = await openScene({ twoTier });
      await scene.issue('billing');
      scene.configure({ crl: { copyTo: ['/a'], hook: 'reload' } });
      await scene.crl();
      expect((await look(scene)).problems).toEqual([]);
      scene.world.hookResult = { exitCode: 4, output: '' };
      await refusalIn(scene.revoke('billing'));
      expect((await look(scene)).problems).toEqual([
        'crl.copyTo or crl.hook has not gone through for the CRL on record, so servers may have an older one; run: ca renew',
      ]);
      scene.world.hookResult = { exitCode: 0, output: '' };
      await scene.renew();
      scene.world.advance(1000);
      if (twoTier) await scene.crl({ root: true });
      expect((await look(scene)).problems).toEqual([]);
    }
  });

  it('a renewal that is overdue, or was never made', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.days(76);
    await scene.crl();
    expect((await look(scene)).problems).toEqual([
      'billing ends on 2027-02-20 and is overdue for renewal; run ca renew, from cron',
    ]);
    scene.days(20);
    await scene.crl();
    expect((await look(scene)).problems).toEqual([
      'billing expired on 2027-02-20 and was not renewed; run: ca renew',
    ]);
  });

  it('a client that expired and is past its grace period', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.days(121);
    await scene.crl();
    expect((await look(scene)).problems).toEqual([
      'billing is due, but it expired on 2027-02-20 and is past renewal.grace; run: ca renew billing --force',
    ]);
    await scene.renew({ clients: names('billing'), force: true });
    expect((await look(scene)).problems).toEqual([]);
  });

  it('a delivery that failed', async () => {
    const scene = await openScene();
    scene.world.fail('deliver');
    await refusalIn(scene.issue('billing'));
    const { problems, undelivered } = await look(scene);
    expect(problems).toEqual([
      `billing: certificate ${undelivered[0]?.serial} is not delivered; run: ca renew`,
    ]);
    await scene.renew();
    expect(await look(scene)).toMatchObject({ problems: [], undelivered: [] });
  });

  it('files that are gone from the directory that a program reads', async () => {
    const scene = await openScene();
    const delivery = { kind: 'directory', path: '/etc/nginx/tls' } as const;
    await scene.issue('web', { delivery });
    await scene.issue('billing');
    scene.world.deliveries.delete('/etc/nginx/tls');
    expect(await look(scene)).toMatchObject({
      problems: ['the files of web are gone from /etc/nginx/tls; run: ca renew web --force'],
      warnings: [],
    });
    await scene.renew({ clients: names('web'), force: true });
    expect(await look(scene)).toMatchObject({ problems: [], warnings: [] });
  });

  it('files that are gone, although an older certificate was adopted since', async () => {
    const scene = await openScene();
    const delivery = { kind: 'directory', path: '/etc/nginx/tls' } as const;
    const old = [...scene.world.lines];
    const { latestHead } = scene.world;
    const lost = await scene.serialOf('web', { delivery });
    const file = await scene.world.state.certificateBytes(lost);
    Object.assign(scene.world, { lines: old, latestHead });
    scene.days(1);
    await scene.issue('web', { delivery });
    await adopt({ file, dryRun: false }, scene.settings, scene.world.ports);
    scene.world.deliveries.delete('/etc/nginx/tls');
    const problem = 'the files of web are gone from /etc/nginx/tls; run: ca renew web --force';
    expect((await look(scene)).problems).toEqual([problem]);
    expect(await show('web', undefined, scene.world.ports)).toMatchObject({ problem });
  });

  it('not files that are gone from the home directory, which a person may have taken: that is a warning', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.world.deliveries.clear();
    expect(await look(scene)).toMatchObject({
      problems: [],
      warnings: [
        'the files of billing are gone from /ca/clients/billing; unless the client has them, run: ca renew billing --force',
      ],
    });
  });

  it('looked for among the 250 certificates that end first, also where more end in the same second', async () => {
    const scene = await openScene();
    const lines = Array.from({ length: 251 }, (_, line) => ({
      line,
      request: { client: parseClientName(`c${line}`) },
    }));
    await issueList({ lines, faults: [] }, { dryRun: false }, scene.settings, scene.world.ports);
    await scene.issue('early', { validity: '80d' });
    scene.world.deliveries.clear();
    const { warnings } = await look(scene);
    expect(warnings).toHaveLength(11);
    expect(warnings[0]).toMatch(/^the files of early are gone /);
    expect(warnings[10]).toBe(
      'the files of other clients may be gone from the home directory too; to look at one: ca show CLIENT',
    );
  });

  it('files that a program reads, behind any number of others', async () => {
    const scene = await openScene();
    const delivery = { kind: 'directory', path: '/etc/tls' } as const;
    const lines = Array.from({ length: 251 }, (_, line) => ({
      line,
      request: { client: parseClientName(`c${line}`), ...(line < 20 ? {} : { delivery }) },
    }));
    await issueList({ lines, faults: [] }, { dryRun: false }, scene.settings, scene.world.ports);
    scene.world.deliveries.clear();
    const { problems, warnings } = await look(scene);
    expect([problems.length, warnings.length]).toEqual([230, 11]);
  });

  it('a place that cannot be looked at', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.world.fail('paths', new CaError('store/permission', 'permission denied: look at /ca/clients'));
    expect((await look(scene)).problems).toEqual([
      'the files of billing cannot be looked at: permission denied: look at /ca/clients',
    ]);
  });

  it('a certificate that was to be printed and was not, until there is another', async () => {
    const scene = await openScene();
    scene.world.fail('append', undefined, 1);
    await refusalIn(scene.issue('billing', { delivery: { kind: 'stdout' } }));
    const [problem] = (await look(scene)).problems;
    expect(problem).toMatch(/^billing: certificate \w+ .*; run: ca issue billing --again$/);
    await scene.issue('billing', { again: true });
    expect((await look(scene)).problems).toEqual([]);
  });

  it('what is due and cannot be renewed by itself', async () => {
    const scene = await openScene();
    await scene.issue('printed', { delivery: { kind: 'stdout' }, csr: handmadeCsr() });
    scene.days(61);
    await scene.crl();
    expect((await look(scene)).problems).toEqual([
      'printed is due, but its files went to standard output; issue it again with --out DIR to have it renewed',
    ]);
  });

  it('not what nobody misses: files of what is revoked, expired, replaced, printed or to be delivered yet', async () => {
    const scene = await openScene();
    await scene.issue('printed', { delivery: { kind: 'stdout' } });
    await scene.issue('revoked');
    await scene.revoke('revoked');
    await scene.issue('expired', { validity: '1h' });
    scene.days(1);
    await scene.issue('billing');
    const newest = await scene.serialOf('billing', { again: true });
    await scene.revoke(newest);
    scene.world.fail('deliver');
    await refusalIn(scene.issue('late'));
    scene.world.deliveries.clear();
    const { problems, warnings } = await look(scene);
    expect([problems.filter((text) => text.includes('gone')), warnings]).toEqual([[], []]);
  });

  it('a clock behind the record', async () => {
    const scene = await openScene();
    scene.world.advance(-301_000);
    expect((await look(scene)).problems).toEqual([
      'the clock is behind the last entry of the ledger (2026-11-22T09:30:00Z); set the clock',
    ]);
  });

  it('the CA’s own end, when certificates are or soon will be cut short to it', async () => {
    const scene = await openScene({ validityMs: 365 * dayMs });
    await scene.issue('billing');
    expect(await look(scene)).toMatchObject({
      problems: [],
      warnings: ['the CA ends on 2027-11-22, in 364d 23h: plan its successor'],
    });
    scene.days(119);
    await scene.renew();
    scene.days(81);
    await scene.crl();
    await scene.renew();
    expect((await look(scene)).problems).toMatchObject([
      expect.stringContaining('the CA ends on 2027-11-22'),
    ]);
    scene.days(166);
    const { problems } = await look(scene);
    expect(problems).toContain(
      'the CA expired on 2027-11-22: servers refuse every client; make a new authority',
    );
  });
});
