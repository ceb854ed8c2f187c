import { describe, expect, it } from 'vitest';
import type { Ports } from '../../../src/authority/ports.ts';
import { renew } from '../../../src/authority/renew.ts';
import { dayMs } from '../../../src/core/duration.ts';
import { handmadeCsr } from '../../support/handmade-csr.ts';
import { diskFull } from '../../support/memory-ports.ts';
import { names, openScene, refusalIn } from './scene.ts';

describe('renew', () => {
  it('renews what has less than a third of its life left, with a new key in place', async () => {
    const scene = await openScene();
    const first = await scene.serialOf('billing');
    scene.days(59);
    expect((await scene.renew()).renewed).toEqual([]);
    scene.days(2);
    const before = scene.inPlace('billing');
    const { renewed, failed, skipped } = await scene.renew();
    const after = scene.inPlace('billing');
    expect(renewed).toMatchObject([
      {
        client: 'billing',
        serial: after.serialNumber.toLowerCase(),
        supersedes: first,
        notAfter: new Date('2027-04-22T09:30:00Z'),
        fingerprint: after.fingerprint256.replaceAll(':', '').toLowerCase(),
        files: { directory: '/ca/clients/billing' },
      },
    ]);
    expect([failed, skipped]).toEqual([[], []]);
    expect(after.publicKey.equals(before.publicKey)).toBe(false);
    expect(await scene.record(first)).toHaveProperty('supersededAt', scene.world.now);
    expect((await scene.renew()).renewed).toEqual([]);
  });

  it('renews a certificate of 90 days after 60, and not sooner', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.world.advance(60 * dayMs - 5 * 60_000);
    expect((await scene.renew()).renewed).toEqual([]);
    scene.world.advance(5 * 60_000);
    expect((await scene.renew()).renewed).toHaveLength(1);
  });

  it('renews within a duration when the settings or the command say so', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.days(50);
    expect((await scene.renew({ within: { ms: 41 * dayMs }, dryRun: true })).renewed).toHaveLength(1);
    expect((await scene.renew({ within: { ms: 39 * dayMs } })).renewed).toEqual([]);
    scene.configure({ renewal: { within: '41d' } });
    expect((await scene.renew()).renewed).toHaveLength(1);
  });

  it('does not renew a certificate at every run that lives shorter than the window', async () => {
    const scene = await openScene();
    scene.configure({ renewal: { within: '30d' } });
    await scene.issue('billing', { validity: '15d' });
    let renewals = 0;
    for (let day = 0; day < 30; day++) {
      scene.days(1);
      renewals += (await scene.renew()).renewed.length;
    }
    expect(renewals).toBe(6);
  });

  it('never renews a superseded certificate', async () => {
    const scene = await openScene();
    await scene.issue('billing', { validity: '30d' });
    await scene.issue('billing', { again: true, validity: '90d' });
    scene.days(29);
    expect(await scene.renew()).toMatchObject({ renewed: [], skipped: [] });
  });

  it('renews what expired within the grace period; what is older is told of, and renewed by name and force', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.days(119);
    expect((await scene.renew()).renewed).toHaveLength(1);
    scene.days(121);
    const left = {
      renewed: [],
      skipped: [
        {
          client: 'billing',
          why: 'it expired on 2027-06-19 and is past renewal.grace; run: ca renew billing --force',
        },
      ],
    };
    expect(await scene.renew()).toMatchObject(left);
    expect(await scene.renew({ clients: names('billing') })).toMatchObject(left);
    expect(await scene.renew({ force: true })).toMatchObject(left);
    expect(await scene.renew({ clients: names('billing'), force: true })).toMatchObject({
      renewed: [{ client: 'billing' }],
      skipped: [],
    });
    expect(await scene.renew()).toMatchObject({ renewed: [], skipped: [] });
  });

  it('is silent about what is past its grace period and was revoked, replaced, printed or is half a year old', async () => {
    const scene = await openScene();
    await scene.issue('revoked', { csr: handmadeCsr() });
    await scene.revoke('revoked');
    await scene.issue('printed', { delivery: { kind: 'stdout' } });
    await scene.issue('replaced');
    await scene.issue('old', { csr: handmadeCsr() });
    scene.days(121);
    await scene.issue('replaced');
    expect((await scene.renew()).skipped).toMatchObject([{ client: 'old' }]);
    scene.days(181);
    expect((await scene.renew()).skipped).not.toContainEqual(expect.objectContaining({ client: 'old' }));
  });

  it('renews no revoked client, not even an older certificate of it', async () => {
    const scene = await openScene();
    await scene.issue('billing', { validity: '30d' });
    scene.days(31);
    const second = await scene.serialOf('billing', { validity: '30d' });
    scene.days(1);
    await scene.revoke(second);
    expect(await scene.renew()).toMatchObject({ renewed: [], skipped: [] });
    expect((await scene.renew({ clients: names('billing'), force: true })).skipped).toMatchObject([
      { serial: second, why: expect.stringContaining('its newest certificate was revoked') },
    ]);
    await scene.issue('billing', { validity: '30d' });
    scene.days(25);
    expect((await scene.renew()).renewed).toHaveLength(1);
  });

  it('says so when a live certificate is due and a newer one was revoked', async () => {
    const scene = await openScene();
    const first = await scene.serialOf('billing');
    scene.days(1);
    scene.world.fail('deliver');
    await refusalIn(scene.issue('billing', { again: true }));
    await scene.revoke(scene.world.entries('issued')[1]?.serial ?? '');
    scene.days(70);
    expect(await scene.renew()).toMatchObject({
      renewed: [],
      skipped: [{ serial: first, why: expect.stringContaining('its newest certificate was revoked') }],
    });
  });

  it('does not renew what would end no later, since the CA ends first', async () => {
    const scene = await openScene({ validityMs: 100 * dayMs });
    await scene.issue('billing');
    scene.days(70);
    expect((await scene.renew()).renewed).toMatchObject([{ notAfter: new Date('2027-03-02T09:30:00Z') }]);
    scene.days(25);
    expect((await scene.renew()).renewed).toEqual([]);
    expect((await scene.renew({ clients: names('billing') })).skipped).toMatchObject([
      { why: 'it ends when its CA does, and so would a new one' },
    ]);
    expect((await scene.renew({ clients: names('billing'), force: true })).renewed).toHaveLength(1);
  });

  it('says of a client that is named and not due that its files are gone', async () => {
    const scene = await openScene();
    await scene.issue('billing', { delivery: { kind: 'directory', path: '/etc/nginx/tls' } });
    scene.world.deliveries.clear();
    const why =
      'it is due from 2027-01-21; but the files of billing are gone from /etc/nginx/tls; run: ca renew billing --force';
    for (const dryRun of [true, false]) {
      const { skipped, renewed } = await scene.renew({ clients: names('billing'), dryRun });
      expect([skipped, renewed]).toMatchObject([[{ client: 'billing', why }], []]);
    }
    expect((await scene.renew()).skipped).toEqual([]);
    expect((await scene.renew({ clients: names('billing'), force: true })).failed).toEqual([]);
    expect(scene.world.deliveries.get('/etc/nginx/tls')?.versions.size).toBe(1);
  });

  it('renews the clients named alone, and says why not where it does not', async () => {
    const scene = await openScene();
    for (const client of ['one', 'two', 'three']) await scene.issue(client);
    scene.days(70);
    await scene.issue('fresh');
    const { renewed, skipped } = await scene.renew({ clients: names('one', 'fresh') });
    expect(renewed.map(({ client }) => client)).toEqual(['one']);
    expect(skipped).toMatchObject([{ client: 'fresh', why: 'it is due from 2027-04-01' }]);
    expect((await scene.renew({ clients: names('fresh'), force: true })).renewed).toHaveLength(1);
    expect((await refusalIn(scene.renew({ clients: names('nobody') }))).code).toBe('ledger/unknown-client');
  });

  it('renews everything when forced', async () => {
    const scene = await openScene();
    for (const client of ['one', 'two']) await scene.issue(client);
    expect((await scene.renew({ force: true })).renewed).toHaveLength(2);
  });

  it('renews hundreds in batches', async () => {
    const scene = await openScene();
    for (let index = 0; index < 150; index++) await scene.issue(`client-${index}`, { csr: handmadeCsr() });
    scene.days(70);
    const lines = scene.world.lines.length;
    const { renewed } = await scene.renew();
    expect(renewed).toHaveLength(150);
    expect(new Set(renewed.map(({ serial }) => serial)).size).toBe(150);
    expect(renewed.every(({ files }) => files.certificate !== undefined)).toBe(true);
    expect(scene.world.lines.length - lines).toBe(301);
  });

  it('records each delivery as soon as its hook is done, and holds no other client meanwhile', async () => {
    const scene = await openScene();
    for (const client of ['one', 'two', 'three']) await scene.issue(client, { hook: 'reload' });
    await scene.issue('plain');
    scene.days(70);
    const { runHook, deliveries } = scene.world.ports;
    const locked: (readonly string[])[] = [];
    const deliveredAtHook: number[] = [];
    const ports: Ports = {
      ...scene.world.ports,
      deliveries: {
        ...deliveries,
        exclusively: (clients, work) => {
          locked.push(clients);
          return deliveries.exclusively(clients, work);
        },
      },
      runHook: (...facts) => {
        deliveredAtHook.push(scene.world.entries('delivered').length);
        return runHook(...facts);
      },
    };
    const request = { clients: [], force: false, jitterMs: 0, dryRun: false };
    expect((await renew(request, scene.settings, ports)).renewed).toHaveLength(4);
    expect(locked).toEqual([['plain'], ['one'], ['two'], ['three']]);
    expect(deliveredAtHook).toEqual([5, 6, 7]);
  });

  it('leaves what went to standard output, and says so', async () => {
    const scene = await openScene();
    await scene.issue('billing', { delivery: { kind: 'stdout' } });
    scene.days(70);
    expect(await scene.renew()).toMatchObject({
      renewed: [],
      skipped: [{ client: 'billing', why: expect.stringContaining('standard output') }],
    });
  });

  it('is cut short with the CA instead of failing', async () => {
    const scene = await openScene({ validityMs: 120 * dayMs });
    await scene.issue('billing');
    scene.days(61);
    expect((await scene.renew()).renewed).toMatchObject([{ notAfter: new Date('2027-03-22T09:30:00Z') }]);
  });

  it('waits up to the jitter first', async () => {
    const scene = await openScene();
    await scene.renew({ jitterMs: 600_000 });
    expect(scene.world.slept).toHaveLength(1);
    expect(scene.world.slept[0]).toBeGreaterThan(0);
    expect(scene.world.slept[0]).toBeLessThan(600_000);
    await scene.renew({ jitterMs: 600_000, dryRun: true });
    expect(scene.world.slept).toHaveLength(1);
  });

  it('asks for no passphrase when nothing is due', async () => {
    const scene = await openScene({ encryptKeys: true });
    scene.world.passphraseAsked.length = 0;
    await scene.renew();
    expect(scene.world.passphraseAsked).toEqual([]);
  });

  it('prints its plan in a dry run and changes nothing', async () => {
    const scene = await openScene({ encryptKeys: true });
    const serial = await scene.serialOf('billing');
    scene.world.fail('deliver');
    await refusalIn(scene.issue('late'));
    scene.days(70);
    await refusalIn(scene.issue('new', { profile: 'server' }));
    const lines = scene.world.lines.length;
    scene.world.passphraseAsked.length = 0;
    const plan = await scene.renew({ dryRun: true });
    expect(plan.renewed).toMatchObject([
      { client: 'billing', supersedes: serial, files: {} },
      { client: 'late', files: {} },
    ]);
    expect(plan.crlDue).toBe('it expired at 2026-12-22T09:30:00Z');
    expect(scene.world.lines).toHaveLength(lines);
    expect(scene.world.passphraseAsked).toEqual([]);
    await scene.crl();
    expect(await scene.renew({ dryRun: true })).not.toHaveProperty('crlDue');
  });

  it('refuses when the clock stands well before the last entry', async () => {
    const scene = await openScene();
    scene.days(-1);
    expect((await refusalIn(scene.renew())).code).toBe('ledger/clock-behind');
  });
});

