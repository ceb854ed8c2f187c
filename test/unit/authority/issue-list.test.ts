import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type IssueLine, type IssueListResult, issueList } from '../../../src/authority/issue-list.ts';
import type { LineFault } from '../../../src/core/ca-error.ts';
import { parseClientName } from '../../../src/core/client-name.ts';
import { parseSerial } from '../../../src/core/serial.ts';
import { handmadeCsr } from '../../support/handmade-csr.ts';
import { diskFull } from '../../support/memory-ports.ts';
import { openScene, refusalIn, type Scene } from './scene.ts';

type Wish = Partial<IssueLine['request']>;

function run(
  scene: Scene,
  wishes: Readonly<Record<string, Wish>>,
  options: { dryRun?: boolean; faults?: readonly LineFault[] } = {},
): Promise<IssueListResult> {
  const lines = Object.entries(wishes).map(([client, wish], index) => ({
    line: index + 2,
    request: { client: parseClientName(client), ...wish },
  }));
  const list = { lines, faults: options.faults ?? [] };
  return issueList(list, { dryRun: options.dryRun === true }, scene.settings, scene.world.ports);
}

async function faultsIn(work: Promise<unknown>): Promise<string[]> {
  const { code, faults } = await refusalIn(work);
  expect(code).toBe('core/invalid-list');
  return faults.map(({ line, name, code: each }) => `${line} ${name}: ${each}`);
}

const names = (clients: readonly { readonly client: string }[]) => clients.map(({ client }) => client);

