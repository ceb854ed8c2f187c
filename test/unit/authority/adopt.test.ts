import { describe, expect, it } from 'vitest';
import { type AdoptRequest, adopt } from '../../../src/authority/adopt.ts';
import { auditLedger } from '../../../src/authority/ledger-audit.ts';
import { revokeList } from '../../../src/authority/revoke.ts';
import { verify } from '../../../src/authority/verify.ts';
import { parseClientName } from '../../../src/core/client-name.ts';
import type { Serial } from '../../../src/core/serial.ts';
import { openScene, refusalIn, type Scene } from './scene.ts';

const billing = parseClientName('billing');

/** Issues after a backup, then puts the record back as it was: the certificate is out there, and forgotten. */
async function loseOne(scene: Scene, client: string, request: Parameters<Scene['issue']>[1] = {}) {
  const old = [...scene.world.lines];
  const serial = await scene.serialOf(client, request);
  const file = await scene.world.state.certificateBytes(serial);
  scene.world.lines = old;
  return { serial, file };
}

function adoptIn({ world, settings }: Scene, file: Uint8Array, request: Partial<AdoptRequest> = {}) {
  return adopt({ file, dryRun: false, ...request }, settings, world.ports);
}

const ledgerCheck = async ({ world, settings }: Scene, file: Uint8Array) =>
  (await verify('file', file, settings, world.ports)).checks.find(({ check }) => check === 'ledger');

const details = async (scene: Scene, serial: Serial) => {
  const { client, adopted, supersedes, supersededAt, deliveredAt } = await scene.record(serial);
  return {
    client,
    adopted,
    supersedes,
    superseded: supersededAt !== undefined,
    delivered: deliveredAt !== undefined,
  };
};

describe('adopt', () => {
  it('takes a lost certificate back, as one that was delivered in its turn', async () => {
    const scene = await openScene();
    const before = await scene.serialOf('billing');
    scene.days(1);
    const { serial, file } = await loseOne(scene, 'billing', { again: true });
    expect((await ledgerCheck(scene, file))?.detail).toMatch(/^it is ours but unknown to the ledger/);
    expect(await adoptIn(scene, file)).toMatchObject({
      client: 'billing',
      newClient: false,
      serial,
      profile: 'client',
    });
    expect(await details(scene, serial)).toEqual({
      client: 'billing',
      adopted: true,
      supersedes: before,
      superseded: false,
      delivered: true,
    });
    expect((await scene.record(before)).supersededAt).toBeDefined();
    expect((await ledgerCheck(scene, file))?.ok).toBe(true);
    expect((await auditLedger(scene.world.ports)).findings).toEqual([]);
  });

  it('adds a client that was lost as well, with the names of its certificate and nowhere to deliver to', async () => {
    const scene = await openScene();
    const subjectAltNames = [{ type: 'dns', value: 'api.acme.example' } as const];
    const { file } = await loseOne(scene, 'api', { profile: 'peer', subjectAltNames });
    expect(await adoptIn(scene, file)).toMatchObject({ client: 'api', newClient: true, profile: 'peer' });
    const client = await scene.world.state.client(parseClientName('api'));
    expect(client?.policy).toEqual({
      profile: 'peer',
      subjectAltNames,
      key: 'p256',
      delivery: { kind: 'stdout' },
    });
    expect(scene.world.entries('client-added')).toHaveLength(1);
  });

  it('does nothing in a dry run', async () => {
    const scene = await openScene();
    const { file } = await loseOne(scene, 'billing');
    const before = scene.world.lines.length;
    expect(await adoptIn(scene, file, { dryRun: true })).toMatchObject({
      client: 'billing',
      newClient: true,
    });
    expect(scene.world.lines).toHaveLength(before);
  });

  it('goes by the key before the subject, and by what it is told before both', async () => {
    const scene = await openScene();
    const { file, serial } = await loseOne(scene, 'billing', { subject: 'CN=Billing Team,O=Acme' });
    const refused = await refusalIn(adoptIn(scene, file));
    expect(refused).toMatchObject({
      code: 'authority/ambiguous-target',
      hint: 'say it: ca ledger adopt FILE --client NAME',
    });
    await adoptIn(scene, file, { client: billing });
    expect((await scene.record(serial)).client).toBe('billing');
    expect((await scene.world.state.client(billing))?.policy.subject).toBe('CN=Billing Team,O=Acme');
    expect((await auditLedger(scene.world.ports)).findings).toEqual([]);
  });

  it('keeps the newer certificate of a client the one that is renewed', async () => {
    const scene = await openScene();
    const { file, serial } = await loseOne(scene, 'billing');
    scene.days(40);
    const newer = await scene.serialOf('billing');
    await adoptIn(scene, file);
    expect(await details(scene, serial)).toMatchObject({ superseded: false, supersedes: undefined });
    scene.days(25);
    expect((await scene.renew()).renewed).toEqual([]);
    scene.days(50);
    const { renewed } = await scene.renew();
    expect(renewed.map(({ supersedes }) => supersedes)).toEqual([newer]);
  });

  it('refuses a certificate of another CA', async () => {
    const scene = await openScene();
    const other = await openScene({ key: 'ed25519', name: 'Other CA' });
    const { file } = await loseOne(other, 'billing');
    expect((await refusalIn(adoptIn(scene, file))).code).toBe('ledger/unknown-serial');
    const sameName = await openScene({ key: 'ed25519' });
    const { file: forged } = await loseOne(sameName, 'billing');
    expect((await refusalIn(adoptIn(scene, forged))).code).toBe('ledger/unknown-serial');
  });

  it("refuses a CA's own certificate", async () => {
    const scene = await openScene();
    expect((await refusalIn(adoptIn(scene, scene.world.state.authority.root))).code).toBe(
      'ledger/unknown-serial',
    );
  });

  it('refuses a certificate that is on record', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    const refused = await refusalIn(adoptIn(scene, await scene.world.state.certificateBytes(serial)));
    expect(refused).toMatchObject({
      code: 'ledger/duplicate-serial',
      hint: `see it with: ca show ${serial}`,
    });
  });

  it('refuses what differs from a client in case alone', async () => {
    const scene = await openScene();
    const { file } = await loseOne(scene, 'Billing');
    await scene.issue('billing');
    const refused = await refusalIn(adoptIn(scene, file));
    expect(refused.code).toBe('authority/client-name-collision');
    expect(await adoptIn(scene, file, { client: billing })).toMatchObject({ client: 'billing' });
  });

  it('refuses to be the second of two', async () => {
    const scene = await openScene();
    const { file } = await loseOne(scene, 'billing');
    scene.world.overtake = async () => {
      await adoptIn(scene, file);
    };
    expect((await refusalIn(adoptIn(scene, file))).code).toBe('ledger/duplicate-serial');
    expect(scene.world.entries('issued')).toHaveLength(1);
  });
});