describe('the key of a renewal', () => {
  it('stays the same for a client that brought a request, until it is too old', async () => {
    const scene = await openScene();
    scene.configure({ renewal: { maxKeyAge: '100d' } });
    await scene.issue('billing', { csr: handmadeCsr() });
    const before = scene.inPlace('billing');
    scene.days(70);
    expect((await scene.renew()).renewed).toHaveLength(1);
    expect(scene.inPlace('billing').publicKey.equals(before.publicKey)).toBe(true);
    expect(scene.inPlace('billing').serialNumber).not.toBe(before.serialNumber);
    scene.days(70);
    expect(await scene.renew()).toMatchObject({
      renewed: [],
      failed: [
        {
          client: 'billing',
          code: 'authority/key-too-old',
          message: 'the key of billing is in use since 2026-11-22, longer than renewal.maxKeyAge allows',
          hint: 'ask for a request with a new key, then: ca issue billing --again --csr FILE',
        },
      ],
    });
  });

  it('is refused when it was barred, before or meanwhile', async () => {
    const scene = await openScene();
    await scene.issue('billing', { csr: handmadeCsr() });
    const other = await scene.serialOf('other', { csr: handmadeCsr() });
    scene.days(70);
    scene.world.overtake = async () => {
      scene.world.overtake = async () => {
        await scene.revoke(other, { reason: 'keyCompromise', serialOnly: true });
      };
    };
    await scene.crl();
    const { failed } = await scene.renew({ clients: names('billing') });
    expect(failed).toMatchObject([{ client: 'billing', code: 'authority/key-barred' }]);
    expect((await scene.renew()).failed).toMatchObject([{ client: 'billing', code: 'authority/key-barred' }]);
    expect(scene.world.entries('issued')).toHaveLength(2);
  });

  it('is not made anew for a client that keeps its own', async () => {
    const scene = await openScene();
    await scene.issue('billing', { csr: handmadeCsr() });
    const { failed } = await scene.renew({ force: true, key: 'rekey' });
    expect(failed).toMatchObject([{ code: 'authority/key-not-found' }]);
  });

  it('stays the same when told so, and fails when it is gone', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    const before = scene.inPlace('billing');
    expect((await scene.renew({ force: true, key: 'same-key' })).renewed).toHaveLength(1);
    expect(scene.inPlace('billing').publicKey.equals(before.publicKey)).toBe(true);
    scene.world.delivery('billing').keys.clear();
    const { failed } = await scene.renew({ force: true, key: 'same-key' });
    expect(failed).toMatchObject([
      { code: 'authority/key-not-found', hint: expect.stringContaining('--same-key') },
    ]);
  });
});

