import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Ledger } from '../../../src/authority/ports.ts';
import { revoke, revokeList } from '../../../src/authority/revoke.ts';
import { CaError } from '../../../src/core/ca-error.ts';
import { parseSerial } from '../../../src/core/serial.ts';
import { decodeCrl, findRevocation } from '../../../src/x509/crl.ts';
import { handmadeCsr, p256Key } from '../../support/handmade-csr.ts';
import { names, openScene, refusalIn } from './scene.ts';

describe('revoke', () => {
  it('takes every live certificate of a client, and publishes the CRL in the same command', async () => {
    const scene = await openScene();
    const first = await scene.serialOf('billing');
    const second = await scene.serialOf('billing', { again: true });
    const other = await scene.serialOf('other');
    const result = await scene.revoke('billing', { reason: 'privilegeWithdrawn' });
    const at = scene.world.now;
    expect(result).toEqual({
      revoked: [
        { client: 'billing', serial: first, reason: 'privilegeWithdrawn', at },
        { client: 'billing', serial: second, reason: 'privilegeWithdrawn', at },
      ],
      already: [],
      crl: {
        number: '1795339800001',
        thisUpdate: new Date('2026-11-22T09:30:00Z'),
        nextUpdate: new Date('2026-12-22T09:30:00Z'),
        entries: 2,
        files: { der: '/ca/crl/ca.crl', pem: '/ca/crl/ca.crl.pem' },
      },
    });
    expect(scene.onCrl()).toEqual([first, second]);
    expect(scene.onCrl()).not.toContain(other);
  });

  it('revokes on the issuing CA’s CRL when there are two tiers', async () => {
    const scene = await openScene({ twoTier: true });
    const serial = await scene.serialOf('billing');
    await scene.revoke('billing');
    expect(scene.onCrl('issuing')).toEqual([serial]);
    expect(scene.onCrl('root')).toEqual([]);
  });

  it('takes one certificate alone by its serial, in any spelling', async () => {
    const scene = await openScene();
    const first = await scene.serialOf('billing');
    const second = await scene.serialOf('billing', { again: true });
    const spelt = first.toUpperCase().replace(/(..)(?=.)/g, '$1:');
    expect((await scene.revoke(spelt)).revoked.map(({ serial }) => serial)).toEqual([first]);
    expect((await scene.record(second)).revocation).toBeUndefined();
  });

  it('takes the newest of a client alone when told so', async () => {
    const scene = await openScene();
    await scene.serialOf('billing');
    const second = await scene.serialOf('billing', { again: true });
    const { revoked } = await scene.revoke('billing', { serialOnly: true });
    expect(revoked.map(({ serial }) => serial)).toEqual([second]);
  });

  it('takes the certificate in a file, and every one with a public key', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    const file = Buffer.from(scene.inPlace('billing').toString());
    expect((await scene.revoke('billing.crt', { file })).revoked).toMatchObject([{ serial }]);
    const one = await scene.serialOf('one', { csr: handmadeCsr() });
    const two = await scene.serialOf('two', { csr: handmadeCsr() });
    const key = Buffer.from(createPublicKey(p256Key).export({ type: 'spki', format: 'pem' }));
    const { revoked } = await scene.revoke('key.pem', { file: key });
    expect(revoked.map((each) => each.serial)).toEqual([one, two]);
  });

  it('takes every certificate of a compromised key, whichever client has it', async () => {
    const scene = await openScene();
    const one = await scene.serialOf('one', { csr: handmadeCsr() });
    const two = await scene.serialOf('two', { csr: handmadeCsr() });
    const since = new Date('2026-11-01T00:00:00.900Z');
    const { revoked } = await scene.revoke(one, { reason: 'keyCompromise', invalidityDate: since });
    expect(revoked.map(({ serial }) => serial)).toEqual([one, two]);
    const crl = decodeCrl(scene.world.crls.get('root')?.der ?? new Uint8Array());
    expect(findRevocation(crl, parseSerial(two))).toEqual({
      serial: two,
      revokedAt: new Date('2026-11-22T09:30:00Z'),
      reason: 'keyCompromise',
      invalidityDate: new Date('2026-11-01T00:00:00Z'),
    });
  });

  it('leaves others with the compromised key alone when told so', async () => {
    const scene = await openScene();
    const one = await scene.serialOf('one', { csr: handmadeCsr() });
    await scene.serialOf('two', { csr: handmadeCsr() });
    const { revoked } = await scene.revoke(one, { reason: 'keyCompromise', serialOnly: true });
    expect(revoked.map(({ serial }) => serial)).toEqual([one]);
  });

  it('says what was revoked before, and signs nothing for it', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    await scene.revoke('billing');
    const at = scene.world.now;
    scene.world.advance(60_000);
    const lines = scene.world.lines.length;
    const again = await scene.revoke('billing', { reason: 'superseded' });
    expect(again).toMatchObject({
      revoked: [],
      already: [{ serial, reason: 'unspecified', at }],
      crl: { entries: 1 },
    });
    expect(await scene.revoke(serial)).toMatchObject({ revoked: [], already: [{ serial }] });
    expect(scene.world.lines).toHaveLength(lines);
  });

  it('takes a client’s newest certificate also when it has expired, so that nothing renews it', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.days(85);
    await scene.issue('billing', { again: true });
    scene.days(91);
    expect((await scene.revoke('billing')).revoked).toHaveLength(1);
    expect((await scene.renew()).renewed).toEqual([]);
  });

  it('bars a compromised key also when its only certificate has expired', async () => {
    const scene = await openScene();
    await scene.issue('billing', { csr: handmadeCsr() });
    scene.days(400);
    const file = Buffer.from(createPublicKey(p256Key).export({ type: 'spki', format: 'pem' }));
    await scene.revoke('key.pem', { file, reason: 'keyCompromise' });
    expect((await refusalIn(scene.issue('other', { csr: handmadeCsr() }))).code).toBe('authority/key-barred');
  });

  it('bars the key of a certificate that was revoked for another reason', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing', { csr: handmadeCsr() });
    await scene.revoke('billing', { reason: 'superseded' });
    await scene.issue('billing', { csr: handmadeCsr() });
    const late = await scene.revoke(serial, { reason: 'keyCompromise', serialOnly: true });
    const { key } = await scene.record(serial);
    expect(late).toMatchObject({
      revoked: [],
      already: [{ serial, reason: 'superseded' }],
      barred: [{ client: 'billing', serial, key }],
    });
    expect(scene.world.entries('key-compromised')).toMatchObject([{ client: 'billing', serial, key }]);
    expect(await refusalIn(scene.issue('other', { csr: handmadeCsr() }))).toMatchObject({
      code: 'authority/key-barred',
      message: `the key was compromised: it is that of certificate ${serial} of billing`,
    });
    const { failed } = await scene.renew({ clients: names('billing'), force: true });
    expect(failed).toMatchObject([{ code: 'authority/key-barred' }]);
  });

  it('bars a key once, by one entry', async () => {
    const scene = await openScene();
    const [one, two] = [
      await scene.serialOf('one', { csr: handmadeCsr() }),
      await scene.serialOf('two', { csr: handmadeCsr() }),
    ];
    await scene.revoke('one');
    await scene.revoke('two');
    const file = Buffer.from(createPublicKey(p256Key).export({ type: 'spki', format: 'pem' }));
    const request = { file, reason: 'keyCompromise' } as const;
    const plan = await scene.revoke('key.pem', { ...request, dryRun: true });
    expect(plan.barred).toMatchObject([{ serial: one }]);
    expect(scene.world.entries('key-compromised')).toEqual([]);
    expect((await scene.revoke('key.pem', request)).barred).toEqual(plan.barred);
    expect(await scene.revoke(two, { reason: 'keyCompromise' })).not.toHaveProperty('barred');
    expect(scene.world.entries('key-compromised')).toHaveLength(1);
  });

  it('needs no entry for a key that is barred by a revocation', async () => {
    const scene = await openScene();
    const one = await scene.serialOf('one', { csr: handmadeCsr() });
    await scene.revoke(one);
    const two = await scene.serialOf('two', { csr: handmadeCsr() });
    const both = await scene.revoke(one, { reason: 'keyCompromise' });
    expect(both).toMatchObject({ revoked: [{ serial: two }], already: [{ serial: one }] });
    expect(both).not.toHaveProperty('barred');
    expect(await scene.revoke(one, { reason: 'keyCompromise' })).not.toHaveProperty('barred');
    expect(scene.world.entries('key-compromised')).toEqual([]);
  });

  it('bars the key of a client’s latest revoked certificate alone when told so', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    const second = await scene.serialOf('billing', { again: true });
    await scene.revoke('billing');
    const { barred } = await scene.revoke('billing', { reason: 'keyCompromise', serialOnly: true });
    expect(barred).toMatchObject([{ serial: second }]);
  });

  it('takes what was issued while it waited for the ledger', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.world.overtake = async () => {
      await scene.issue('billing', { again: true });
    };
    expect((await scene.revoke('billing')).revoked).toHaveLength(2);
  });

  it('takes for a list what was issued and what was revoked while it waited for the ledger', async () => {
    const scene = await openScene();
    for (const client of ['billing', 'shipping']) await scene.issue(client);
    scene.world.overtake = async () => {
      await scene.issue('billing', { again: true });
      await scene.revoke('shipping');
    };
    const lines = ['billing', 'shipping'].map((target, index) => ({
      line: index + 1,
      revocation: { target, file: undefined, reason: 'unspecified' as const, serialOnly: false },
    }));
    const { settings, world } = scene;
    const result = await revokeList({ lines, faults: [] }, { dryRun: false }, settings, world.ports);
    expect(result.revoked.map(({ client }) => client)).toEqual(['billing', 'billing']);
    expect(result.already.map(({ client }) => client)).toEqual(['shipping']);
  });

  it('changes nothing in a dry run', async () => {
    const scene = await openScene({ encryptKeys: true });
    const serial = await scene.serialOf('billing');
    const lines = scene.world.lines.length;
    scene.world.passphraseAsked.length = 0;
    expect(await scene.revoke('billing', { dryRun: true })).toMatchObject({
      revoked: [{ serial }],
      already: [],
    });
    expect(scene.world.lines).toHaveLength(lines);
    expect(scene.world.passphraseAsked).toEqual([]);
  });
});

