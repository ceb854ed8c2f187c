import { describe, expect, it } from 'vitest';
import type { KeptHead } from '../../../src/authority/head-proof.ts';
import { auditLedger } from '../../../src/authority/ledger-audit.ts';
import { ledgerHead } from '../../../src/authority/ledger-head.ts';
import { status } from '../../../src/authority/status.ts';
import { hashLine } from '../../../src/ledger/chain.ts';
import { encodeEntry, parseEntry } from '../../../src/ledger/entry-codec.ts';
import { encodeHeadStatement, parseSignedHead } from '../../../src/ledger/signed-head.ts';
import { decodeCertificate } from '../../../src/x509/certificate.ts';
import { verifyBytes } from '../../../src/x509/signature.ts';
import { signatureAlgorithmOf } from '../../../src/x509/signature-algorithm.ts';
import { openScene, refusalIn, type Scene } from './scene.ts';

async function keep(scene: Scene, file = 'kept.head'): Promise<KeptHead> {
  const { text } = await ledgerHead(scene.world.ports);
  return { file, head: parseSignedHead(Buffer.from(text), file) };
}

/** An authority in which no head was kept, so that the heads that are given speak alone. */
async function openWithoutHead(request: Parameters<typeof openScene>[0] = {}): Promise<Scene> {
  const scene = await openScene(request);
  Object.assign(scene.world, { head: undefined, latestHead: undefined });
  return scene;
}

const verify = (scene: Scene, ...heads: KeptHead[]) => auditLedger(scene.world.ports, heads);

async function findings(scene: Scene, ...heads: KeptHead[]): Promise<string[]> {
  return (await verify(scene, ...heads)).findings.map(({ code, message }) => `${code} ${message}`);
}

/** Puts a hook into a client's policy, and closes the chain behind it again, and removes the latest head: nothing else tells. */
function rewrite({ world }: Scene, client: string): void {
  let prev: string | undefined;
  world.latestHead = undefined;
  world.lines = world.lines.map((line) => {
    const entry = parseEntry(line, 'a line');
    const isIt = entry.type === 'client-added' && entry.client === client;
    const body = isIt ? { ...entry, policy: { ...entry.policy, hook: 'true' } } : entry;
    const text = Buffer.from(encodeEntry({ ...entry, prev: prev ?? entry.prev }, body));
    prev = hashLine(text);
    return text;
  });
}

describe('ledgerHead', () => {
  it.each(['p256', 'p384', 'ed25519', 'rsa2048'] as const)(
    'is signed by the CA that issues to clients, over all lines before the signature (%s)',
    async (key) => {
      const scene = await openScene({ key, twoTier: key === 'p256' });
      await scene.issue('billing');
      const { text, signature, ...head } = await ledgerHead(scene.world.ports);
      const issuer = decodeCertificate(
        Buffer.from(scene.world.state.authority.issuing ?? scene.world.state.authority.root),
      );
      expect(head).toEqual({
        authority: 'Acme API CA',
        seq: scene.world.lines.length,
        hash: hashLine(scene.world.lines.at(-1) ?? ''),
        time: new Date('2026-11-22T09:30:00Z'),
        key: Buffer.from(issuer.subjectKeyIdentifier ?? []).toString('hex'),
      });
      const [signed = '', last] = text.split('signature: ');
      expect(last).toBe(`${signature}\n`);
      expect(Buffer.from(encodeHeadStatement(head)).toString()).toBe(signed);
      const isGood = verifyBytes(
        issuer.spki,
        signatureAlgorithmOf(key),
        Buffer.from(signed),
        Buffer.from(signature, 'base64'),
      );
      expect(isGood).toBe(true);
    },
  );

  it('changes nothing, and needs the key and its passphrase', async () => {
    const scene = await openScene({ encryptKeys: true });
    const before = [...scene.world.lines];
    scene.world.passphraseAsked.length = 0;
    await ledgerHead(scene.world.ports);
    expect([scene.world.lines, scene.world.passphraseAsked]).toEqual([before, ['root']]);
    scene.world.passphrase = 'another one';
    expect((await refusalIn(ledgerHead(scene.world.ports))).code).toBe('x509/wrong-passphrase');
    scene.world.caKeys.clear();
    expect((await refusalIn(ledgerHead(scene.world.ports))).code).toBe('authority/key-not-found');
  });

  it('is refused while the clock is behind the last entry, unless a person says that it is right', async () => {
    const scene = await openScene();
    scene.days(-1);
    expect((await refusalIn(ledgerHead(scene.world.ports))).code).toBe('ledger/clock-behind');
    scene.world.clockConfirmed = true;
    expect((await ledgerHead(scene.world.ports)).time).toEqual(new Date('2026-11-21T09:30:00Z'));
  });
});