describe('what failed before', () => {
  it('is tried again: the hook, until it succeeds', async () => {
    const scene = await openScene();
    scene.world.hookResult = { exitCode: 1, output: '' };
    await refusalIn(scene.issue('billing', { hook: 'reload' }));
    expect(await scene.renew()).toMatchObject({
      delivered: [],
      failed: [{ client: 'billing', code: 'authority/hook-failed' }],
    });
    scene.world.hookResult = { exitCode: 0, output: '' };
    expect(await scene.renew()).toMatchObject({ delivered: [{ client: 'billing' }], failed: [] });
    expect(await scene.renew()).toMatchObject({ delivered: [], failed: [] });
    expect(scene.world.hooks).toHaveLength(3);
  });

  it('is tried again after a renewal, whose certificate is not made twice', async () => {
    const scene = await openScene();
    const first = await scene.serialOf('billing');
    scene.days(70);
    scene.world.fail('deliver');
    const failing = await scene.renew();
    const second = scene.world.entries('issued').at(-1)?.serial;
    expect(failing.renewed).toEqual([]);
    expect(failing.failed).toMatchObject([{ client: 'billing', serial: second }]);
    expect(second).not.toBe(first);
    expect(await scene.record(first)).not.toHaveProperty('supersededAt');
    const next = await scene.renew();
    expect(next).toMatchObject({
      renewed: [],
      delivered: [{ serial: second }],
      failed: [],
    });
    expect(await scene.record(first)).toHaveProperty('supersededAt');
  });

  it('gets a new key and certificate when its key was lost before it was delivered', async () => {
    const scene = await openScene();
    scene.world.fail('deliver');
    await refusalIn(scene.issue('billing'));
    scene.world.delivery('billing').keys.clear();
    const [lost] = scene.world.entries('issued');
    const { renewed, delivered } = await scene.renew();
    expect(renewed).toMatchObject([{ client: 'billing', supersedes: lost?.serial }]);
    expect(delivered).toEqual([]);
    expect(scene.inPlace('billing').serialNumber.toLowerCase()).toBe(renewed[0]?.serial);
    expect((await scene.renew()).renewed).toEqual([]);
  });

  it('is delivered although its renewal fails', async () => {
    const scene = await openScene();
    scene.configure({ renewal: { maxKeyAge: '10d' } });
    scene.world.fail('deliver');
    await refusalIn(scene.issue('billing', { csr: handmadeCsr() }));
    scene.days(70);
    expect(await scene.renew()).toMatchObject({
      failed: [{ code: 'authority/key-too-old' }],
      delivered: [{ client: 'billing' }],
    });
  });

  it('does not take the place of its renewal, whose hook failed', async () => {
    const scene = await openScene();
    scene.world.fail('deliver');
    await refusalIn(scene.issue('billing', { hook: 'reload' }));
    scene.days(70);
    scene.world.hookResult = { exitCode: 1, output: '' };
    const { renewed, delivered, failed } = await scene.renew();
    expect([renewed, delivered, failed.length]).toEqual([[], [], 1]);
    expect(scene.inPlace('billing').serialNumber.toLowerCase()).toBe(failed[0]?.serial);
    expect(scene.world.hooks).toHaveLength(1);
  });

  it('is not delivered when it was revoked or superseded since', async () => {
    const scene = await openScene();
    scene.world.fail('deliver');
    await refusalIn(scene.issue('billing'));
    await scene.issue('billing', { again: true });
    scene.world.fail('deliver');
    await refusalIn(scene.issue('other'));
    await scene.revoke('other');
    expect(await scene.renew()).toMatchObject({ renewed: [], delivered: [], failed: [] });
  });

  it('is left to those named', async () => {
    const scene = await openScene();
    scene.world.fail('deliver');
    await refusalIn(scene.issue('billing'));
    await scene.issue('other');
    expect((await scene.renew({ clients: names('other') })).delivered).toEqual([]);
  });
});