describe('revoke refuses', () => {
  it.each([
    ['a serial that was never issued', '0a:1b:2c:3d:4e:5f:60:71', 'ledger/unknown-serial'],
    ['an unknown client', 'billings', 'ledger/unknown-client'],
    ['a path', '../x', 'ledger/unknown-client'],
  ])('%s', async (_, target, code) => {
    const scene = await openScene();
    await scene.issue('billing');
    expect((await refusalIn(scene.revoke(target))).code).toBe(code);
    expect(scene.world.entries('revoked')).toEqual([]);
  });

  it.each([
    ['2026-11-22T09:30:01Z', 'in the future'],
    ['1969-07-20T20:17:40Z', 'before 1970'],
    ['1970-01-01T00:00:00Z', 'before 1970'],
  ])('a compromise at %s, %s', async (time, fault) => {
    const scene = await openScene();
    await scene.issue('billing');
    const request = { reason: 'keyCompromise', invalidityDate: new Date(time) } as const;
    expect(await refusalIn(scene.revoke('billing', request))).toMatchObject({
      code: 'core/invalid-instant',
      message: `the time of compromise, ${time}, is ${fault}`,
    });
    expect(scene.world.entries('revoked')).toEqual([]);
  });
});

describe('revoke, when something fails half-way', () => {
  it.each(['append', 'stageCrl'] as const)(
    'changes nothing when the revocation and its CRL cannot be written: %s',
    async (operation) => {
      const scene = await openScene();
      const serial = await scene.serialOf('billing');
      const before = scene.world.lines.length;
      scene.world.fail(operation);
      expect(await refusalIn(scene.revoke('billing'))).toMatchObject({
        code: 'store/disk-full',
        message: expect.stringMatching(/^nothing was revoked: cannot write /),
      });
      expect(scene.world.lines).toHaveLength(before);
      expect((await scene.renew()).crl?.entries).toBe(0);
      await scene.revoke('billing');
      expect(scene.onCrl()).toEqual([serial]);
    },
  );

  it('says neither that it is done nor that it is not when the disk has left that open', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.world.fail('append', new CaError('store/uncertain', 'cannot write, nor take back'));
    expect(await refusalIn(scene.revoke('billing'))).toMatchObject({
      code: 'store/uncertain',
      message: 'nobody knows whether anything was revoked: cannot write, nor take back',
    });
  });

  it.each([1, 2])('tells that the record was cut, by %i lines, although it holds as many', async (lines) => {
    const scene = await openScene();
    await scene.issue('billing');
    await scene.issue('orders');
    const end = scene.world.lines.length - lines;
    scene.world.lines = scene.world.lines.slice(0, end);
    expect((await scene.revoke('billing')).crl?.rollback).toMatchObject({
      code: 'ledger/rolled-back',
      message: expect.stringContaining(`the ledger ends at entry ${end}, `),
    });
  });

  it('records the revocation and its CRL in one write', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    const before = scene.world.lines.length;
    const { transact } = scene.world.ports.ledger;
    let writes = 0;
    const counted = new Proxy(scene.world.ports.ledger, {
      get: (ledger, name: keyof Ledger) =>
        name === 'transact'
          ? (work: Parameters<typeof transact>[0]) =>
              transact((transaction) =>
                work({
                  ...transaction,
                  append: async (entries) => {
                    writes++;
                    return transaction.append(entries);
                  },
                }),
              )
          : ledger[name],
    });
    const request = {
      target: 'billing',
      file: undefined,
      reason: 'unspecified',
      serialOnly: false,
      dryRun: false,
    } as const;
    await revoke(request, scene.settings, { ...scene.world.ports, ledger: counted });
    expect(writes).toBe(1);
    expect(scene.world.lines).toHaveLength(before + 2);
  });

  it.each(['revoke', 'renew', 'crl'] as const)(
    'stays revoked when the CRL cannot be put in place, and %s publishes it',
    async (command) => {
      const scene = await openScene();
      const serial = await scene.serialOf('billing');
      scene.world.fail('placeCrl');
      expect(await refusalIn(scene.revoke('billing'))).toMatchObject({
        code: 'store/disk-full',
        message: expect.stringMatching(/^revoked billing, but no published CRL says so yet: cannot write /),
        hint: 'when this is mended, publish it with: ca crl',
      });
      if (command === 'revoke') await scene.revoke('billing');
      if (command === 'renew') await scene.renew();
      if (command === 'crl') await scene.crl({ ifDue: true });
      expect(scene.onCrl()).toEqual([serial]);
    },
  );

  it('says that the CRL is published when its hook fails, and how to run that again', async () => {
    const scene = await openScene();
    scene.configure({ crl: { hook: 'nginx -s reload' } });
    const serial = await scene.serialOf('billing');
    scene.world.hookResult = { exitCode: 1, output: 'nginx: not running' };
    expect(await refusalIn(scene.revoke('billing'))).toMatchObject({
      code: 'authority/hook-failed',
      message:
        'revoked billing, and the CRL is published, but the CRL hook exited 1; it printed: nginx: not running',
      hint: 'mend this: ca renew tries it again',
    });
    expect(scene.onCrl()).toEqual([serial]);
  });
});
