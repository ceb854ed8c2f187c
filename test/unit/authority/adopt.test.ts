import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type AdoptRequest, adopt } from '../../../src/authority/adopt.ts';
import { auditLedger } from '../../../src/authority/ledger-audit.ts';
import { revokeList } from '../../../src/authority/revoke.ts';
import { verify } from '../../../src/authority/verify.ts';
import { parseClientName } from '../../../src/core/client-name.ts';
import type { Serial } from '../../../src/core/serial.ts';
import { explicit, integer, oid, sequence, time, utf8String } from '../../../src/x509/der-writer.ts';
import { extension, handmadeCsr, nameOf, p256Key } from '../../support/handmade-csr.ts';
import { caOf, signBy } from './odd-certificate.ts';
import { openScene, refusalIn, type Scene } from './scene.ts';

const billing = parseClientName('billing');

const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
const none = new Uint8Array();
const otherName = explicit(0, sequence(oid('1.2.3'), explicit(0, utf8String('x'))));

/** What the CA key may have signed behind our back. */
const oddities = [
  ['a version 1 certificate', { version: none }, { bc: none, ku: none, eku: none, ski: none, aki: none }],
  ['a P-521 key', { spki: spki(generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey) }, {}],
  [
    'an RSA key of 1024 bits',
    { spki: spki(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey) },
    {},
  ],
  ['a name of type otherName', {}, { san: extension('2.5.29.17', sequence(otherName)) }],
] as const;