describe('one that fails', () => {
  it('stops nobody else', async () => {
    const scene = await openScene();
    for (const client of ['one', 'two', 'three']) await scene.issue(client);
    scene.days(70);
    scene.world.fail('stage', diskFull, 1);
    const { renewed, failed } = await scene.renew();
    expect(renewed.map(({ client }) => client)).toEqual(['one', 'three']);
    expect(failed).toMatchObject([{ client: 'two', code: 'store/disk-full', hint: expect.any(String) }]);
    expect((await scene.renew()).renewed.map(({ client }) => client)).toEqual(['two']);
  });

  it.each([
    ['profile that is gone', { profiles: { mine: {} } }, 'mine', 'authority/unknown-profile'],
    ['profile that asks for a name now', { profiles: { mine: {} } }, 'mine', 'authority/san-required'],
  ])('may be a %s', async (_, before, profile, code) => {
    const scene = await openScene();
    scene.configure(before);
    await scene.issue('one', { profile });
    await scene.issue('two');
    scene.days(70);
    scene.configure(code === 'authority/san-required' ? { profiles: { mine: { requireSan: ['dns'] } } } : {});
    const { renewed, failed } = await scene.renew();
    expect(renewed.map(({ client }) => client)).toEqual(['two']);
    expect(failed).toMatchObject([{ client: 'one', code }]);
    expect(scene.world.delivery('one').keys.size).toBe(1);
    expect((await scene.renew({ dryRun: true })).failed).toMatchObject([{ client: 'one', code }]);
  });

  it('may be all of a batch: its keys are removed and nothing is recorded', async () => {
    const scene = await openScene();
    for (const client of ['one', 'two']) await scene.issue(client);
    scene.days(70);
    await scene.crl();
    scene.world.fail('append');
    const { renewed, failed } = await scene.renew();
    expect(renewed).toEqual([]);
    expect(failed.map(({ client, code }) => [client, code])).toEqual([
      ['one', 'store/disk-full'],
      ['two', 'store/disk-full'],
    ]);
    expect(scene.world.delivery('one').keys.size).toBe(1);
    expect((await scene.renew()).renewed).toHaveLength(2);
  });

  it('may be the record of the deliveries, which are done again then', async () => {
    const scene = await openScene();
    await scene.issue('one');
    scene.days(70);
    await scene.crl();
    scene.world.fail('append', diskFull, 1);
    expect(await scene.renew()).toMatchObject({ renewed: [], failed: [{ client: 'one' }] });
    expect(await scene.renew()).toMatchObject({ renewed: [], delivered: [{ client: 'one' }], failed: [] });
  });

  it('may be a delivery that another process holds for too long', async () => {
    const scene = await openScene();
    await scene.issue('one');
    scene.days(70);
    scene.world.fail('exclusively');
    expect(await scene.renew()).toMatchObject({ renewed: [], failed: [{ client: 'one' }] });
    expect((await scene.renew()).renewed).toHaveLength(1);
  });

  it('may be a file that servers trust: clients are renewed all the same', async () => {
    const scene = await openScene();
    await scene.issue('one');
    scene.days(70);
    scene.world.certificates.clear();
    scene.world.fail('writeTrusted');
    expect(await scene.renew()).toMatchObject({
      renewed: [{ client: 'one' }],
      failed: [{ code: 'store/disk-full' }],
      restored: [],
    });
    expect((await scene.renew()).restored).toHaveLength(1);
  });

  it('may be the CRL: clients are renewed all the same', async () => {
    const scene = await openScene();
    await scene.issue('one');
    scene.days(70);
    scene.world.fail('placeCrl');
    const { renewed, failed } = await scene.renew();
    expect(renewed).toHaveLength(1);
    expect(failed).toMatchObject([{ code: 'store/disk-full' }]);
    expect(failed[0]).not.toHaveProperty('client');
    expect((await scene.renew()).crl?.number).toBe(scene.world.entries('crl-published').at(-1)?.number);
    expect((await scene.crl({ ifDue: true })).why).toBeUndefined();
  });
});

