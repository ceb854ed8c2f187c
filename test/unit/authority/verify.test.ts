import { describe, expect, it } from 'vitest';
import { verify } from '../../../src/authority/verify.ts';
import { nameOf } from '../../support/handmade-csr.ts';
import { caOf, signBy } from './odd-certificate.ts';
import { openScene, refusalIn, type Scene } from './scene.ts';

const check = (scene: Scene, word: string, file?: Uint8Array) =>
  verify(word, file, scene.settings, scene.world.ports);

/** The details of what failed. */
async function reasons(scene: Scene, word: string, file?: Uint8Array): Promise<string[]> {
  const { checks, valid } = await check(scene, word, file);
  const failed = checks.filter(({ ok }) => !ok);
  expect(valid).toBe(failed.length === 0);
  return failed.map(({ check: name, detail }) => `${name}: ${detail}`);
}

describe('verify', () => {
  it.each([false, true])('says of each check what it found (two tiers: %s)', async (twoTier) => {
    const scene = await openScene({ twoTier });
    const serial = await scene.serialOf('billing');
    expect(await check(scene, serial)).toEqual({
      valid: true,
      serial,
      subject: 'CN=billing',
      purposes: ['clientAuth'],
      checks: [
        {
          check: 'chain',
          ok: true,
          detail: twoTier ? 'signed by the issuing CA, which the root signed' : 'signed by the root',
        },
        { check: 'dates', ok: true, detail: 'valid until 2027-02-20T09:30:00Z, 89d 23h more' },
        { check: 'profile', ok: true, detail: 'client: clientAuth' },
        { check: 'crl', ok: true, detail: 'not on CRL 1795339800000, fresh until 2026-12-22T09:30:00Z' },
        { check: 'ledger', ok: true, detail: 'of billing, issued on 2026-11-22' },
      ],
    });
    const file = Buffer.from(scene.inPlace('billing').toString());
    expect((await check(scene, 'billing.crt', file)).valid).toBe(true);
  });

  it('accepts a superseded certificate during the overlap', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    await scene.issue('billing', { again: true });
    const { valid, checks } = await check(scene, serial);
    expect(valid).toBe(true);
    expect(checks.at(-1)?.detail).toBe('of billing, superseded by a newer one and good until it expires');
  });
});

describe('verify says no', () => {
  it('to what the CA key signed in the name of another issuer', async () => {
    const scene = await openScene();
    const file = signBy(caOf(scene), { issuer: nameOf('Other CA') });
    expect(await reasons(scene, 'f', file)).toEqual([
      'chain: it is not signed by this authority (its issuer calls itself CN=Other CA)',
      'crl: the CRL says nothing of what another CA has signed',
      'ledger: the ledger does not know its serial',
    ]);
  });

  it('to a revoked certificate, by CRL and ledger', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    await scene.revoke('billing', { reason: 'keyCompromise' });
    expect(await reasons(scene, serial)).toEqual([
      'crl: it was revoked on 2026-11-22T09:30:00Z (keyCompromise)',
      'ledger: revoked on 2026-11-22T09:30:00Z (keyCompromise)',
    ]);
  });

  it('to an expired one, and one of the future', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    scene.days(91);
    await scene.crl();
    expect(await reasons(scene, serial)).toEqual(['dates: it expired on 2027-02-20T09:30:00Z']);
    scene.days(-92);
    expect((await reasons(scene, serial))[0]).toBe(
      'dates: it is valid from 2026-11-22T09:25:00Z on; is the clock right?',
    );
  });

  it('to one of another authority of the same name', async () => {
    const scene = await openScene();
    // Worlds draw their P-256 keys from one seed: another authority has another kind of key.
    const other = await openScene({ key: 'ed25519' });
    await other.issue('billing', { key: 'p384' });
    const file = Buffer.from(other.inPlace('billing').toString());
    const found = await reasons(scene, 'billing.crt', file);
    expect(found).toEqual([
      expect.stringMatching(/^chain: it is not signed by this authority/),
      'crl: the CRL says nothing of what another CA has signed',
      'ledger: the ledger does not know its serial',
    ]);
  });

  it('to one of ours that the ledger has lost, and says that it is ours', async () => {
    const scene = await openScene();
    const old = [...scene.world.lines];
    await scene.issue('billing');
    const file = Buffer.from(scene.inPlace('billing').toString());
    scene.world.lines = old;
    expect(await reasons(scene, 'billing.crt', file)).toEqual([
      'ledger: it is ours but unknown to the ledger: issued after the backup that the ledger came from, or with a stolen CA key; take it in with ca ledger adopt, or cut it off with ca revoke, and this file',
    ]);
  });

  it('to the CA’s own certificate', async () => {
    const scene = await openScene();
    const file = Buffer.from(scene.world.certificates.get('ca.crt') ?? '');
    expect(await reasons(scene, 'ca.crt', file)).toContain(
      "profile: it is a CA's certificate, not a client's",
    );
  });

  it('when its profile asks for more now, or is gone', async () => {
    const scene = await openScene();
    scene.configure({ profiles: { mine: {} } });
    const serial = await scene.serialOf('billing', { profile: 'mine' });
    scene.configure({ profiles: { mine: { extendedKeyUsage: ['clientAuth', 'serverAuth'] } } });
    expect(await reasons(scene, serial)).toEqual([
      'profile: its purposes are clientAuth, without serverAuth of profile mine',
    ]);
    scene.configure({});
    expect(await reasons(scene, serial)).toEqual(['profile: its profile mine is not in ca.json any more']);
  });

  it.each<[string, (scene: Scene) => unknown, string]>([
    ['lost', (scene) => scene.world.crls.clear(), 'crl: the CRL is not there; run: ca crl'],
    [
      'damaged',
      (scene) => scene.world.crls.set('root', { der: Uint8Array.of(0x30, 0), pem: '' }),
      'crl: the CRL is damaged',
    ],
    [
      'expired',
      (scene) => scene.days(31),
      'crl: the CRL expired on 2026-12-22T09:30:00Z, so servers refuse every client; run: ca crl',
    ],
  ])('when the CRL is %s', async (_, act, reason) => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    act(scene);
    expect(await reasons(scene, serial)).toEqual([expect.stringContaining(reason)]);
  });

  it('when the CRL is another authority’s', async () => {
    const scene = await openScene();
    const other = await openScene({ key: 'ed25519' });
    const third = await openScene({ key: 'ed25519' });
    const serial = await third.serialOf('billing');
    const foreign = other.world.crls.get('root');
    if (foreign) third.world.crls.set('root', foreign);
    expect(await reasons(third, serial)).toEqual([
      'crl: the CRL is not signed by this authority; run: ca crl',
    ]);
    expect(scene.world.crls.size).toBe(1);
  });

  it('when the root’s CRL is missing, since servers check the whole chain', async () => {
    const scene = await openScene({ twoTier: true });
    const serial = await scene.serialOf('billing');
    scene.world.crls.delete('root');
    expect(await reasons(scene, serial)).toEqual(["crl: the root's CRL is not there; run: ca crl --root"]);
  });
});

describe('verify refuses', () => {
  it('what is no certificate, and serials it does not know', async () => {
    const scene = await openScene();
    expect((await refusalIn(check(scene, 'f', Buffer.from('hello')))).code).toBe('x509/malformed');
    expect((await refusalIn(check(scene, 'billing'))).code).toBe('core/invalid-serial');
    expect((await refusalIn(check(scene, '0a0b'))).code).toBe('ledger/unknown-serial');
  });
});
