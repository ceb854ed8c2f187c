import { describe, expect, it } from 'vitest';
import { ledgerHead } from '../../../src/authority/ledger-head.ts';
import { status } from '../../../src/authority/status.ts';
import { CaError } from '../../../src/core/ca-error.ts';
import { hashLine } from '../../../src/ledger/chain.ts';
import { decodeCrl } from '../../../src/x509/crl.ts';
import { openScene, refusalIn, revokedSerials, type Scene } from './scene.ts';

const problems = async (scene: Scene) => (await status(scene.settings, scene.world.ports)).problems;
const published = (scene: Scene) => decodeCrl(scene.world.crls.get('root')?.der ?? Buffer.of());
const lists = (scene: Scene, directory: string) =>
  revokedSerials(scene.world.copies.get(directory)?.crls.get('root') ?? Buffer.of());

/** The record with its lines changed or left out, and the chain made anew: the work of somebody who can write to it. */
function rewrite(scene: Scene, change: (line: string) => string | undefined): void {
  let prev: string | undefined;
  const lines: Buffer[] = [];
  for (const before of scene.world.lines) {
    const line = change(`${before}`);
    if (line === undefined) continue;
    const numbered = line.replace(/"seq":\d+/, `"seq":${lines.length + 1}`);
    const linked = prev === undefined ? numbered : numbered.replace(/"prev":"\w+"/, `"prev":"${prev}"`);
    lines.push(Buffer.from(linked));
    prev = hashLine(linked);
  }
  scene.world.lines = lines;
}

const withoutRevocations = (line: string) => (line.includes('"type":"revoked"') ? undefined : line);
const milder = (line: string) => line.replace('"reason":"keyCompromise"', '"reason":"superseded"');

/** Everything in the home as it is now, to be put back. */
function backUp({ world }: Scene): () => void {
  const { head, spread } = world;
  const lines = [...world.lines];
  const crls = [...world.crls];
  return () => {
    Object.assign(world, { head, spread, lines });
    world.crls.clear();
    for (const [issuer, crl] of crls) world.crls.set(issuer, crl);
  };
}

describe('a history that was rewritten', () => {
  it('without a revocation lets nobody in again, although the CRL in place is the one on record', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    await scene.revoke('billing');
    rewrite(scene, withoutRevocations);
    const { crl } = await scene.crl();
    expect([scene.onCrl(), crl?.rollback?.code]).toEqual([[serial], 'ledger/rolled-back']);
    expect((await scene.record(serial)).revocation).toBeDefined();
  });

  it('nor when the head was taken away with it, or broken', async () => {
    for (const head of [undefined, Buffer.from('no head')]) {
      const scene = await openScene();
      const serial = await scene.serialOf('billing');
      await scene.revoke('billing');
      rewrite(scene, withoutRevocations);
      scene.world.head = head;
      await scene.crl();
      expect(scene.onCrl()).toEqual([serial]);
    }
  });

  it('keeps on the list what had been there long enough', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    await scene.revoke('billing');
    await scene.issue('orders');
    scene.days(91);
    await scene.crl();
    rewrite(scene, (line) => (/"type":"delivered".*orders/.test(line) ? undefined : line));
    await scene.crl();
    expect(scene.onCrl()).toEqual([serial]);
  });

  it('is told by status and by the next CRL when it has as many entries as before, and went on', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    await scene.revoke('billing', { reason: 'keyCompromise' });
    const { head } = scene.world;
    rewrite(scene, milder);
    await scene.issue('orders');
    const told = /^entry \d+ is not what it was when \/ca\/crl\/ledger\.head was signed/;
    expect(await problems(scene)).toContainEqual(expect.stringMatching(told));
    const { crl } = await scene.crl();
    expect(crl?.rollback).toMatchObject({
      code: 'ledger/rewritten',
      message: expect.stringMatching(told),
      hint: expect.stringMatching(
        /^find out who changed the ledger, and restore a sound one; the proof is in/,
      ),
    });
    expect(scene.world.lostHeads.map(({ content }) => content)).toEqual([`${head}`]);
  });

  it('is told also by a head that is older than the last CRL, whose publication was cut short', async () => {
    for (const change of [milder, (line: string) => line]) {
      const scene = await openScene();
      await scene.issue('billing');
      await scene.revoke('billing', { reason: 'keyCompromise' });
      scene.world.fail('placeCrl');
      await refusalIn(scene.crl());
      rewrite(scene, change);
      const { crl } = await scene.crl();
      expect(crl?.rollback?.code).toBe(change === milder ? 'ledger/rewritten' : undefined);
    }
  });
});

it('keeps a head that a broken record cannot be held against, and says what is broken', async () => {
  const scene = await openScene();
  await scene.issue('billing');
  await scene.crl();
  const { head } = scene.world;
  scene.world.fail('placeCrl');
  await refusalIn(scene.crl());
  scene.world.ports.ledger.entries = async function* () {
    yield* [];
    throw new CaError('ledger/broken-chain', 'line 2 was changed');
  };
  const { crl } = await scene.crl();
  expect(crl?.rollback).toMatchObject({ code: 'ledger/broken-chain', message: 'line 2 was changed' });
  expect(scene.world.lostHeads.map(({ content }) => content)).toEqual([`${head}`]);
});

