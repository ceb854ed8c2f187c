import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { findTarget } from '../../../src/authority/target.ts';
import { integer } from '../../../src/x509/der-writer.ts';
import { handmadeCsr, p256Key } from '../../support/handmade-csr.ts';
import { caOf, signBy } from './odd-certificate.ts';
import { openScene, refusalIn } from './scene.ts';

describe('findTarget', () => {
  it('finds a client with its certificates', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    expect(await findTarget('billing', undefined, scene.world.state)).toMatchObject({
      kind: 'client',
      client: 'billing',
      certificates: [{ serial }],
    });
  });

  it('finds a certificate by its serial in any spelling', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    const colons = serial.toUpperCase().replace(/(..)(?=.)/g, '$1:');
    for (const word of [serial, colons, `0x${serial}`, `00${serial}`, serial.replace(/^0/, '')]) {
      expect(await findTarget(word, undefined, scene.world.state)).toMatchObject({
        kind: 'certificate',
        certificate: { serial },
      });
    }
  });

  it.each(['pem', 'der'] as const)('finds a certificate by its file in %s', async (form) => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    const { raw } = scene.inPlace('billing');
    const file = form === 'der' ? raw : Buffer.from(`some words\n${scene.inPlace('billing')}`);
    expect(await findTarget('./billing.crt', file, scene.world.state)).toMatchObject({
      certificate: { serial },
    });
  });

  it('finds all certificates of a public key', async () => {
    const scene = await openScene();
    await scene.issue('one', { csr: handmadeCsr() });
    await scene.issue('two', { csr: handmadeCsr() });
    const file = Buffer.from(createPublicKey(p256Key).export({ type: 'spki', format: 'pem' }));
    expect(await findTarget('key.pem', file, scene.world.state)).toMatchObject({
      kind: 'key',
      certificates: [{ client: 'one' }, { client: 'two' }],
    });
  });

  it.each(['deadbeefdeadbeef', '0000000000000000', 'f'.repeat(64)])(
    'finds the client %s, which looks like a number',
    async (name) => {
      const scene = await openScene();
      await scene.issue(name);
      expect(await findTarget(name, undefined, scene.world.state)).toMatchObject({
        kind: 'client',
        client: name,
      });
    },
  );

  it('takes a client or a serial on record before a file that is called like it', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    const other = await scene.serialOf('other');
    const file = Buffer.from(scene.inPlace('other').toString());
    const find = (word: string) => findTarget(word, file, scene.world.state);
    expect(await find('billing')).toMatchObject({ kind: 'client', client: 'billing' });
    expect(await findTarget('billing', new Uint8Array(), scene.world.state)).toMatchObject({
      kind: 'client',
    });
    expect(await find(serial.toUpperCase())).toMatchObject({ certificate: { serial } });
    for (const word of ['./billing', `./${serial}`, '0000000000000000', 'deadbeefdeadbeef'])
      expect(await find(word)).toMatchObject({ certificate: { serial: other } });
  });

  it('refuses a word that is a client and a serial', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    await scene.issue(serial);
    expect(await refusalIn(findTarget(serial, undefined, scene.world.state))).toMatchObject({
      code: 'authority/ambiguous-target',
      hint: 'write the serial with colons, or name the certificate as ./FILE',
    });
    const colons = serial.replace(/(..)(?=.)/g, '$1:');
    expect(await findTarget(colons, undefined, scene.world.state)).toMatchObject({ certificate: { serial } });
  });

  it.each([
    ['an unknown client', 'nobody', 'ledger/unknown-client'],
    ['a hostile name', '../x\u001b[31m', 'ledger/unknown-client'],
    ['a serial that was never issued', '01:02:03:04:05:06:07:08', 'ledger/unknown-serial'],
    ['a serial of too many octets', '7f'.repeat(21), 'core/invalid-serial'],
  ])('refuses %s', async (_, word, code) => {
    const scene = await openScene();
    expect((await refusalIn(findTarget(word, undefined, scene.world.state))).code).toBe(code);
  });

  it('refuses files that are no certificate, and those of another authority', async () => {
    const scene = await openScene();
    const other = await openScene({ key: 'ed25519' });
    await scene.issue('billing');
    await other.issue('billing');
    const { state } = scene.world;
    const key = scene.world.caKeys.get('root') ?? '';
    expect((await refusalIn(findTarget('f', Buffer.from('hello'), state))).code).toBe('x509/malformed');
    expect((await refusalIn(findTarget('f', Uint8Array.of(0x30, 1), state))).code).toBe('x509/malformed');
    expect((await refusalIn(findTarget('f', Buffer.from(key), state))).code).toBe('x509/malformed');
    const foreign = Buffer.from(other.inPlace('billing').toString());
    expect((await refusalIn(findTarget('f', foreign, state))).code).toBe('ledger/unknown-serial');
    const pem = createPublicKey(p256Key).export({ type: 'spki', format: 'pem' });
    expect((await refusalIn(findTarget('f', Buffer.from(pem), state))).code).toBe('ledger/unknown-serial');
  });

  it('tells a second certificate of a known serial that the CA key signed from a forged one', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    const [stolen, forged] = [caOf(scene), caOf(scene, p256Key)];
    const double = signBy(stolen, { serial: integer(Buffer.from(serial, 'hex')) });
    const fake = signBy(forged, { serial: integer(Buffer.from(serial, 'hex')) });
    expect(await refusalIn(findTarget('f', double, scene.world.state))).toMatchObject({
      code: 'ledger/duplicate-serial',
      message: `the CA key signed two certificates ${serial}: on record is another one, of billing`,
    });
    expect(await refusalIn(findTarget('f', fake, scene.world.state))).toMatchObject({
      code: 'ledger/unknown-serial',
      message: `certificate ${serial} is not one that this authority signed for a client`,
    });
  });
});