describe('a record that is held against kept heads', () => {
  it('is whole when it goes on from each, in whatever order they are given', async () => {
    const scene = await openWithoutHead({ twoTier: true });
    const first = await keep(scene, 'first');
    await scene.issue('billing');
    const second = await keep(scene, 'second');
    expect(await verify(scene, second, first)).toMatchObject({
      heads: [
        { file: 'first', seq: 3, extended: true },
        { file: 'second', seq: 6, extended: true },
      ],
      findings: [],
    });
    await scene.revoke('billing');
    expect(await verify(scene, second, first)).toMatchObject({
      heads: [
        { file: 'first', extended: true },
        { file: 'second', extended: true },
        { file: '/ca/crl/ledger.head', seq: 8, extended: true },
      ],
      findings: [],
    });
  });

  it('was rolled back when it ends before one: it says how many entries are missing', async () => {
    const scene = await openWithoutHead();
    await scene.issue('billing');
    const whole = await keep(scene);
    scene.world.lines = scene.world.lines.slice(0, 4);
    expect(await findings(scene, whole)).toEqual([
      'ledger/rolled-back the ledger ends at entry 4, and kept.head was signed over entry 5 at 2026-11-22T09:30:00Z: the entry after it is missing',
    ]);
    scene.world.lines = scene.world.lines.slice(0, 2);
    expect(await findings(scene, whole)).toEqual([
      expect.stringMatching(/ends at entry 2, .*: the 3 entries after it are missing$/),
    ]);
  });

  it('was put back and went on when it has younger entries there: it says between which', async () => {
    const scene = await openWithoutHead();
    await scene.issue('billing');
    const early = await keep(scene, 'early');
    const backup = [...scene.world.lines];
    await scene.issue('shipping');
    scene.days(1);
    const late = await keep(scene, 'late');
    scene.world.lines = [...backup];
    scene.days(1);
    await scene.issue('thief');
    await scene.issue('other');
    const result = await verify(scene, late, early);
    expect(result.heads.map(({ file, extended }) => [file, extended])).toEqual([
      ['early', true],
      ['late', false],
    ]);
    expect(result.findings).toEqual([
      {
        code: 'ledger/rewritten',
        message:
          'entry 8 is not what it was when late was signed over entry 8 at 2026-11-23T09:30:00Z: ' +
          'history was rewritten after entry 5, and at or before that entry; ' +
          'from entry 6 on the ledger is younger than that head: an older copy was put back, and went on',
      },
    ]);
  });

  it('was rewritten when an entry is another and the chain was closed again, which the chain alone cannot see', async () => {
    const scene = await openWithoutHead();
    await scene.issue('billing');
    const early = await keep(scene, 'early');
    await scene.issue('shipping');
    const late = await keep(scene, 'late');
    rewrite(scene, 'shipping');
    expect(await findings(scene)).toEqual([]);
    expect(await findings(scene, early, late)).toEqual([
      expect.stringMatching(
        /^ledger\/rewritten entry 8 is not what it was when late .*: history was rewritten after entry 5, and at or before that entry$/,
      ),
    ]);
    rewrite(scene, 'billing');
    expect(await findings(scene, early, late)).toEqual([
      expect.stringMatching(
        /^ledger\/rewritten entry 5 .* early .*: history was rewritten at or before that entry$/,
      ),
      expect.stringMatching(
        /^ledger\/rewritten entry 8 .* late .*: history was rewritten at or before that entry$/,
      ),
    ]);
  });

  it('takes no head of another authority, even one of the same name', async () => {
    const [mine, other] = [
      await openWithoutHead({ key: 'ed25519' }),
      await openWithoutHead({ key: 'ed25519' }),
    ];
    const head = await keep(other);
    expect(await verify(mine, head)).toMatchObject({ heads: [{ extended: false }] });
    expect(await findings(mine, head)).toEqual([
      expect.stringMatching(
        /^ledger\/foreign-head kept\.head is a head of "Acme API CA", key \w{40}; this authority is "Acme API CA", key \w{40}$/,
      ),
    ]);
  });

  it.each<[string, (head: KeptHead['head']) => Partial<KeptHead['head']>]>([
    ['number', () => ({ seq: 1 })],
    ['hash', () => ({ hash: '00'.repeat(32) })],
    ['time', () => ({ time: new Date('2025-11-22T09:30:00Z') })],
    [
      'signature',
      ({ signature }) => ({ signature: signature.map((octet, at) => (at === 40 ? octet ^ 1 : octet)) }),
    ],
    ['signature, cut short', ({ signature }) => ({ signature: signature.subarray(1) })],
  ])('takes no head whose %s was changed', async (_, change) => {
    const scene = await openWithoutHead();
    const { head } = await keep(scene);
    expect(await findings(scene, { file: 'x', head: { ...head, ...change(head) } })).toEqual([
      "ledger/foreign-head x does not bear this authority's signature: it was changed, or forged",
    ]);
  });

  it('says that a head is from the future, though it goes on from it', async () => {
    const scene = await openWithoutHead();
    scene.days(1);
    const head = await keep(scene);
    scene.days(-1);
    expect(await verify(scene, head)).toMatchObject({
      heads: [{ extended: true }],
      findings: [
        {
          code: 'ledger/clock-behind',
          message:
            'kept.head was signed over entry 2 at 2026-11-23T09:30:00Z, and the clock says 2026-11-22T09:30:00Z',
        },
      ],
    });
  });

  it('proves nothing where its lines are broken before the head, and says that they are', async () => {
    const scene = await openWithoutHead();
    await scene.issue('billing');
    const head = await keep(scene);
    const { state } = scene.world;
    Object.assign(scene.world.ports.ledger, { view: async () => state });
    scene.world.lines = scene.world.lines.toSpliced(2, 1);
    expect(await verify(scene, head)).toMatchObject({
      heads: [{ extended: false }],
      findings: [{ code: 'ledger/broken-chain' }],
    });
  });
});