describe('revoke', () => {
  it('cuts a lost certificate off at once: it is taken into the record, and on the CRL', async () => {
    const scene = await openScene();
    const { serial, file } = await loseOne(scene, 'billing');
    const request = { file, reason: 'keyCompromise' } as const;
    const plan = await scene.revoke('./billing.crt', { ...request, dryRun: true });
    expect(plan).toMatchObject({
      adopted: [{ client: 'billing', serial }],
      revoked: [{ client: 'billing', serial }],
    });
    expect(scene.onCrl()).toEqual([]);
    const result = await scene.revoke('./billing.crt', request);
    expect(result).toMatchObject({ adopted: [{ serial }], revoked: [{ serial, reason: 'keyCompromise' }] });
    expect(scene.onCrl()).toEqual([serial]);
    expect(await scene.revoke('./billing.crt', request)).toMatchObject({
      revoked: [],
      already: [{ serial }],
    });
    expect((await auditLedger(scene.world.ports)).findings).toEqual([]);
  });

  it.each([true, false])('does so for a list, which may name one twice (dry run: %s)', async (dryRun) => {
    const scene = await openScene();
    const known = await scene.serialOf('shipping');
    const { serial, file } = await loseOne(scene, 'billing');
    const named = (line: number, target: string, octets?: Uint8Array) => ({
      line,
      revocation: { target, file: octets, reason: 'keyCompromise' as const, serialOnly: false },
    });
    const lines = [named(1, 'a.crt', file), named(2, 'shipping'), named(3, 'b.crt', file)];
    const { settings, world } = scene;
    const result = await revokeList({ lines, faults: [] }, { dryRun }, settings, world.ports);
    expect(result.adopted).toMatchObject([{ client: 'billing', serial }]);
    expect(result.revoked.map((each) => each.serial).sort()).toEqual([known, serial].sort());
    expect(scene.onCrl().sort()).toEqual(dryRun ? [] : [known, serial].sort());
  });

  it('says how to take in one whose client it cannot tell', async () => {
    const scene = await openScene();
    const { file } = await loseOne(scene, 'billing', { subject: 'O=Acme' });
    const refused = await refusalIn(scene.revoke('./billing.crt', { file }));
    expect(refused.hint).toBe('say it: ca ledger adopt FILE --client NAME');
  });
});
