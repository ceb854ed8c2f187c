import { describe, expect, it } from 'vitest';
import { CaError } from '../../../src/core/ca-error.ts';
import { dayMs } from '../../../src/core/duration.ts';
import { decodeCrl } from '../../../src/x509/crl.ts';
import { openScene, refusalIn, type Scene } from './scene.ts';

function published(scene: Scene) {
  return decodeCrl(scene.world.crls.get('root')?.der ?? new Uint8Array());
}

describe('the CRL number', () => {
  it('is the time in milliseconds, and grows within one second', async () => {
    const scene = await openScene();
    const first = published(scene).number;
    await scene.crl();
    expect(published(scene).number).toBe(first + 1n);
    scene.days(1);
    await scene.crl();
    expect(published(scene).number).toBe(first + BigInt(dayMs));
  });

  it('grows after an older ledger was restored (RFC 5280 §5.2.3)', async () => {
    const scene = await openScene();
    const backup = [...scene.world.lines];
    for (let run = 0; run < 5; run++) await scene.crl();
    const last = published(scene).number;
    scene.world.lines = backup;
    await scene.crl();
    expect(published(scene).number).toBe(last + 1n);
  });

  it('grows after an older ledger was restored without the published file', async () => {
    const scene = await openScene();
    const backup = [...scene.world.lines];
    scene.days(3);
    await scene.crl();
    const last = published(scene).number;
    scene.world.lines = backup;
    scene.world.crls.clear();
    scene.world.advance(1000);
    await scene.crl();
    expect(published(scene).number).toBeGreaterThan(last);
  });

  it('grows when the clock was set back and a person says that it is right', async () => {
    const scene = await openScene();
    const last = published(scene).number;
    scene.days(-300);
    expect((await refusalIn(scene.crl())).code).toBe('ledger/clock-behind');
    scene.world.clockConfirmed = true;
    await scene.crl();
    expect(published(scene).number).toBe(last + 1n);
    expect(published(scene).thisUpdate).toEqual(new Date('2026-01-26T09:30:00Z'));
  });

  it('grows over a published file that is damaged', async () => {
    const scene = await openScene();
    const last = published(scene).number;
    scene.world.crls.set('root', { der: Uint8Array.of(0x30, 0), pem: '' });
    await scene.crl();
    expect(published(scene).number).toBe(last + 1n);
  });
});

describe('an entry', () => {
  it('stays until it was on one CRL issued after the certificate’s expiry (RFC 5280 §3.3)', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    await scene.revoke('billing');
    scene.days(90);
    await scene.crl();
    expect(scene.onCrl()).toEqual([serial]);
    scene.world.advance(1000);
    await scene.crl();
    expect(scene.onCrl()).toEqual([serial]);
    await scene.crl();
    expect(scene.onCrl()).toEqual([]);
    expect(published(scene).entries).toBeUndefined();
  });

  it('stays when the CRL that was to show it last was recorded and never put in place', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    await scene.revoke('billing');
    scene.days(91);
    scene.world.fail('placeCrl');
    await refusalIn(scene.crl());
    await scene.crl();
    expect(scene.onCrl()).toEqual([serial]);
    await scene.crl();
    expect(scene.onCrl()).toEqual([]);
  });

  it('stays when the published file was lost', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    await scene.revoke('billing');
    scene.days(91);
    await scene.crl();
    scene.world.crls.clear();
    await scene.crl();
    expect(scene.onCrl()).toEqual([serial]);
  });

  it('comes back when the clock stood ahead of the expiry, and was set right', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    await scene.revoke('billing');
    scene.days(100);
    await scene.crl();
    await scene.crl();
    expect(scene.onCrl()).toEqual([]);
    scene.days(-100);
    scene.world.clockConfirmed = true;
    for (let run = 0; run < 3; run++) {
      await scene.crl();
      expect(scene.onCrl()).toEqual([serial]);
    }
  });

  it('of a certificate revoked after its expiry is on one CRL', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    scene.days(91);
    await scene.crl();
    await scene.revoke(serial);
    expect(scene.onCrl()).toEqual([serial]);
    await scene.crl();
    expect(scene.onCrl()).toEqual([]);
  });
});

