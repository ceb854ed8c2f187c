import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { changePassphrase, type PassphraseRequest } from '../../../src/authority/change-passphrase.ts';
import { openScene, refusalIn, type Scene } from './scene.ts';

function change(scene: Scene, passphrase: string | undefined, request: Partial<PassphraseRequest> = {}) {
  return changePassphrase(
    { obtainNew: async () => passphrase, dryRun: false, ...request },
    scene.world.ports,
  );
}

describe('changePassphrase', () => {
  it('encrypts the same key anew, recorded, and the old passphrase opens it no more', async () => {
    const scene = await openScene({ encryptKeys: true });
    const old = scene.world.caKeys.get('root') ?? '';
    const before = createPrivateKey({ key: old, passphrase: scene.world.passphrase });
    expect(await change(scene, 'new and better')).toEqual({ issuer: 'root', encrypted: true });
    const pem = scene.world.caKeys.get('root') ?? '';
    expect(createPrivateKey({ key: pem, passphrase: 'new and better' }).equals(before)).toBe(true);
    expect(() => createPrivateKey({ key: pem, passphrase: scene.world.passphrase })).toThrow();
    expect(scene.world.entries('passphrase-changed')).toMatchObject([{ issuer: 'root' }]);
    scene.world.passphrase = 'new and better';
    await scene.issue('billing');
  });

  it('takes a passphrase away and gives one', async () => {
    const scene = await openScene();
    await change(scene, 'ü and spaces');
    expect(scene.world.caKeys.get('root')).toContain('ENCRYPTED');
    scene.world.passphrase = 'ü and spaces'.normalize('NFD');
    expect(await change(scene, undefined)).toEqual({ issuer: 'root', encrypted: false });
    expect(scene.world.caKeys.get('root')).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });

  it('changes the issuing CA’s key, and the root’s when asked to', async () => {
    const scene = await openScene({ twoTier: true });
    expect((await change(scene, 'for daily work')).issuer).toBe('issuing');
    expect((await change(scene, 'for the safe', { issuer: 'root' })).issuer).toBe('root');
    scene.world.passphrase = 'for daily work';
    await scene.issue('billing');
  });

  it('leaves the key as it is after a wrong passphrase, and asks for no new one', async () => {
    const scene = await openScene({ encryptKeys: true });
    const before = scene.world.caKeys.get('root');
    scene.world.passphrase = 'wrong';
    const refusal = await refusalIn(
      change(scene, 'new', { obtainNew: () => Promise.reject(new Error('asked too early')) }),
    );
    expect(refusal.code).toBe('x509/wrong-passphrase');
    expect(scene.world.caKeys.get('root')).toBe(before);
    expect(scene.world.entries('passphrase-changed')).toEqual([]);
  });

  it('refuses a passphrase that is empty or holds a line break', async () => {
    const scene = await openScene();
    const before = scene.world.caKeys.get('root');
    for (const passphrase of ['', 'a\nb']) {
      expect((await refusalIn(change(scene, passphrase))).code).toBe('x509/unusable-password');
    }
    expect(scene.world.caKeys.get('root')).toBe(before);
  });

  it('leaves the old key in place, and nothing on record, when the new one cannot be written', async () => {
    const scene = await openScene();
    const before = scene.world.caKeys.get('root');
    scene.world.fail('replaceKey');
    expect((await refusalIn(change(scene, 'new'))).code).toBe('store/disk-full');
    expect(scene.world.caKeys.get('root')).toBe(before);
    expect(scene.world.entries('passphrase-changed')).toEqual([]);
  });

  it('says that the new passphrase is in force when it cannot be recorded', async () => {
    const scene = await openScene();
    scene.world.fail('append');
    expect(await refusalIn(change(scene, 'new'))).toMatchObject({
      code: 'store/disk-full',
      message: expect.stringMatching(
        /^the new passphrase of the root CA's key is in force, but not on record: cannot write /,
      ),
      hint: 'keep the new passphrase; when this is mended, change it once more to have it on record',
    });
    scene.world.passphrase = 'new';
    await scene.issue('billing');
  });

  it('refuses when somebody else changed it meanwhile', async () => {
    const scene = await openScene();
    scene.world.overtake = async () => {
      await change(scene, 'theirs');
    };
    expect(await refusalIn(change(scene, 'mine'))).toMatchObject({
      code: 'authority/key-mismatch',
      message: 'keys/root.key was changed by somebody else meanwhile',
    });
    scene.world.passphrase = 'theirs';
    await scene.issue('billing');
  });

  it('changes nothing in a dry run', async () => {
    const scene = await openScene();
    const before = scene.world.caKeys.get('root');
    expect(await change(scene, 'new', { dryRun: true })).toEqual({ issuer: 'root', encrypted: true });
    expect(scene.world.caKeys.get('root')).toBe(before);
    expect(scene.world.entries('passphrase-changed')).toEqual([]);
  });

  it('refuses a key that is not here', async () => {
    const scene = await openScene({ twoTier: true });
    scene.world.caKeys.delete('root');
    expect(await refusalIn(change(scene, 'x', { issuer: 'root' }))).toMatchObject({
      code: 'authority/key-not-found',
      hint: 'bring it back as keys/root.key for this command',
    });
    const one = await openScene();
    expect(await refusalIn(change(one, 'x', { issuer: 'issuing' }))).toMatchObject({
      code: 'authority/key-not-found',
      hint: 'this authority has a root alone: use --key root',
    });
  });
});