describe('issueList', () => {
  it('gives every client its certificate, recorded as one group before any file appears', async () => {
    const scene = await openScene();
    const dns = [{ type: 'dns', value: 'a.example' }] as const;
    const before = scene.world.lines.length;
    const { issued, delivered, skipped, failed } = await run(scene, {
      north: { subjectAltNames: dns },
      south: { validity: '30d', csr: handmadeCsr() },
    });
    expect(issued).toMatchObject([
      { client: 'north', files: { privateKey: '/ca/clients/north/north.key' } },
      { client: 'south', notAfter: new Date('2026-12-22T09:30:00Z') },
    ]);
    expect(issued[1]?.files).not.toHaveProperty('privateKey');
    expect([delivered, skipped, failed]).toEqual([[], [], []]);
    expect(scene.inPlace('north').subjectAltName).toBe('DNS:a.example');
    expect(scene.world.state.head.seq - before).toBe(6);
    expect(scene.world.lines.slice(before).map((line) => JSON.parse(`${line}`).type)).toEqual([
      'client-added',
      'issued',
      'client-added',
      'issued',
      'delivered',
      'delivered',
    ]);
  });

  it('names each bad request of more than are read at once by its line, and does nothing', async () => {
    const scene = await openScene();
    const before = scene.world.lines.length;
    const wishes = Array.from({ length: 300 }, (_, index): Wish => {
      const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const isForged = [0, 140, 141, 299].includes(index);
      return { csr: handmadeCsr(isForged ? { key, signature: new Uint8Array(70) } : { key }) };
    });
    wishes[142] = { csr: Buffer.from('garbage') };
    wishes[143] = {};
    const clients = Object.fromEntries(wishes.map((wish, index) => [`client-${index}`, wish]));
    expect(await faultsIn(run(scene, clients))).toEqual([
      '2 client-0: x509/bad-signature',
      '142 client-140: x509/bad-signature',
      '143 client-141: x509/bad-signature',
      '144 client-142: x509/malformed-csr',
      '301 client-299: x509/bad-signature',
    ]);
    expect(scene.world.lines.length).toBe(before);
    expect(scene.world.deliveries.size).toBe(0);
  });

  it('does only what is missing when it is run again', async () => {
    const scene = await openScene();
    const csr = handmadeCsr();
    await run(scene, { north: {}, south: { csr } });
    const { issued, skipped } = await run(scene, { north: {}, south: { csr }, west: { validity: '30d' } });
    expect(names(issued)).toEqual(['west']);
    expect(skipped).toMatchObject([
      { client: 'north', why: 'it has a certificate until 2027-02-20' },
      { client: 'south' },
    ]);
    const head = scene.world.state.head.seq;
    expect((await run(scene, { north: {}, south: { csr }, west: { validity: '30d' } })).issued).toEqual([]);
    expect(scene.world.state.head.seq).toBe(head);
  });

  it('asks for no passphrase when nothing is missing', async () => {
    const scene = await openScene({ encryptKeys: true });
    await run(scene, { north: {} });
    scene.world.passphraseAsked.length = 0;
    await run(scene, { north: {} });
    expect(scene.world.passphraseAsked).toEqual([]);
  });

  it('delivers what an earlier run recorded and did not deliver', async () => {
    const scene = await openScene();
    scene.world.fail('deliver', diskFull);
    const first = await run(scene, { north: {}, south: {} });
    expect(first.failed).toMatchObject([{ client: 'north', code: 'store/disk-full' }]);
    expect(names(first.issued)).toEqual(['south']);
    const second = await run(scene, { north: {}, south: {} });
    expect(second).toMatchObject({ issued: [], delivered: [{ client: 'north' }], failed: [] });
    expect(names(second.skipped)).toEqual(['south']);
    expect(scene.inPlace('north').subject).toBe('CN=north');
  });

  it('issues anew to a client whose certificate has expired', async () => {
    const scene = await openScene();
    await run(scene, { north: { validity: '30d' } });
    scene.days(31);
    expect(names((await run(scene, { north: { validity: '30d' } })).issued)).toEqual(['north']);
  });

  it('names every bad line, in order, before the first signature', async () => {
    const scene = await openScene({ permitDns: ['example.com'] });
    await scene.issue('east');
    await scene.issue('gone');
    await scene.revoke('gone');
    await scene.issue('printed', { delivery: { kind: 'stdout' }, validity: '1d' });
    const stolen = handmadeCsr();
    await scene.issue('thief', { csr: stolen });
    await scene.revoke('thief', { reason: 'keyCompromise' });
    scene.days(2);
    const { lines } = scene.world;
    const before = lines.length;
    const work = run(
      scene,
      {
        north: {},
        south: { profile: 'nobody' },
        west: { profile: 'server' },
        east: { validity: '30d' },
        EAST: {},
        gone: {},
        printed: {},
        long: { validity: '20y' },
        outside: { subjectAltNames: [{ type: 'dns', value: 'evil.example' }] },
        broken: { csr: Buffer.from('garbage') },
        barred: { csr: stolen },
        twoIds: {
          subjectAltNames: [
            { type: 'uri', value: 'spiffe://a.example/b' },
            { type: 'uri', value: 'spiffe://a.example/c' },
          ],
        },
      },
      { faults: [{ line: 1, name: 'x y', code: 'core/invalid-client-name', message: 'bad' }] },
    );
    expect(await faultsIn(work)).toEqual([
      '1 x y: core/invalid-client-name',
      '3 south: authority/unknown-profile',
      '4 west: authority/san-required',
      '5 east: authority/client-exists',
      '6 EAST: authority/client-name-collision',
      '7 gone: authority/client-revoked',
      '8 printed: core/invalid-list',
      '9 long: authority/validity-exceeds-issuer',
      '10 outside: authority/name-not-permitted',
      '11 broken: x509/malformed-csr',
      '12 barred: authority/key-barred',
      '13 twoIds: core/invalid-san',
    ]);
    expect(scene.world.lines.length).toBe(before);
    expect(scene.world.deliveries.has('/ca/clients/north')).toBe(false);
  });

  it('names every line whose certificate the linter would refuse', async () => {
    const scene = await openScene();
    Object.assign(scene.settings.crl, { urls: ['ldap://acme.example/crl'] });
    const wishes = { north: {}, south: {}, west: { validity: '30d' }, csr: { csr: handmadeCsr() } };
    const faults = await faultsIn(run(scene, wishes));
    expect(faults).toEqual(['2 north', '3 south', '4 west', '5 csr'].map((line) => `${line}: lint/refused`));
  });

  it('names the lines whose names alone the linter would refuse', async () => {
    const scene = await openScene({ permitDns: ['acme.example'] });
    const faults = await faultsIn(run(scene, { 'a.acme.example': {}, 'b.other.example': {} }));
    expect(faults).toEqual(['3 b.other.example: lint/refused']);
  });

  it('names a client that is called as the CA is, also behind others of its kind', async () => {
    const scene = await openScene({ name: 'T' });
    const faults = await faultsIn(run(scene, { north: {}, T: {}, south: { subject: 'CN=T' } }));
    expect(faults).toEqual(['3 T: lint/refused', '4 south: lint/refused']);
    expect(scene.world.entries('issued')).toEqual([]);
  });

  it('decides anew what it decided too long ago', async () => {
    const scene = await openScene();
    const { ports } = scene.world;
    const { exclusively } = ports.deliveries;
    Object.assign(ports.deliveries, {
      exclusively: (...args: Parameters<typeof exclusively>) => {
        scene.world.now = new Date(scene.world.now.getTime() + 3_600_000);
        return exclusively(...args);
      },
    });
    const { issued } = await run(scene, { north: { validity: '30d' } });
    expect(issued[0]?.notAfter).toEqual(new Date('2026-12-22T10:30:00Z'));
  });

  it('says what differs from the certificate that a client has', async () => {
    const scene = await openScene();
    await scene.issue('north', { validity: '30d' });
    await scene.issue('south', { csr: handmadeCsr() });
    const { faults } = await refusalIn(
      run(scene, {
        north: { profile: 'peer', subjectAltNames: [{ type: 'dns', value: 'n.example' }], validity: '31d' },
        south: { csr: handmadeCsr({ key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }) },
      }),
    );
    expect(faults.map(({ message }) => message.replace(/: [0-9a-f]{32}$/, ''))).toEqual([
      'north has a certificate until 2026-12-22 with another profile, names, validity',
      'south has a certificate until 2027-02-20 with another key',
    ]);
  });

  it('refuses a place that cannot be written to', async () => {
    const scene = await openScene();
    scene.world.fail('checkDelivery', diskFull);
    expect(await faultsIn(run(scene, { north: {}, south: {} }))).toEqual(['2 north: store/disk-full']);
  });

  it('goes on with the others when a key cannot be staged', async () => {
    const scene = await openScene();
    scene.world.fail('stage', diskFull);
    const { issued, failed } = await run(scene, { north: {}, south: {} });
    expect(failed).toMatchObject([{ client: 'north', code: 'store/disk-full' }]);
    expect(names(issued)).toEqual(['south']);
    expect(scene.world.state.head.seq).toBe(scene.world.lines.length);
  });

  it('keeps no key of a group that could not be recorded, and hands nothing out', async () => {
    const scene = await openScene();
    scene.world.fail('append', diskFull);
    const { issued, failed } = await run(scene, { north: {}, south: {} });
    expect(issued).toEqual([]);
    expect(names(failed.map(({ client = '' }) => ({ client })))).toEqual(['north', 'south']);
    expect(scene.world.delivery('north').keys.size + scene.world.delivery('south').keys.size).toBe(0);
  });

  it('leaves a client alone to whom another process was faster', async () => {
    const scene = await openScene();
    scene.world.overtake = async () => {
      scene.world.overtake = undefined;
      await scene.world.ports.ledger.transact(async (transaction) => {
        await transaction.append([
          {
            type: 'client-added',
            client: parseClientName('north'),
            policy: { profile: 'client', subjectAltNames: [], key: 'p256', delivery: { kind: 'home' } },
          },
          {
            type: 'issued',
            client: parseClientName('north'),
            serial: parseSerial('0a1b2c3d4e5f'),
            notBefore: new Date('2026-11-22T09:25:00Z'),
            notAfter: new Date('2027-02-20T09:30:00Z'),
            key: 'a'.repeat(64),
            profile: 'client',
            subject: 'CN=north',
            certificate: 'AAAA',
          },
          { type: 'delivered', client: parseClientName('north'), serial: parseSerial('0a1b2c3d4e5f') },
        ]);
      });
    };
    const { issued, skipped } = await run(scene, { north: {}, south: {} });
    expect(names(issued)).toEqual(['south']);
    expect(skipped).toMatchObject([
      { client: 'north', why: 'another process gave it a certificate meanwhile' },
    ]);
    expect(scene.world.delivery('north').keys.size).toBe(0);
  });

  it('delivers what another process recorded before it died, while this one waited for it', async () => {
    const scene = await openScene();
    scene.world.fail('deliver');
    const { exclusively } = scene.world.ports.deliveries;
    let first = true;
    const waiting = {
      ...scene.world.ports,
      deliveries: {
        ...scene.world.ports.deliveries,
        exclusively: (async (clients, work) => {
          if (first) {
            first = false;
            await run(scene, { north: {} });
          }
          return exclusively(clients, work);
        }) as typeof exclusively,
      },
    };
    const lines = [{ line: 2, request: { client: parseClientName('north') } }];
    const result = await issueList({ lines, faults: [] }, { dryRun: false }, scene.settings, waiting);
    expect(result).toMatchObject({ issued: [], delivered: [{ client: 'north' }], skipped: [], failed: [] });
    expect(scene.inPlace('north').subject).toBe('CN=north');
  });

  it('issues anew where the key of what was recorded and not delivered is lost', async () => {
    const scene = await openScene();
    scene.world.fail('deliver');
    const { failed } = await run(scene, { north: {} });
    scene.world.deliveries.clear();
    const { issued, delivered } = await run(scene, { north: {} });
    expect(issued).toMatchObject([{ client: 'north', supersedes: failed[0]?.serial }]);
    expect(delivered).toEqual([]);
    expect(names((await run(scene, { north: {} })).skipped)).toEqual(['north']);
  });

  it('refuses two lines whose files would have one name, or be in the way of the other', async () => {
    const scene = await openScene();
    const out = (path: string) => ({ delivery: { kind: 'directory', path } }) as const;
    const wishes = {
      a: out('/shared'),
      b: out('/shared'),
      'a-chain': out('/shared'),
      in1: out('/d/e'),
      in2: out('/d/e/in1.crt'),
      in3: out('/d/e/ca.crt'),
      outer: out('/d'),
    };
    expect(await faultsIn(run(scene, wishes))).toEqual([
      '4 a-chain: core/invalid-list',
      '6 in2: core/invalid-list',
      '7 in3: core/invalid-list',
    ]);
    const { faults } = await refusalIn(run(scene, wishes));
    expect(faults[0]?.message).toBe('line 2 takes /shared/a-chain.crt as well');
  });

  it('refuses a place that cannot be written to for what an earlier run owes, too', async () => {
    const scene = await openScene();
    scene.world.fail('deliver');
    await run(scene, { north: {} });
    scene.world.fail('checkDelivery');
    expect(await faultsIn(run(scene, { north: {} }))).toEqual(['2 north: store/disk-full']);
  });

  it('refuses two lines with one key', async () => {
    const scene = await openScene();
    const csr = handmadeCsr();
    const work = () => run(scene, { north: { csr }, south: { csr } });
    expect(await faultsIn(work())).toEqual(['3 south: core/invalid-list']);
    await run(scene, { north: { csr } });
    expect(await faultsIn(work())).toEqual(['3 south: core/invalid-list']);
  });

  it('tells one end of each client when the deliveries cannot be recorded', async () => {
    const scene = await openScene();
    scene.world.fail('append', diskFull, 1);
    const { issued, failed } = await run(scene, { north: {}, south: {} });
    expect(issued).toEqual([]);
    expect(failed.map(({ client }) => client)).toEqual(['north', 'south']);
    expect((await run(scene, { north: {}, south: {} })).delivered).toHaveLength(2);
  });

  it('tries nothing more after a group that the disk failed as a whole, and names the others', async () => {
    const scene = await openScene();
    const wishes = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`c${i}`, {}]));
    scene.world.fail('append', diskFull);
    const { issued, failed } = await run(scene, wishes);
    expect(issued).toEqual([]);
    expect(new Set(failed.map(({ client }) => client)).size).toBe(600);
    expect(failed).toHaveLength(600);
    expect(failed[599]).toMatchObject({
      client: 'c599',
      code: 'store/disk-full',
      message: expect.stringMatching(/^not tried, since others failed: /),
    });
  });

  it('takes clients with a hook last, one at a time', async () => {
    const scene = await openScene();
    await scene.issue('hooked', { hook: 'reload', validity: '1d' });
    scene.days(2);
    const { issued } = await run(scene, { hooked: {}, north: {} });
    expect(names(issued)).toEqual(['north', 'hooked']);
    expect(scene.world.hooks.map(({ command }) => command)).toEqual(['reload', 'reload']);
  });

  it('locks and records few clients at a time whose keys take long to make, after all others', async () => {
    const scene = await openScene();
    scene.configure({ profiles: { client: { key: 'rsa2048' } } });
    const { ports } = scene.world;
    const locked: number[] = [];
    const lines = Array.from({ length: 40 }, (_, line) => ({
      line,
      request: {
        client: parseClientName(`c${line}`),
        ...(line === 5 ? { csr: handmadeCsr() } : {}),
      },
    }));
    const { issued } = await issueList({ lines, faults: [] }, { dryRun: false }, scene.settings, {
      ...ports,
      generateKey: () => ports.generateKey('p256'), // in less time
      deliveries: {
        ...ports.deliveries,
        exclusively(clients, work) {
          locked.push(clients.length);
          return ports.deliveries.exclusively(clients, work);
        },
      },
    });
    expect([issued.length, locked]).toEqual([40, [1, 32, 7]]);
  });

  it('does nothing in a dry run, and tells it', async () => {
    const scene = await openScene();
    await scene.issue('north');
    const before = scene.world.lines.length;
    const { issued, skipped } = await run(scene, { north: {}, south: {} }, { dryRun: true });
    expect(issued).toEqual([
      {
        client: 'south',
        subject: 'CN=south',
        profile: 'client',
        notBefore: new Date('2026-11-22T09:25:00Z'),
        notAfter: new Date('2027-02-20T09:30:00Z'),
        files: {},
      },
    ]);
    expect(names(skipped)).toEqual(['north']);
    expect(scene.world.lines.length).toBe(before);
  });

  it('records hundreds of clients in few groups', async () => {
    const scene = await openScene();
    const wishes = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`c${i}`, {}]));
    let groups = 0;
    const { ledger } = scene.world.ports;
    const ports = {
      ...scene.world.ports,
      ledger: {
        ...ledger,
        transact: ((work) => {
          groups++;
          return ledger.transact(work);
        }) as typeof ledger.transact,
      },
    };
    const lines = Object.keys(wishes).map((client, line) => ({
      line,
      request: { client: parseClientName(client) },
    }));
    const { issued } = await issueList({ lines, faults: [] }, { dryRun: false }, scene.settings, ports);
    expect(issued).toHaveLength(600);
    expect(groups).toBe(4);
  });
});