/** Issues after a backup, then puts the record back as it was: the certificate is out there, and forgotten. */
async function loseOne(scene: Scene, client: string, request: Parameters<Scene['issue']>[1] = {}) {
  const old = [...scene.world.lines];
  const { latestHead } = scene.world;
  const serial = await scene.serialOf(client, request);
  const file = await scene.world.state.certificateBytes(serial);
  Object.assign(scene.world, { lines: old, latestHead });
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

  it('goes by what it is told where the subject names nobody', async () => {
    const scene = await openScene();
    const { file, serial } = await loseOne(scene, 'billing', { subject: 'CN=Billing Team,O=Acme' });
    const refused = await refusalIn(adoptIn(scene, file));
    expect(refused).toMatchObject({
      code: 'authority/ambiguous-target',
      hint: 'say it with --client NAME: ca ledger adopt FILE, or ca revoke FILE',
    });
    await adoptIn(scene, file, { client: billing });
    expect((await scene.record(serial)).client).toBe('billing');
    expect((await scene.world.state.client(billing))?.policy.subject).toBe('CN=Billing Team,O=Acme');
    expect((await auditLedger(scene.world.ports)).findings).toEqual([]);
  });

  it('goes by the subject where two clients share a key', async () => {
    const scene = await openScene();
    const csr = handmadeCsr();
    await scene.issue('k1', { csr });
    await scene.issue('k2');
    const { file, serial } = await loseOne(scene, 'k2', { csr, again: true });
    expect(await adoptIn(scene, file)).toMatchObject({ client: 'k2', serial });
    const { revoked } = await scene.revoke('k2');
    expect(revoked.map((each) => each.serial)).toContain(serial);
  });

  it('goes by key and subject together before the subject alone', async () => {
    const scene = await openScene();
    const request = { csr: handmadeCsr(), subject: 'CN=other' };
    await scene.issue('billing', request);
    await scene.issue('other');
    const { file } = await loseOne(scene, 'billing', { ...request, again: true });
    expect(await adoptIn(scene, file)).toMatchObject({ client: 'billing' });
  });

  it('goes by the key where the subject is of another kind', async () => {
    const scene = await openScene();
    const csr = handmadeCsr();
    await scene.issue('billing', { csr });
    const { file } = await loseOne(scene, 'billing', { csr, subject: 'O=Acme', again: true });
    expect(await adoptIn(scene, file)).toMatchObject({ client: 'billing' });
  });

  it('refuses to choose between a name that is not on record and the client that has the key', async () => {
    const scene = await openScene();
    const csr = handmadeCsr();
    await scene.issue('k1', { csr });
    const { file } = await loseOne(scene, 'k2', { csr });
    expect(await refusalIn(adoptIn(scene, file))).toMatchObject({
      code: 'authority/ambiguous-target',
      message: 'the subject "CN=k2" does not tell whose certificate it is, and its key is of k1',
    });
    expect(await adoptIn(scene, file, { client: parseClientName('k2') })).toMatchObject({ newClient: true });
  });

  it('takes in with it what the CRL in place says of it, so that no renewal lets the client in again', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.days(1);
    const old = [...scene.world.lines];
    const serial = await scene.serialOf('billing', { again: true });
    const file = await scene.world.state.certificateBytes(serial);
    const invalidityDate = new Date('2026-11-20T00:00:00Z');
    await scene.revoke(serial, { reason: 'keyCompromise', invalidityDate });
    scene.world.lines = old;
    await scene.crl();
    expect(scene.onCrl()).toEqual([serial]);
    const revoked = { reason: 'keyCompromise', invalidityDate, because: 'on-crl' } as const;
    expect(await adoptIn(scene, file, { dryRun: true })).toMatchObject({ revoked });
    expect(await adoptIn(scene, file)).toMatchObject({ revoked });
    expect((await scene.record(serial)).revocation).toMatchObject({
      reason: 'keyCompromise',
      invalidityDate,
    });
    await scene.crl();
    expect(scene.onCrl()).toEqual([serial]);
    scene.days(80);
    expect((await scene.renew()).renewed).toEqual([]);
    expect((await auditLedger(scene.world.ports)).findings).toEqual([]);
  });

  it('takes no word from a CRL that this CA did not sign', async () => {
    const scene = await openScene();
    const other = await openScene({ key: 'ed25519' });
    await other.issue('billing');
    await other.revoke('billing');
    const { file } = await loseOne(scene, 'billing');
    for (const der of [other.world.crls.get('root')?.der ?? file, Uint8Array.of(0x30, 0)]) {
      scene.world.crls.set('root', { der, pem: '' });
      expect((await adoptIn(scene, file, { dryRun: true })).revoked).toBeUndefined();
    }
  });

  it('revokes what it takes in if the key is barred', async () => {
    const scene = await openScene();
    const csr = handmadeCsr();
    await scene.issue('billing', { csr });
    const { file, serial } = await loseOne(scene, 'billing', { csr, again: true });
    await scene.revoke('billing', { reason: 'keyCompromise' });
    expect(await adoptIn(scene, file)).toMatchObject({
      revoked: { reason: 'keyCompromise', because: 'key-barred' },
    });
    expect((await scene.record(serial)).revocation?.reason).toBe('keyCompromise');
    await scene.crl({ ifDue: true });
    expect(scene.onCrl()).toContain(serial);
  });

  it('keeps a subject out of the policy that no policy can hold', async () => {
    const scene = await openScene();
    const file = signBy(caOf(scene), { subject: nameOf('x', '1.2.3.4') });
    await adoptIn(scene, file, { client: billing });
    expect((await scene.world.state.client(billing))?.policy.subject).toBeUndefined();
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

  it.each(oddities)('refuses %s as a live one, and says how to cut it off', async (_, parts, extensions) => {
    const scene = await openScene();
    const refused = await refusalIn(
      adoptIn(scene, signBy(caOf(scene), parts, extensions), { client: billing }),
    );
    expect(refused.code).toMatch(/^x509\//);
    expect(refused.hint).toBe(
      'this program does not make such certificates: cut it off with: ca revoke FILE',
    );
    expect(scene.world.entries('issued')).toEqual([]);
  });

  it('does not call a forged certificate with a known serial on record', async () => {
    const scene = await openScene();
    const known = await scene.serialOf('billing');
    const forged = signBy(caOf(scene, p256Key), { serial: integer(Buffer.from(known, 'hex')) });
    expect((await refusalIn(adoptIn(scene, forged))).code).toBe('ledger/unknown-serial');
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
    expect(refused.hint).toBe('say it with --client NAME: ca ledger adopt FILE, or ca revoke FILE');
  });

  it('says whose it is, and refuses to be told otherwise than the record has it', async () => {
    const scene = await openScene();
    const { serial, file } = await loseOne(scene, 'billing', { subject: 'O=Nobody' });
    const { revoked } = await scene.revoke('f', { file, client: billing });
    expect(revoked).toMatchObject([{ client: 'billing', serial }]);
    const again = await scene.revoke('f', { file, client: billing });
    expect(again.already).toMatchObject([{ serial }]);
    const refused = await refusalIn(scene.revoke('f', { file, client: parseClientName('other') }));
    expect(refused).toMatchObject({
      code: 'authority/ambiguous-target',
      message: `certificate ${serial} is of billing on record, not of other`,
    });
  });

  it.each(oddities)('cuts off %s that the CA key signed', async (_, parts, extensions) => {
    const scene = await openScene();
    const own = await scene.serialOf('billing');
    scene.world.now = new Date('2026-12-01T00:00:00Z');
    const validity = sequence(time(new Date('2026-11-30T00:00:00Z')), time(new Date('2027-11-30T00:00:00Z')));
    const file = signBy(caOf(scene), { ...parts, validity }, extensions);
    const plan = await scene.revoke('f', { file, client: billing, dryRun: true });
    const { revoked } = await scene.revoke('f', { file, client: billing });
    expect(revoked).toEqual(plan.revoked);
    expect(scene.onCrl()).toEqual(revoked.map(({ serial }) => serial));
    expect((await scene.record(own)).supersededAt).toBeUndefined();
    expect((await auditLedger(scene.world.ports)).findings).toEqual([]);
  });

  it('cuts off what the CA key signed in another algorithm, as servers would accept it', async () => {
    const scene = await openScene();
    const file = signBy(caOf(scene), {}, {}, 'sha384');
    expect((await ledgerCheck(scene, file))?.detail).toMatch(/^it is ours but unknown/);
    await scene.revoke('f', { file, client: billing });
    expect(scene.onCrl()).toHaveLength(1);
    expect((await ledgerCheck(scene, file))?.detail).toMatch(/^revoked on/);
    expect((await auditLedger(scene.world.ports)).findings).toEqual([]);
  });

  it('leaves a revocation as the CRL has it, with the key barred', async () => {
    const scene = await openScene();
    const old = [...scene.world.lines];
    const csr = handmadeCsr();
    const serial = await scene.serialOf('billing', { csr });
    const file = await scene.world.state.certificateBytes(serial);
    await scene.revoke('billing', { reason: 'keyCompromise' });
    scene.world.lines = old;
    await scene.crl();
    const plan = await scene.revoke('f', { file, dryRun: true });
    const result = await scene.revoke('f', { file });
    for (const each of [plan, result])
      expect(each).toMatchObject({ revoked: [], already: [{ serial, reason: 'keyCompromise' }] });
    expect((await scene.record(serial)).revocation?.reason).toBe('keyCompromise');
    expect((await refusalIn(scene.issue('billing', { csr, again: true }))).code).toBe('authority/key-barred');
  });

  it('plans for a lost one what it then does to all with its key', async () => {
    const scene = await openScene();
    const csr = handmadeCsr();
    const shared = await scene.serialOf('shipping', { csr });
    const { serial, file } = await loseOne(scene, 'billing', { csr });
    const request = { file, client: billing, reason: 'keyCompromise' } as const;
    const plan = await scene.revoke('f', { ...request, dryRun: true });
    expect(plan.revoked.map((each) => each.serial).sort()).toEqual([serial, shared].sort());
    expect((await scene.revoke('f', request)).revoked).toEqual(plan.revoked);
  });

  it('counts an adopted certificate by its notBefore when the latest alone is to go', async () => {
    const scene = await openScene();
    const { file } = await loseOne(scene, 'billing');
    scene.days(1);
    const newer = await scene.serialOf('billing');
    await adoptIn(scene, file);
    const { revoked } = await scene.revoke('billing', { serialOnly: true });
    expect(revoked.map((each) => each.serial)).toEqual([newer]);
  });

  it('bars the key of the newest by notBefore after it has expired, not that of one adopted since', async () => {
    const scene = await openScene();
    const { file } = await loseOne(scene, 'billing');
    scene.days(1);
    const newer = await scene.serialOf('billing');
    await adoptIn(scene, file);
    scene.days(100);
    const { revoked } = await scene.revoke('billing');
    expect(revoked.map((each) => each.serial)).toEqual([newer]);
  });
});