describe('an authority that was put back whole, and knows less than the copies of its CRL', () => {
  async function openRestored(copyTo: readonly string[] = ['/a', '/b']) {
    const scene = await openScene();
    scene.configure({ crl: { copyTo } });
    const billing = await scene.serialOf('billing');
    await scene.crl();
    const restore = backUp(scene);
    const thief = await scene.serialOf('thief');
    await scene.revoke('billing');
    await scene.revoke('thief');
    const last = { number: published(scene).number, head: scene.world.head };
    restore();
    return { scene, billing, thief, last };
  }

  it('takes their revocations, number and head along before it overwrites them, and says so', async () => {
    const { scene, billing, thief, last } = await openRestored();
    const { crl } = await scene.crl();
    expect(scene.onCrl().sort()).toEqual([billing, thief].sort());
    expect(lists(scene, '/b')).toEqual(scene.onCrl());
    expect(published(scene).number).toBeGreaterThan(last.number);
    expect(crl?.rollback).toMatchObject({
      code: 'ledger/rolled-back',
      message: expect.stringContaining('/a/ledger.head was signed over entry'),
    });
    expect(scene.world.lostHeads.map(({ content }) => content)).toEqual([`${last.head}`]);
    expect((await scene.crl()).crl?.rollback).toBeUndefined();
    expect(scene.onCrl()).toHaveLength(2);
  });

  it('is told by status, and seen to by the next renew or revoke', async () => {
    for (const run of [(scene: Scene) => scene.renew(), (scene: Scene) => scene.revoke('billing')]) {
      const { scene, billing, thief } = await openRestored(['/a']);
      expect(await problems(scene)).toContainEqual(expect.stringMatching(/^crl\.copyTo or crl\.hook/));
      await run(scene);
      expect(scene.onCrl().sort()).toEqual([billing, thief].sort());
      expect(await problems(scene)).toEqual([]);
    }
  });

  it('reads the directory that a command names too', async () => {
    const { scene } = await openRestored(['/a']);
    scene.configure({});
    const { why } = await scene.crl({ ifDue: true, copyTo: '/a' });
    expect(why).toBe('the copy in /a is newer than the one on record');
    expect(lists(scene, '/a')).toHaveLength(2);
  });

  it('publishes all the same when a copy cannot be read, and leaves that copy alone', async () => {
    const { scene } = await openRestored(['/a']);
    const unreadable = new CaError('store/permission', 'cannot read /a/ca.crl: permission denied');
    scene.world.ports.home.readCopy = async () => {
      throw unreadable;
    };
    expect(await refusalIn(scene.crl())).toMatchObject({
      code: 'store/permission',
      message: 'the CRL is published, but cannot read /a/ca.crl: permission denied',
    });
    expect(scene.world.entries('crl-published')).toHaveLength(3);
    expect(lists(scene, '/a')).toHaveLength(2);
  });

  it('overwrites no newer list that came after the CRL was made', async () => {
    const { scene } = await openRestored(['/a']);
    scene.world.fail('readCopy', new CaError('store/io', 'not this time'));
    expect(await refusalIn(scene.crl())).toMatchObject({
      code: 'store/occupied',
      message: 'the CRL is published, but /a holds a newer CRL than the one on record',
    });
    expect((await scene.renew()).failed).toMatchObject([{ code: 'ledger/rolled-back' }]);
    expect(lists(scene, '/a')).toHaveLength(2);
  });

  it('is not suspected for a head that was printed there, as long as the record goes on from it', async () => {
    for (const change of [(line: string) => line, milder]) {
      const scene = await openScene();
      scene.configure({ crl: { copyTo: ['/a'] } });
      await scene.issue('billing');
      await scene.revoke('billing', { reason: 'keyCompromise' });
      await scene.issue('orders');
      const { text } = await ledgerHead(scene.world.ports);
      scene.world.copies.set('/a', { crls: new Map(), head: Buffer.from(text) });
      rewrite(scene, change);
      const { crl } = await scene.crl();
      expect(crl?.rollback?.code).toBe(change === milder ? 'ledger/rewritten' : undefined);
      expect(scene.world.lostHeads).toHaveLength(change === milder ? 2 : 0);
    }
  });

  it('takes nothing from files that are another CA’s, or nobody’s', async () => {
    const other = await openScene({ key: 'ed25519' });
    other.configure({ crl: { copyTo: ['/a'] } });
    await other.issue('billing');
    await other.revoke('billing');
    const { crls = new Map(), head } = other.world.copies.get('/a') ?? {};
    for (const copy of [
      { crls, head },
      { crls: new Map([['root' as const, Buffer.of(0x30)]]), head: Buffer.from('no head') },
    ]) {
      const scene = await openScene();
      scene.configure({ crl: { copyTo: ['/a'] } });
      scene.world.copies.set('/a', copy);
      const { crl } = await scene.crl();
      expect([crl?.rollback, crl?.entries, scene.world.lostHeads]).toEqual([undefined, 0, []]);
    }
  });
});

describe('copies that are gone', () => {
  it('are told by status, and made again by ca renew and ca crl --if-due without a new CRL', async () => {
    const scene = await openScene();
    scene.configure({ crl: { copyTo: ['/a', '/b'], hook: 'reload' } });
    await scene.crl();
    expect(await problems(scene)).toEqual([]);
    for (const run of [() => scene.renew(), () => scene.crl({ ifDue: true })]) {
      scene.world.copies.delete('/b');
      expect(await problems(scene)).toEqual([expect.stringMatching(/^crl\.copyTo or crl\.hook has not/)]);
      await run();
      expect(await problems(scene)).toEqual([]);
    }
    expect(scene.world.hooks).toHaveLength(3);
    expect(scene.world.entries('crl-published')).toHaveLength(2);
  });
});