describe('crl', () => {
  it('records the CRL before it is put in place', async () => {
    const scene = await openScene();
    const before = scene.world.crls.get('root')?.der;
    scene.world.fail('append');
    expect((await refusalIn(scene.crl())).code).toBe('store/disk-full');
    expect(scene.world.crls.get('root')?.der).toBe(before);
    scene.world.fail('placeCrl');
    await refusalIn(scene.crl());
    expect(scene.world.entries('crl-published')).toHaveLength(2);
  });

  it('signs nothing when it is not due', async () => {
    const scene = await openScene({ encryptKeys: true });
    scene.world.passphraseAsked.length = 0;
    expect(await scene.crl({ ifDue: true })).toMatchObject({ why: undefined, crl: { entries: 0 } });
    expect(scene.world.passphraseAsked).toEqual([]);
    expect(scene.world.entries('crl-published')).toHaveLength(1);
  });

  it.each([
    ['a day has passed', (scene: Scene) => scene.days(1), 'it is of 2026-11-22T09:30:00Z'],
    ['it has expired', (scene: Scene) => scene.days(31), 'it expired at 2026-12-22T09:30:00Z'],
    [
      'its file is lost',
      (scene: Scene) => scene.world.crls.clear(),
      'the published file is not the one on record',
    ],
    [
      'its file was changed',
      (scene: Scene) => scene.world.crls.set('root', { der: Uint8Array.of(1), pem: '' }),
      'the published file is not the one on record',
    ],
    [
      'the PEM of it was changed',
      ({ world }: Scene) => {
        const der = world.crls.get('root')?.der ?? new Uint8Array();
        world.crls.set('root', { der, pem: 'something else' });
      },
      'the published file is not the one on record',
    ],
  ])('is due when %s', async (_, act, why) => {
    const scene = await openScene();
    act(scene);
    expect((await scene.crl({ ifDue: true })).why).toBe(why);
    expect(await scene.crl({ ifDue: true })).toMatchObject({ why: undefined });
  });

  it('is due when a clock that stood ahead has signed it, for servers refuse it until then', async () => {
    const scene = await openScene();
    scene.days(100);
    await scene.crl();
    scene.days(-100);
    scene.world.clockConfirmed = true;
    const result = await scene.crl({ ifDue: true });
    expect(result.why).toBe('it is not valid before 2027-03-02T09:30:00Z');
    expect(result.crl?.thisUpdate).toEqual(new Date('2026-11-22T09:30:00Z'));
    expect(await scene.crl({ ifDue: true })).toMatchObject({ why: undefined });
  });

  it('says what it would do in a dry run', async () => {
    const scene = await openScene();
    expect(await scene.crl({ dryRun: true, copyTo: '/x' })).toMatchObject({
      why: 'asked for',
      crl: { entries: 0 },
    });
    expect(scene.world.entries('crl-published')).toHaveLength(1);
    expect(scene.world.crlCopies).toEqual([]);
  });

  it('copies to the directories of the settings and to the one asked for, then runs the hook', async () => {
    const scene = await openScene();
    scene.configure({ crl: { copyTo: ['/a', '/b'], hook: 'reload' } });
    const { crl } = await scene.crl({ copyTo: '/c' });
    expect(scene.world.crlCopies).toEqual(['/a', '/b', '/c']);
    expect(scene.world.hooks).toEqual([
      {
        command: 'reload',
        timeoutMs: 60_000,
        environment: {
          CA_CRL: '/ca/crl/ca.crl',
          CA_CRL_PEM: '/ca/crl/ca.crl.pem',
          CA_CRL_NUMBER: crl?.number,
          CA_CRL_NEXT_UPDATE: '2026-12-22T09:30:00Z',
        },
      },
    ]);
  });

  it('tries all copies and the hook although one fails, and says what is to be done', async () => {
    const scene = await openScene();
    scene.configure({ crl: { copyTo: ['/a', '/b'], hook: 'reload' } });
    scene.world.fail('copyCrls', new CaError('store/not-found', 'there is no directory /a'));
    scene.world.hookResult = { exitCode: 2, output: '' };
    expect(await refusalIn(scene.crl())).toMatchObject({
      code: 'store/not-found',
      message:
        'the CRL is published, but there is no directory /a; the CRL hook exited 2; it printed nothing',
      hint: 'mend this: ca renew tries it again',
    });
    expect(scene.world.crlCopies).toEqual(['/b']);
    expect(scene.world.hooks).toHaveLength(1);
    expect(scene.world.entries('crl-published')).toHaveLength(2);
  });

  it('is published all the same when the copy that the command asks for fails', async () => {
    const scene = await openScene();
    scene.world.fail(
      'copyCrls',
      new CaError('store/not-found', 'there is no directory /a', { hint: 'make it' }),
    );
    expect(await refusalIn(scene.crl({ copyTo: '/a' }))).toMatchObject({
      code: 'store/not-found',
      message: 'the CRL is published, but there is no directory /a',
      hint: 'make it',
    });
    expect(scene.world.entries('crl-published')).toHaveLength(2);
  });

  it('is announced again by renew after its hook failed, without a new signature or passphrase', async () => {
    const scene = await openScene({ encryptKeys: true });
    scene.configure({ crl: { hook: 'reload' } });
    scene.world.hookResult = { exitCode: 1, output: 'no such process' };
    expect((await refusalIn(scene.crl())).code).toBe('authority/hook-failed');
    scene.world.passphrase = 'forgotten';
    expect((await scene.renew()).failed).toMatchObject([{ code: 'authority/hook-failed' }]);
    scene.world.hookResult = { exitCode: 0, output: '' };
    expect((await scene.renew()).failed).toEqual([]);
    expect(scene.world.hooks).toHaveLength(3);
    await scene.renew();
    await scene.crl({ ifDue: true });
    expect(scene.world.hooks).toHaveLength(3);
    expect(scene.world.entries('crl-published')).toHaveLength(2);
  });

  it('is signed for the root of two tiers when asked, for the rest of its life and with nobody else’s revocations', async () => {
    const scene = await openScene({ twoTier: true });
    await scene.issue('billing');
    await scene.revoke('billing');
    const { crl } = await scene.crl({ root: true });
    const root = decodeCrl(scene.world.crls.get('root')?.der ?? new Uint8Array());
    expect(scene.world.entries('crl-published').at(-1)).toMatchObject({ issuer: 'root', entries: 0 });
    expect(root.nextUpdate.getUTCFullYear()).toBe(2036);
    expect(crl?.number).toBe(`${root.number}`);
    scene.world.caKeys.delete('root');
    expect((await refusalIn(scene.crl({ root: true }))).code).toBe('authority/key-not-found');
  });

  it('leaves the numbers in order when two run at once', async () => {
    const scene = await openScene();
    await Promise.all([scene.crl(), scene.crl(), scene.crl()]);
    const numbers = scene.world.entries('crl-published').map(({ number }) => BigInt(number));
    expect(numbers).toEqual([...numbers].sort((a, b) => Number(a - b)));
    expect(new Set(numbers).size).toBe(4);
    expect(published(scene).number).toBe(numbers.at(-1));
  });

  it('leaves the root’s CRL alone when there are two tiers', async () => {
    const scene = await openScene({ twoTier: true });
    await scene.crl();
    expect(scene.world.entries('crl-published').map(({ issuer }) => issuer)).toEqual([
      'root',
      'issuing',
      'issuing',
    ]);
  });
});