describe('two at once', () => {
  it('renew each client once', async () => {
    const scene = await openScene();
    for (const client of ['one', 'two', 'three']) await scene.issue(client);
    scene.days(70);
    const [a, b] = await Promise.all([scene.renew(), scene.renew()]);
    expect(a.renewed).toHaveLength(3);
    expect(b.renewed).toEqual([]);
    expect(b.skipped).toMatchObject([{ why: 'it was renewed or revoked meanwhile' }, {}, {}]);
    expect(scene.world.entries('issued')).toHaveLength(6);
    for (const client of ['one', 'two', 'three']) expect(scene.world.delivery(client).keys.size).toBe(2);
  });

  it('leave a client alone that is revoked while its key is made', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.days(70);
    await scene.crl();
    scene.world.overtake = async () => {
      await scene.revoke('billing');
    };
    const { renewed, skipped } = await scene.renew();
    expect(renewed).toEqual([]);
    expect(skipped).toMatchObject([{ client: 'billing', why: 'it was renewed or revoked meanwhile' }]);
    expect(scene.world.delivery('billing').keys.size).toBe(1);
  });
});

describe('the CRL', () => {
  it('comes first, and once a day', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.days(70);
    const lines = scene.world.lines.length;
    const { crl } = await scene.renew();
    expect(crl).toMatchObject({ thisUpdate: scene.world.entries('crl-published')[1]?.thisUpdate });
    expect(scene.world.state.head.seq).toBe(lines + 3);
    expect(scene.world.entries('crl-published')[1]?.seq).toBe(lines + 1);
    scene.world.advance(3_600_000);
    expect((await scene.renew()).crl?.number).toBe(crl?.number);
    scene.days(1);
    expect((await scene.renew()).crl?.number).not.toBe(crl?.number);
  });

  it('is never stale in two years of daily runs', async () => {
    const scene = await openScene();
    await scene.issue('billing', { csr: handmadeCsr() });
    let previous = 0n;
    for (let day = 0; day < 729; day++) {
      scene.days(1);
      const { crl, failed } = await scene.renew();
      expect(failed).toEqual([]);
      expect(crl?.nextUpdate.getTime()).toBeGreaterThan(scene.world.now.getTime() + 29 * dayMs);
      expect(BigInt(crl?.number ?? 0)).toBeGreaterThan(previous);
      previous = BigInt(crl?.number ?? 0);
      expect(new Date(scene.inPlace('billing').validTo).getTime()).toBeGreaterThan(scene.world.now.getTime());
    }
    expect(scene.world.entries('issued').length).toBeLessThan(16);
  });
});