describe('the head beside the CRL', () => {
  const problems = async (scene: Scene) => (await status(scene.settings, scene.world.ports)).problems;

  it("is of the CRL's entry, and comes with each CRL of the CA that issues to clients", async () => {
    const scene = await openScene({ twoTier: true });
    const inPlace = () => parseSignedHead(scene.world.head ?? Buffer.of(), 'it');
    expect([inPlace().seq, await findings(scene)]).toEqual([3, []]);
    await scene.crl({ root: true });
    expect(inPlace().seq).toBe(3);
    await scene.crl();
    expect(inPlace()).toMatchObject({ seq: 5, hash: hashLine(scene.world.lines.at(-1) ?? '') });
    expect(await findings(scene)).toEqual([]);
    expect(await problems(scene)).toEqual([]);
  });

  it('tells status and the audit that the ledger alone was put back', async () => {
    const scene = await openScene();
    const backup = [...scene.world.lines];
    await scene.issue('billing');
    await scene.crl();
    scene.world.lines = [...backup];
    const told =
      /ledger ends at entry 2, and \/ca\/crl\/ledger\.head was signed over entry 6 .*: the 4 entries after it are missing/;
    expect(await findings(scene)).toContainEqual(expect.stringMatching(told));
    expect(await problems(scene)).toContainEqual(expect.stringMatching(told));
  });

  it.each([2, 1])('tells them also when the ledger went on, past the head or up to it', async (count) => {
    const scene = await openScene();
    await scene.issue('other');
    const backup = [...scene.world.lines];
    await scene.issue('billing');
    await scene.crl();
    scene.world.lines = [...backup];
    for (let client = 0; client < count; client++) await scene.issue(`thief-${client}`);
    if (count === 1) await scene.revoke('nobody').catch(() => undefined);
    const told = /entry \d+|ends at entry/;
    expect(await findings(scene)).toContainEqual(expect.stringMatching(told));
    expect(await problems(scene)).toContainEqual(
      expect.stringMatching(/ledger\.head was signed over entry 9/),
    );
  });

  it('tells them when it is damaged, or another CA’s', async () => {
    const scene = await openScene({ key: 'ed25519' });
    const other = await openScene({ key: 'ed25519' });
    await scene.crl();
    await other.crl();
    scene.world.head = scene.world.head?.subarray(1);
    expect(await findings(scene)).toEqual([
      expect.stringMatching(/^ledger\/malformed-head \/ca\/crl\/ledger\.head is not/),
    ]);
    expect(await problems(scene)).toEqual([expect.stringMatching(/ledger\.head is not .*; run: ca crl$/)]);
    scene.world.head = other.world.head;
    expect(await findings(scene)).toEqual([expect.stringMatching(/^ledger\/foreign-head /)]);
    expect(await problems(scene)).toEqual([
      expect.stringMatching(/is a head of "Acme API CA".*; run: ca ledger verify$/),
    ]);
  });

  it('is not asked for where there is none, as before it came with CRLs', async () => {
    const scene = await openScene();
    await scene.crl();
    scene.world.head = undefined;
    expect([await findings(scene), await problems(scene)]).toEqual([[], []]);
    await scene.crl();
    expect(scene.world.head).toBeDefined();
  });

  it('is set aside when the record does not go on from it, and the new CRL says so once', async () => {
    const scene = await openScene();
    const backup = [...scene.world.lines];
    await scene.issue('billing');
    const { crl: before } = await scene.crl();
    expect(before?.rollback).toBeUndefined();
    const lost = scene.world.head;
    scene.world.lines = [...backup];
    const { crl } = await scene.crl();
    expect(crl?.rollback).toEqual({
      code: 'ledger/rolled-back',
      message: expect.stringMatching(
        /^the ledger ends at entry 2, and .*: the 4 entries after it are missing$/,
      ),
      head: expect.stringMatching(/^\/ca\/crl\/lost-6-[0-9a-f]{8}\.head$/),
      hint: expect.stringMatching(/^find out who put an older ledger there/),
    });
    expect(scene.world.lostHeads).toEqual([
      { name: crl?.rollback?.head.replace('/ca/crl/', ''), content: `${lost}`, secret: false },
    ]);
    expect((await scene.crl()).crl?.rollback).toBeUndefined();
    expect(await findings(scene)).toEqual([]);
  });

  it('makes ca renew fail once after a rollback, so that cron tells somebody', async () => {
    const scene = await openScene();
    const backup = [...scene.world.lines];
    await scene.issue('billing');
    await scene.revoke('billing');
    scene.world.lines = [...backup];
    const { failed, crl } = await scene.renew();
    expect(failed).toEqual([
      { code: 'ledger/rolled-back', message: crl?.rollback?.message, hint: crl?.rollback?.hint },
    ]);
    expect((await scene.renew()).failed).toEqual([]);
  });

  it('that is damaged or forged is no proof, and is replaced and kept', async () => {
    const scene = await openScene();
    await scene.crl();
    const { head = Buffer.of() } = scene.world;
    const forged = [head.subarray(1), Buffer.from(`${head}`.replace(/seq: \d+/, 'seq: 99'))];
    for (const bad of forged) {
      scene.world.head = bad;
      expect((await scene.crl()).crl?.rollback).toBeUndefined();
    }
    expect(scene.world.lostHeads).toEqual(
      forged.map((content) => ({
        name: expect.stringMatching(/^lost-[0-9a-f]{8}\.head$/),
        content,
        secret: false,
      })),
    );
    expect(await findings(scene)).toEqual([]);
  });
});
