import { describe, expect, it } from 'vitest';
import { auditLedger } from '../../../src/authority/ledger-audit.ts';
import { CaError } from '../../../src/core/ca-error.ts';
import { hashLine } from '../../../src/ledger/chain.ts';
import type { Entry } from '../../../src/ledger/entry.ts';
import { encodeEntry, parseEntry } from '../../../src/ledger/entry-codec.ts';
import { openScene, type Scene } from './scene.ts';

const audit = (scene: Scene) => auditLedger(scene.world.ports);

async function messages(scene: Scene): Promise<string[]> {
  return (await audit(scene)).findings.map(({ message }) => message);
}

/** Changes an entry and closes the chain behind it again, as somebody would who knows how it is made, and removes the heads. */
function forge(scene: Scene, type: Entry['type'], change: (line: string) => string): void {
  Object.assign(scene.world, { head: undefined, latestHead: undefined });
  let prev = '';
  let done = false;
  scene.world.lines = scene.world.lines.map((line) => {
    const entry = parseEntry(line, 'a line');
    let text = encodeEntry(prev === '' ? entry : { ...entry, prev }, entry);
    if (!done && entry.type === type) {
      done = true;
      text = change(text);
    }
    const forged = Buffer.from(text);
    prev = hashLine(forged);
    return forged;
  });
}

async function busyScene(twoTier = false): Promise<Scene> {
  const scene = await openScene({ twoTier });
  await scene.issue('billing');
  await scene.issue('other');
  await scene.revoke('other');
  return scene;
}

/** Lets the ledger answer from what it read before, as an index does that was not thrown away. */
function keepIndex({ world }: Scene): void {
  const { state } = world;
  Object.assign(world.ports.ledger, { view: async () => state });
}