describe('renewal.revokeSupersededAfter', () => {
  it('revokes the old certificate that long after the new one was delivered', async () => {
    const scene = await openScene();
    scene.configure({ renewal: { revokeSupersededAfter: '7d' } });
    const first = await scene.serialOf('billing');
    scene.days(61);
    await scene.renew();
    scene.days(6);
    await scene.renew();
    expect(scene.onCrl()).toEqual([]);
    scene.days(1);
    await scene.renew();
    expect(scene.onCrl()).toEqual([first]);
    expect(scene.world.entries('revoked')).toMatchObject([{ serial: first, reason: 'superseded' }]);
    await scene.renew();
    expect(scene.world.entries('revoked')).toHaveLength(1);
  });

  it('waits when the new certificate is not delivered, and when clients are named', async () => {
    const scene = await openScene();
    scene.configure({ renewal: { revokeSupersededAfter: '1d' } });
    await scene.issue('billing', { hook: 'reload' });
    scene.days(61);
    scene.world.hookResult = { exitCode: 1, output: '' };
    await scene.renew();
    scene.days(10);
    await scene.renew();
    expect(scene.world.entries('revoked')).toEqual([]);
    scene.world.hookResult = { exitCode: 0, output: '' };
    await scene.renew();
    scene.days(2);
    await scene.renew({ clients: names('billing') });
    expect(scene.world.entries('revoked')).toEqual([]);
    await scene.renew();
    expect(scene.world.entries('revoked')).toHaveLength(1);
  });

  it('delivers what is recorded although the CA key does not open', async () => {
    const scene = await openScene({ encryptKeys: true });
    scene.world.fail('deliver');
    expect((await refusalIn(scene.issue('billing'))).code).toBe('store/disk-full');
    scene.days(2);
    scene.world.passphrase = 'forgotten';
    expect((await refusalIn(scene.renew())).code).toBe('x509/wrong-passphrase');
    expect(scene.world.entries('delivered')).toMatchObject([{ client: 'billing' }]);
  });
});
