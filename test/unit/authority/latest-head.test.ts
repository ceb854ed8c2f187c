import { describe, expect, it } from 'vitest';
import { changePassphrase } from '../../../src/authority/change-passphrase.ts';
import { auditLedger } from '../../../src/authority/ledger-audit.ts';
import { crl } from '../../../src/authority/publish-crl.ts';
import { status } from '../../../src/authority/status.ts';
import { parseSignedHead } from '../../../src/ledger/signed-head.ts';
import { openScene, type Scene } from './scene.ts';

/** The number of the entry that the latest head is of; undefined if there is none. */
function latest({ world: { latestHead } }: Scene): number | undefined {
  return latestHead && parseSignedHead(latestHead, 'it').seq;
}

const notes = async ({ world }: Scene) => (await auditLedger(world.ports)).notes;

const passphrase = (scene: Scene, issuer?: 'root') =>
  changePassphrase(
    { ...(issuer && { issuer }), obtainNew: async () => 'another passphrase', dryRun: false },
    scene.world.ports,
  );

describe('the latest head', () => {
  it('is of the last entry after each command that has the key of the CA that issues to clients', async () => {
    const scene = await openScene({ twoTier: true });
    const atEnd = () => expect(latest(scene)).toBe(scene.world.lines.length);
    atEnd();
    await scene.issue('billing');
    atEnd();
    await scene.renew({ force: true });
    atEnd();
    await scene.revoke('billing');
    atEnd();
    await passphrase(scene);
    atEnd();
    expect(await notes(scene)).toBe(undefined);
  });

  it('is not signed by the root of two tiers', async () => {
    const scene = await openScene({ twoTier: true });
    await crl({ ifDue: false, root: true, dryRun: false }, scene.settings, scene.world.ports);
    await passphrase(scene, 'root');
    expect([latest(scene), scene.world.lines.length]).toEqual([3, 5]);
    expect(await notes(scene)).toBe(undefined);
    await scene.issue('billing');
    expect(latest(scene)).toBe(8);
  });

  it('is no reason to fail: what is on record is, and the next command makes another', async () => {
    const scene = await openScene();
    for (let time = 0; time < 2; time++) {
      scene.world.fail('putLatestHead');
      await scene.issue(`client-${time}`);
    }
    scene.world.latestHead = undefined;
    await scene.issue('billing');
    expect(latest(scene)).toBe(scene.world.lines.length);
  });

  it('speaks for revocations although their CRL cannot be published', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.world.fail('placeCrl');
    await expect(scene.revoke('billing')).rejects.toThrow('no published CRL says so yet');
    expect(latest(scene)).toBe(scene.world.lines.length);
  });

  it('that a newer program has made is left to it, and told', async () => {
    const scene = await openScene();
    const newer = Buffer.from('private-ca ledger head v2\n');
    scene.world.latestHead = newer;
    await scene.issue('billing');
    expect(scene.world.latestHead).toBe(newer);
    const { findings } = await auditLedger(scene.world.ports);
    expect(findings).toMatchObject([{ code: 'ledger/unknown-version' }]);
    expect((await status(scene.settings, scene.world.ports)).problems).toEqual([
      expect.stringContaining('is a head of version 2'),
    ]);
  });

  it('of another authority is set aside by the next CRL, octet for octet', async () => {
    const [scene, other] = [await openScene(), await openScene({ key: 'ed25519' })];
    const { latestHead: stranger } = other.world;
    scene.world.latestHead = stranger;
    await scene.issue('billing');
    expect(scene.world.latestHead).toBe(stranger);
    const { crl: published } = await scene.revoke('billing');
    expect(published?.rollback).toBe(undefined);
    expect(scene.world.lostHeads).toEqual([
      { name: expect.stringMatching(/^lost-[0-9a-f]{8}\.head$/), content: stranger, secret: false },
    ]);
    expect(latest(scene)).toBe(scene.world.lines.length);
  });
});