describe('auditLedger', () => {
  it('finds nothing in a whole record, and counts what is there', async () => {
    const scene = await busyScene();
    expect(await audit(scene)).toEqual({
      entries: scene.world.lines.length,
      head: scene.world.state.head.hash,
      certificates: 2,
      revocations: 1,
      heads: [
        {
          file: '/ca/crl/ledger.head',
          seq: scene.world.lines.length,
          time: new Date('2026-11-22T09:30:00Z'),
          extended: true,
        },
      ],
      findings: [],
    });
  });

  it.each<[string, (lines: Buffer[]) => Buffer[], RegExp]>([
    [
      'a changed line',
      (lines) =>
        lines.with(3, Buffer.from(`${lines[3]}`.replace('"profile":"client"', '"profile":"klient"'))),
      /^line 5 of ledger\/00000001\.jsonl was changed, or the line before it/,
    ],
    [
      'a removed line',
      (lines) => lines.toSpliced(3, 1),
      /^line 4 of ledger\/00000001\.jsonl is entry 5 where entry 4 belongs/,
    ],
    [
      'an inserted line',
      (lines) => lines.toSpliced(3, 0, lines[3] ?? Buffer.of()),
      /^line 5 of ledger\/00000001\.jsonl is entry 4 where entry 5 belongs/,
    ],
    [
      'swapped lines',
      (lines) => lines.with(4, lines[5] ?? Buffer.of()).with(5, lines[4] ?? Buffer.of()),
      /^line 5 of ledger\/00000001\.jsonl is entry 6 where entry 5 belongs/,
    ],
  ])('finds %s, and names it', async (_, tamper, message) => {
    const scene = await busyScene();
    keepIndex(scene);
    scene.world.lines = tamper(scene.world.lines);
    const { findings, head } = await audit(scene);
    expect(findings).toMatchObject([
      { code: 'ledger/broken-chain', message: expect.stringMatching(message) },
    ]);
    expect(head).toBe('');
  });

  it('counts the sound entries before a fault, though the record as a whole cannot be read', async () => {
    const scene = await busyScene();
    scene.world.lines = scene.world.lines.toSpliced(5, 1);
    Object.assign(scene.world.ports.ledger, {
      view: async () => {
        throw new CaError('ledger/broken-chain', 'there is a fault');
      },
    });
    expect(await audit(scene)).toEqual({
      entries: 5,
      head: '',
      certificates: 1,
      revocations: 0,
      heads: [expect.objectContaining({ extended: false })],
      findings: [
        {
          code: 'ledger/broken-chain',
          message: expect.stringMatching(/^line 6 of .* is entry 7 where entry 6 belongs/),
        },
      ],
    });
  });

  it('finds a line that is no entry', async () => {
    const scene = await busyScene();
    keepIndex(scene);
    scene.world.lines[3] = Buffer.from('{}');
    expect(await audit(scene)).toMatchObject({ findings: [{ code: 'ledger/malformed' }] });
  });

  it.each<[string, Entry['type'], (line: string) => string, RegExp]>([
    [
      'another owner',
      'delivered',
      (line) => line.replace('"billing"', '"other"'),
      /calls serial \w+ one of other; it was issued to billing$/,
    ],
    [
      'another notAfter',
      'issued',
      (line) => line.replace('2027-02-20T', '2029-02-20T'),
      /another notAfter than the entry says$/,
    ],
    [
      'another notBefore',
      'issued',
      (line) => line.replace('"notBefore":"2026-11-22T', '"notBefore":"2026-11-21T'),
      /another notBefore than the entry says$/,
    ],
    [
      'another subject',
      'issued',
      (line) => line.replace('CN=billing', 'CN=killing'),
      /another subject than the entry says$/,
    ],
    [
      'another key',
      'issued',
      (line) => line.replace(/"key":"..../, '"key":"0000'),
      /another public key than the entry says$/,
    ],
  ])('finds %s although the chain was closed again', async (_, type, change, message) => {
    const scene = await busyScene();
    forge(scene, type, change);
    expect(await messages(scene)).toEqual([expect.stringMatching(message)]);
  });

  it('finds a barred key that is not the key of its certificate', async () => {
    const scene = await busyScene();
    await scene.revoke('other', { reason: 'keyCompromise' });
    expect(await messages(scene)).toEqual([]);
    forge(scene, 'key-compromised', (line) => line.replace(/"key":"..../, '"key":"0000'));
    expect(await messages(scene)).toEqual([
      expect.stringMatching(/^entry \d+ bars another public key than that of certificate \w+$/),
    ]);
  });

  it('finds a certificate that is none, or that another CA signed', async () => {
    const scene = await busyScene();
    forge(scene, 'issued', (line) => line.replace(/"certificate":"[^"]*"/, '"certificate":"AAAA"'));
    expect(await messages(scene)).toEqual([
      expect.stringMatching(/^entry 4: the certificate cannot be read: /),
    ]);

    const other = await openScene({ key: 'ed25519' });
    const mine = await openScene({ key: 'ed25519' });
    await other.issue('billing');
    await mine.issue('billing');
    const foreign = `${other.world.lines[3]}`;
    const fields = /"client":.*/.exec(foreign)?.[0] ?? '';
    forge(mine, 'issued', (line) => line.replace(/"client":.*/, fields));
    const delivered = /"serial":"(\w+)"/.exec(fields)?.[1] ?? '';
    forge(mine, 'delivered', (line) => line.replace(/"serial":"\w+"/, `"serial":"${delivered}"`));
    expect(await messages(mine)).toEqual(["entry 4: the certificate does not bear the CA's signature"]);
  });

  it('finds references to what was never issued, as the fold of the record does', async () => {
    const scene = await busyScene();
    forge(scene, 'revoked', (line) => line.replace(/"serial":"../, '"serial":"11'));
    expect(await audit(scene)).toMatchObject({ findings: [{ code: 'ledger/unknown-serial' }], head: '' });
  });

  it('finds a CRL in place that is not the one on record', async () => {
    const scene = await busyScene(true);
    scene.world.crls.clear();
    expect(await messages(scene)).toEqual([
      'the CRL in /ca/crl/root.crl is not the one recorded last; run: ca crl --root',
      'the CRL in /ca/crl/ca.crl is not the one recorded last; run: ca crl',
    ]);
  });

  it('is not misled by what is appended while it reads', async () => {
    const scene = await busyScene();
    const before = scene.world.lines.length;
    const head = scene.world.state.head.hash;
    const { entries } = scene.world.ports.ledger;
    Object.assign(scene.world.ports.ledger, {
      entries: async function* () {
        await scene.issue('late');
        await scene.crl();
        yield* entries();
      },
    });
    expect(await audit(scene)).toMatchObject({ entries: before, head, certificates: 2, findings: [] });
  });
});
