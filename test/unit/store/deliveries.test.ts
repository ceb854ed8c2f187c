import * as fs from 'node:fs';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Deliveries, DeliveryContents } from '../../../src/authority/ports.ts';
import { type ClientName, parseClientName } from '../../../src/core/client-name.ts';
import { parseSerial } from '../../../src/core/serial.ts';
import type { DeliveryTarget } from '../../../src/ledger/entry.ts';
import { openDeliveries } from '../../../src/store/deliveries.ts';
import type { DeliveryDisk } from '../../../src/store/deliveries-place.ts';
import { canMount, makeReadOnly, onSmallDisk } from '../../support/small-disk.ts';

let base: string;
let home: string;
let directory: string;
let target: DeliveryTarget;
let deliveries: Deliveries;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'ca-deliveries-'));
  home = join(base, 'home');
  mkdirSync(join(home, 'clients'), { recursive: true });
  mkdirSync(join(home, 'keys'));
  directory = join(base, 'out');
  target = { kind: 'directory', path: directory };
  deliveries = openHere();
});
afterEach(() => rmSync(base, { recursive: true }));

const isRoot = process.geteuid?.() === 0;
const billing = parseClientName('billing');
const [s1, s2, s3] = [parseSerial('1a01'), parseSerial('1a02'), parseSerial('1a03')];

describe('deliver', () => {
  it('gives each file a name that stays, in place by one link', async () => {
    const paths = await deliver(s1, { pkcs12: true });
    expect(paths).toEqual({
      directory,
      certificate: join(directory, 'billing.crt'),
      chain: join(directory, 'billing-chain.crt'),
      bundle: join(directory, 'billing.pem'),
      privateKey: join(directory, 'billing.key'),
      ca: join(directory, 'ca.crt'),
      pkcs12: join(directory, 'billing.p12'),
      pkcs12PasswordFile: join(directory, 'billing.p12.password'),
    });
    expect(tree(directory)).toEqual({
      '.billing': '700',
      '.billing/1a01': '700',
      '.billing/1a01/billing-chain.crt': '644 chain 1a01',
      '.billing/1a01/billing.crt': '644 certificate 1a01',
      '.billing/1a01/billing.key': '600 key 1a01',
      '.billing/1a01/billing.p12': '600 p12 1a01',
      '.billing/1a01/billing.p12.password': '600 password 1a01',
      '.billing/1a01/billing.pem': '600 bundle 1a01',
      '.billing/1a01/ca.crt': '644 root',
      '.billing/current': '-> 1a01',
      'billing-chain.crt': '-> .billing/current/billing-chain.crt',
      'billing.crt': '-> .billing/current/billing.crt',
      'billing.key': '-> .billing/current/billing.key',
      'billing.p12': '-> .billing/current/billing.p12',
      'billing.p12.password': '-> .billing/current/billing.p12.password',
      'billing.pem': '-> .billing/current/billing.pem',
      'ca.crt': '-> .billing/current/ca.crt',
    });
    expect(modeOf(directory)).toBe('700');
    expect(readFileSync(join(directory, 'billing.crt'), 'utf8')).toBe('certificate 1a01');
    await expect(deliveries.readPkcs12Password(billing, target)).resolves.toBe('password 1a01');
    await expect(deliveries.paths(billing, target)).resolves.toEqual(paths);
  });

  it('has no key files for a client that keeps its key', async () => {
    const paths = await deliveries.deliver(billing, target, s1, contentsOf(s1, { csr: true }));
    expect(Object.keys(paths).sort()).toEqual(['ca', 'certificate', 'chain', 'directory']);
    expect(readdirSync(directory).sort()).toEqual(['.billing', 'billing-chain.crt', 'billing.crt', 'ca.crt']);
  });

  it('leaves a key of the same name to a client that keeps its key', async () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'billing.key'), 'mine');
    await deliveries.check(billing, target);
    const paths = await deliveries.deliver(billing, target, s1, contentsOf(s1, { csr: true }));
    expect(paths.privateKey).toBeUndefined();
    expect(readFileSync(join(directory, 'billing.key'), 'utf8')).toBe('mine');
  });

  it('keeps the version before and removes older ones with their keys', async () => {
    for (const serial of [s1, s2, s3]) await deliver(serial);
    expect(readdirSync(join(directory, '.billing')).sort()).toEqual(['1a02', '1a03', 'current']);
    expect(readFileSync(join(directory, 'billing.pem'), 'utf8')).toBe('bundle 1a03');
  });

  it('keeps what it has staged and not yet delivered, and removes what a crash has left', async () => {
    await deliver(s1);
    await openHere().stage(billing, target, parseSerial('1aff'), 'left by a crash');
    await deliveries.stage(billing, target, s3, 'key 1a03');
    await deliver(s2);
    expect(readdirSync(join(directory, '.billing')).sort()).toEqual(['1a01', '1a02', '1a03', 'current']);
    await expect(deliveries.readKey(billing, target, s3)).resolves.toBe('key 1a03');
  });

  it('removes what a crash has left also at a first delivery', async () => {
    await openHere().stage(billing, target, parseSerial('1aff'), 'left by a crash');
    await deliver(s1);
    expect(readdirSync(join(directory, '.billing')).sort()).toEqual(['1a01', 'current']);
  });

  it('refuses a name that another client took after it was looked at', async () => {
    const other = parseClientName('billing-chain');
    const place = (client: ClientName, serial: typeof s1) =>
      deliveries.deliver(client, target, serial, contentsOf(serial));
    const [first, second] = await Promise.allSettled([place(billing, s1), place(other, s2)]);
    expect(first).toMatchObject({ value: { chain: join(directory, 'billing-chain.crt') } });
    expect(second).toMatchObject({ reason: { code: 'store/occupied' } });
    expect(readFileSync(join(directory, 'billing-chain.crt'), 'utf8')).toBe('chain 1a01');
    expect(existsSync(join(directory, 'billing-chain.key'))).toBe(false);
  });

  it('refuses a name that another process takes in the very moment', async () => {
    const taken = join(directory, 'billing.key');
    const disk: DeliveryDisk = {
      ...fs,
      symlinkSync: (to, path) => {
        if (path === taken) fs.writeFileSync(taken, 'of somebody else');
        fs.symlinkSync(to, path);
      },
    };
    const work = openHere(disk).deliver(billing, target, s1, contentsOf(s1));
    await expect(work).rejects.toMatchObject({ code: 'store/occupied' });
    expect(readFileSync(taken, 'utf8')).toBe('of somebody else');
  });

  it('is harmless when repeated, and touches nothing', async () => {
    await deliver(s1);
    await deliver(s2);
    const before = tree(directory);
    const inode = statSync(join(directory, 'billing.key')).ino;
    await deliveries.deliver(billing, target, s2, contentsOf(s2));
    expect(tree(directory)).toEqual(before);
    expect(statSync(join(directory, 'billing.key')).ino).toBe(inode);
  });

  it('makes anew what was lost or spoilt', async () => {
    await deliver(s1);
    const before = tree(directory);
    rmSync(join(directory, 'billing.crt'));
    rmSync(join(directory, '.billing', 'current'));
    rmSync(join(directory, '.billing', s1, 'billing-chain.crt'));
    writeFileSync(join(directory, '.billing', s1, 'billing.pem'), 'half a bun');
    writeFileSync(join(directory, '.billing', s1, '.billing.pem.1234.tmp'), 'left');
    await deliveries.deliver(billing, target, s1, contentsOf(s1));
    expect(tree(directory)).toEqual(before);
  });

  it('takes the names away of files that the new version does not have', async () => {
    await deliver(s1, { pkcs12: true });
    const paths = await deliver(s2);
    expect(paths.pkcs12).toBeUndefined();
    expect(readdirSync(directory).filter((name) => name.includes('p12'))).toEqual([]);
    await expect(deliveries.readPkcs12Password(billing, target)).resolves.toBeUndefined();
  });

  it('delivers to clients/<client> in the home directory when no place was named', async () => {
    await deliveries.check(billing, { kind: 'home' });
    await deliveries.stage(billing, { kind: 'home' }, s1, 'key 1a01');
    const { certificate } = await deliveries.deliver(billing, { kind: 'home' }, s1, contentsOf(s1));
    expect(certificate).toBe(join(home, 'clients', 'billing', 'billing.crt'));
    expect(readFileSync(certificate, 'utf8')).toBe('certificate 1a01');
  });

  it('lets clients share a directory and the root in it', async () => {
    const acme = parseClientName('acme');
    await deliver(s1);
    await deliveries.deliver(acme, target, s2, contentsOf(s2, { csr: true }));
    expect(readlinkSync(join(directory, 'ca.crt'))).toBe('.billing/current/ca.crt');
    expect((await deliveries.paths(acme, target))?.ca).toBe(join(directory, 'ca.crt'));
    rmSync(join(directory, '.billing'), { recursive: true });
    await deliveries.deliver(acme, target, s2, contentsOf(s2, { csr: true }));
    expect(readFileSync(join(directory, 'ca.crt'), 'utf8')).toBe('root');
  });

  it('is as open as the directory around it, but for the secrets', async () => {
    mkdirSync(directory);
    chmodSync(directory, 0o755);
    await deliver(s1);
    const modes = ['.billing', '.billing/1a01', '.billing/1a01/billing.crt', '.billing/1a01/billing.key'];
    expect(modes.map((name) => modeOf(join(directory, name)))).toEqual(['755', '755', '644', '600']);
    expect(modeOf(directory)).toBe('755');
  });

  it.runIf(isRoot)('gives all to the owner of the directory when root delivers (needs root)', async () => {
    mkdirSync(directory);
    chownSync(directory, 12345, 12346);
    await deliver(s1);
    for (const name of [
      '.billing',
      '.billing/1a01',
      '.billing/1a01/billing.key',
      '.billing/1a01/billing.crt',
    ]) {
      expect(statSync(join(directory, name))).toMatchObject({ uid: 12345, gid: 12346 });
    }
  });
});

describe('paths', () => {
  it.each(['.', '.billing', '.billing/current', 'billing.crt', 'billing-chain.crt', 'ca.crt'])(
    'gives nothing once %s is removed',
    async (name) => {
      await deliver(s1);
      rmSync(join(directory, name), { recursive: true });
      await expect(deliveries.paths(billing, target)).resolves.toBeUndefined();
    },
  );

  it.each([
    ['privateKey', 'billing.key'],
    ['bundle', 'billing.pem'],
    ['pkcs12', 'billing.p12'],
  ] as const)('leaves out %s once its name or its file is removed', async (file, name) => {
    for (const lost of [name, `.billing/${s1}/${name}`]) {
      const { [file]: path, ...rest } = await deliver(s1, { pkcs12: true });
      expect(path).toBe(join(directory, name));
      rmSync(join(directory, lost));
      await expect(deliveries.paths(billing, target)).resolves.toEqual(rest);
    }
  });
});

describe('a power cut', () => {
  it('finds the whole version on disk, with its names, before it is in place', async () => {
    const { disk, log } = loggingDisk();
    await openHere(disk).deliver(billing, target, s1, contentsOf(s1));
    const version = join(directory, '.billing', s1);
    const switched = log.indexOf(`linked ${join(directory, '.billing', 'current')}`);
    const before = log.slice(0, switched);
    for (const name of ['billing.crt', 'billing-chain.crt', 'billing.key', 'billing.pem', 'ca.crt']) {
      expect(before.filter((line) => line === `synced ${join(version, name)}`)).toHaveLength(1);
      expect(before.lastIndexOf(`synced ${directory}`)).toBeGreaterThan(
        before.indexOf(`linked ${join(directory, name)}`),
      );
    }
    expect(before).toContain(`synced ${version}`);
    expect(before).toContain(`synced ${join(directory, '.billing')}`);
    expect(before).toContain(`synced ${base}`);
    expect(log.slice(switched)).toContain(`synced ${join(directory, '.billing')}`);
  });

  it('finds a staged key on disk', async () => {
    const { disk, log } = loggingDisk();
    await openHere(disk).stage(billing, target, s1, 'key');
    const version = join(directory, '.billing', s1);
    for (const path of [
      join(version, 'billing.key'),
      version,
      join(directory, '.billing'),
      directory,
      base,
    ]) {
      expect(log).toContain(`synced ${path}`);
    }
  });
});

describe('a crash at any step of a delivery', () => {
  it('shows a reader the version before until it shows the new one whole', async () => {
    await deliver(s1, { pkcs12: true });
    const steps = await crashAtEachStep(
      async (crashing) => {
        await crashing.check(billing, target);
        await crashing.stage(billing, target, s2, 'key 1a02');
        await crashing.deliver(billing, target, s2, contentsOf(s2));
      },
      (step) => {
        const seen = versionSeen();
        expect(seen, `at step ${step}`).toMatch(/^1a0[12]$/);
      },
    );
    expect(steps).toBeGreaterThan(20);
  });

  it('shows nothing of a first version until it shows it whole', async () => {
    const steps = await crashAtEachStep(
      async (crashing) => {
        await crashing.stage(billing, target, s1, 'key 1a01');
        await crashing.deliver(billing, target, s1, contentsOf(s1));
      },
      (step) => {
        expect(['nothing', '1a01'], `at step ${step}`).toContain(versionSeen());
      },
    );
    expect(steps).toBeGreaterThan(20);
  });

  it('is mended by delivering again', async () => {
    await deliver(s1, { pkcs12: true });
    await crashAtEachStep(
      async (crashing) => {
        await crashing.stage(billing, target, s2, 'key 1a02');
        await crashing.deliver(billing, target, s2, contentsOf(s2));
      },
      async (step) => {
        if ((await deliveries.readKey(billing, target, s2)) !== 'key 1a02') return;
        await deliveries.deliver(billing, target, s2, contentsOf(s2));
        expect(versionSeen(), `at step ${step}`).toBe('1a02');
        expect(readdirSync(directory).filter((name) => name.includes('p12') || name.includes('tmp'))).toEqual(
          [],
        );
      },
    );
  });

  /** Runs the work on fresh copies of what there is, each time with a disk that dies one change later. */
  async function crashAtEachStep(
    work: (crashing: Deliveries) => Promise<unknown>,
    look: (step: number) => unknown,
  ): Promise<number> {
    const before = join(base, 'before');
    fs.cpSync(existsSync(directory) ? directory : fs.mkdtempSync(join(base, 'empty-')), before, {
      recursive: true,
      verbatimSymlinks: true,
    });
    for (let step = 0; ; step++) {
      rmSync(directory, { recursive: true, force: true });
      fs.cpSync(before, directory, { recursive: true, verbatimSymlinks: true });
      const { disk, hasDied } = dyingDisk(step);
      const outcome = await work(openHere(disk)).catch((error: unknown) => error);
      if (!hasDied()) return step;
      expect(outcome).toBeInstanceOf(Error);
      await look(step);
    }
  }

  /** The serial of the version that a reader of the stable names sees. Throws when it sees two. */
  function versionSeen(): string {
    const names = ['billing.crt', 'billing-chain.crt', 'billing.key', 'billing.pem'];
    const contents = names.map((name) => {
      const path = join(directory, name);
      return existsSync(path) ? readFileSync(path, 'utf8').split(' ')[1] : 'nothing';
    });
    expect(new Set(contents).size, `mixed: ${contents}`).toBe(1);
    return contents[0] ?? 'nothing';
  }
});

describe('check', () => {
  it('takes a place that is not there yet, and makes nothing', async () => {
    await deliveries.check(billing, { kind: 'directory', path: join(directory, 'a', 'b') });
    expect(existsSync(directory)).toBe(false);
  });

  it.each(['billing.crt', 'billing-chain.crt', 'ca.crt'])(
    'refuses a file in the place of %s',
    async (name) => {
      mkdirSync(directory);
      writeFileSync(join(directory, name), 'precious');
      await expect(deliveries.check(billing, target)).rejects.toMatchObject({
        code: 'store/occupied',
        message: `${join(directory, name)} exists already and is not ours`,
        hint: 'move it away, or name another directory with ca issue --out',
      });
    },
  );

  it.each(['billing.crt', 'billing-chain.crt', 'ca.crt', 'billing.key', 'billing.pem'])(
    'refuses a file in the place of %s also where a key is staged, which then is not',
    async (name) => {
      mkdirSync(directory);
      writeFileSync(join(directory, name), 'precious');
      await expect(deliveries.stage(billing, target, s1, 'a key')).rejects.toMatchObject({
        code: 'store/occupied',
      });
      expect(readdirSync(directory)).toEqual([name]);
    },
  );

  it('tells what would be taken, by its true path', async () => {
    mkdirSync(directory);
    symlinkSync(directory, join(base, 'link'));
    const place = { kind: 'directory', path: join(base, 'link', 'deep') } as const;
    const claims = await deliveries.check(billing, place);
    const real = fs.realpathSync(directory);
    expect(claims).toContainEqual({ path: join(real, 'deep', 'billing-chain.crt'), as: 'own' });
    expect(claims).toContainEqual({ path: join(real, 'deep', 'ca.crt'), as: 'root' });
    expect(claims.filter(({ as }) => as === 'directory').map(({ path }) => path)).toContain(real);
    await expect(deliveries.check(billing, { kind: 'home' })).resolves.toEqual([
      { path: join(fs.realpathSync(home), 'clients', 'billing'), as: 'own' },
    ]);
  });

  it('refuses a directory and a link of somebody else in the place of a file', async () => {
    mkdirSync(join(directory, 'billing.crt'), { recursive: true });
    await expect(deliveries.check(billing, target)).rejects.toMatchObject({ code: 'store/occupied' });
    rmSync(join(directory, 'billing.crt'), { recursive: true });
    symlinkSync('/etc/passwd', join(directory, 'billing.crt'));
    await expect(deliveries.check(billing, target)).rejects.toMatchObject({ code: 'store/occupied' });
  });

  it("refuses a client whose certificate would have the name of another's chain", async () => {
    await deliver(s1);
    await expect(deliveries.check(parseClientName('billing-chain'), target)).rejects.toMatchObject({
      code: 'store/occupied',
      message: `${join(directory, 'billing-chain.crt')} exists already and is not ours`,
    });
  });

  it.each(['ca', 'CA', 'Ca'])(
    'refuses the client name %s, whose certificate would be ca.crt',
    async (name) => {
      await expect(deliveries.check(parseClientName(name), target)).rejects.toMatchObject({
        code: 'core/invalid-client-name',
      });
    },
  );

  it('refuses a file, a place below a file, and a link to nowhere', async () => {
    writeFileSync(directory, '');
    await expect(deliveries.check(billing, target)).rejects.toMatchObject({
      code: 'store/occupied',
      message: `${directory} is not a directory`,
    });
    const below: DeliveryTarget = { kind: 'directory', path: join(directory, 'x', 'y') };
    await expect(deliveries.check(billing, below)).rejects.toMatchObject({ code: 'store/occupied' });
    rmSync(directory);
    symlinkSync(join(base, 'nowhere'), directory);
    await expect(deliveries.check(billing, target)).rejects.toMatchObject({ code: 'store/occupied' });
  });

  it('takes a link to a directory', async () => {
    mkdirSync(join(base, 'real'));
    symlinkSync(join(base, 'real'), directory);
    await deliveries.check(billing, target);
    await deliver(s1);
    expect(existsSync(join(base, 'real', 'billing.crt'))).toBe(true);
  });

  it.each(['', 'keys', 'ledger/x', 'clients', 'crl'])(
    "refuses the authority's own directory: home/%s",
    async (name) => {
      const path = join(home, name);
      await expect(deliveries.check(billing, { kind: 'directory', path })).rejects.toMatchObject({
        code: 'store/occupied',
        message: `${path} is inside the authority's own directory`,
      });
    },
  );

  it("refuses a way around into the authority's own directory", async () => {
    symlinkSync(join(home, 'keys'), directory);
    await expect(deliveries.check(billing, target)).rejects.toMatchObject({ code: 'store/occupied' });
  });

  it("refuses a link in the place of the client's hidden directory, or of a version", async () => {
    mkdirSync(directory);
    symlinkSync(home, join(directory, '.billing'));
    await expect(deliveries.check(billing, target)).rejects.toMatchObject({
      code: 'store/occupied',
      message: `${join(directory, '.billing')} is not a directory of ours`,
    });
    rmSync(join(directory, '.billing'));
    mkdirSync(join(directory, '.billing'));
    symlinkSync(home, join(directory, '.billing', '1a02'));
    await expect(deliveries.stage(billing, target, s2, 'key')).rejects.toMatchObject({
      code: 'store/occupied',
    });
    await expect(deliveries.deliver(billing, target, s2, contentsOf(s2))).rejects.toMatchObject({
      code: 'store/occupied',
    });
    await expect(deliveries.discard(billing, target, s2)).rejects.toMatchObject({ code: 'store/occupied' });
    expect(readdirSync(home).sort()).toEqual(['clients', 'keys']);
  });

  it('refuses a current that is not a link to a version', async () => {
    await deliver(s1);
    const current = join(directory, '.billing', 'current');
    rmSync(current);
    symlinkSync('../../home', current);
    await expect(deliveries.check(billing, target)).rejects.toMatchObject({ code: 'store/occupied' });
    await expect(deliveries.readPkcs12Password(billing, target)).resolves.toBeUndefined();
  });

  it.runIf(isRoot)("refuses a hidden directory that is another user's (needs root)", async () => {
    mkdirSync(join(directory, '.billing'), { recursive: true });
    chownSync(join(directory, '.billing'), 12345, 12346);
    await expect(deliveries.check(billing, target)).rejects.toMatchObject({
      code: 'store/occupied',
      message: `${join(directory, '.billing')} belongs to another user`,
    });
  });

  it.skipIf(isRoot)('refuses a directory where it may not write (needs a user other than root)', async () => {
    mkdirSync(directory, { mode: 0o500 });
    await expect(deliveries.check(billing, target)).rejects.toMatchObject({ code: 'store/permission' });
  });

  it.runIf(canMount)('refuses a read-only disk (needs mount)', async () => {
    mkdirSync(directory);
    await onSmallDisk(directory, async () => {
      makeReadOnly(directory);
      await expect(deliveries.check(billing, target)).rejects.toMatchObject({ code: 'store/read-only' });
    });
  });

  it('has no place on standard output', async () => {
    await expect(deliveries.check(billing, { kind: 'stdout' })).rejects.toThrow(
      'standard output has no files',
    );
  });

  it.each(['../x', 'a/b', '', '.', '..', '.x', '/etc'])('trusts no client name: %j', async (name) => {
    await expect(deliveries.check(name as ClientName, target)).rejects.toThrow('is not a file name');
  });
});

describe('stage', () => {
  it('puts the key on disk where the delivery will be, and nothing in place', async () => {
    await deliveries.stage(billing, target, s1, 'key');
    const room = statSync(join(directory, '.billing/1a01/.room'));
    expect([room.size, room.mode & 0o777]).toEqual([48 << 10, 0o600]);
    expect(tree(directory)).toEqual({
      '.billing': '700',
      '.billing/1a01': '700',
      '.billing/1a01/.room': expect.stringMatching(/^600 /),
      '.billing/1a01/billing.key': '600 key',
    });
    await expect(deliveries.readKey(billing, target, s1)).resolves.toBe('key');
    await expect(deliveries.readKey(billing, target, s2)).resolves.toBeUndefined();
    await expect(deliveries.paths(billing, target)).resolves.toBeUndefined();
  });

  it('gives its room to the files that are delivered, with a key or without, and after a crash', async () => {
    await deliveries.stage(billing, target, s1, undefined);
    expect(readdirSync(join(directory, '.billing', s1))).toEqual(['.room']);
    await deliveries.deliver(billing, target, s1, contentsOf(s1, { csr: true }));
    await deliveries.stage(billing, target, s2, `key ${s2}`);
    await openHere().deliver(billing, target, s2, contentsOf(s2));
    for (const serial of [s1, s2])
      expect(readdirSync(join(directory, '.billing', serial))).not.toContain('.room');
  });

  it.each(['billing.key', 'billing.pem'])(
    'refuses a file in the place of %s, before anything is signed',
    async (name) => {
      mkdirSync(directory);
      writeFileSync(join(directory, name), 'precious');
      await expect(deliveries.stage(billing, target, s1, 'key')).rejects.toMatchObject({
        code: 'store/occupied',
      });
      expect(readdirSync(directory)).toEqual([name]);
    },
  );

  it('leaves nothing when the disk is full', async () => {
    const full: DeliveryDisk = {
      ...fs,
      writeSync: () => {
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
      },
    };
    await expect(openHere(full).stage(billing, target, s1, 'key')).rejects.toMatchObject({
      code: 'store/disk-full',
    });
    expect(existsSync(directory)).toBe(false);
  });
});

describe('discard', () => {
  it('removes a staged version and what was made for it', async () => {
    await deliveries.stage(billing, { kind: 'home' }, s1, 'key');
    await deliveries.discard(billing, { kind: 'home' }, s1);
    expect(readdirSync(join(home, 'clients'))).toEqual([]);
  });

  it('leaves what is in place', async () => {
    await deliver(s1);
    const before = tree(directory);
    await deliveries.stage(billing, target, s2, 'key');
    await deliveries.discard(billing, target, s2);
    await deliveries.discard(billing, target, s3);
    expect(tree(directory)).toEqual(before);
    await expect(deliveries.discard(billing, target, s1)).rejects.toThrow('is in place');
  });
});

describe('exclusively', () => {
  it('runs the work of one client one after the other', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 2));
      inside--;
    };
    const names = [['billing', 'acme'], ['acme'], ['acme', 'billing'], ['billing', 'acme']];
    await Promise.all(
      names.map((each) =>
        openHere()
          .exclusively(each.map(parseClientName), work)
          .then(() => undefined),
      ),
    );
    expect(most).toBe(1);
  });

  it.runIf(process.platform === 'linux')('lets other clients through, and gives the result', async () => {
    await deliveries.exclusively([billing], async () => {
      await expect(openHere().exclusively([parseClientName('acme')], async () => 'through')).resolves.toBe(
        'through',
      );
    });
  });

  it('names who holds it when it gives up, whatever the case of the name', async () => {
    await deliveries.exclusively([billing], async () => {
      const impatient = openDeliveries({ homePath: home, clock, lockWaitMs: 0 });
      await expect(impatient.exclusively([parseClientName('BILLING')], async () => 1)).rejects.toMatchObject({
        code: 'store/locked',
        message: `the delivery of BILLING is locked by process ${process.pid} (since 12:00:00 UTC)`,
      });
    });
  });

  it('frees the lock when the work throws', async () => {
    await expect(deliveries.exclusively([billing], () => Promise.reject(new Error('x')))).rejects.toThrow(
      'x',
    );
    await expect(deliveries.exclusively([billing], async () => 'free')).resolves.toBe('free');
  });
});

function clock(): Date {
  return new Date('2026-11-22T12:00:00Z');
}

function openHere(disk?: DeliveryDisk): Deliveries {
  return openDeliveries({ homePath: home, clock, lockWaitMs: 10_000, ...(disk && { disk }) });
}

function contentsOf(serial: string, more: { pkcs12?: boolean; csr?: boolean } = {}): DeliveryContents {
  return {
    certificate: `certificate ${serial}`,
    chain: `chain ${serial}`,
    ca: 'root',
    ...(more.csr ? {} : { privateKey: `key ${serial}`, bundle: `bundle ${serial}` }),
    ...(more.pkcs12 ? { pkcs12: Buffer.from(`p12 ${serial}`), pkcs12Password: `password ${serial}` } : {}),
  };
}

async function deliver(serial: typeof s1, more: { pkcs12?: boolean } = {}) {
  await deliveries.stage(billing, target, serial, `key ${serial}`);
  return deliveries.deliver(billing, target, serial, contentsOf(serial, more));
}

/** A disk on which so many changes succeed, and after that nothing at all, as when the machine stops. */
function dyingDisk(changes: number): { disk: DeliveryDisk; hasDied: () => boolean } {
  let left = changes;
  let died = false;
  const changing = /^(chmod|chown|fchmod|fchown|mkdir|open|rename|rm|rmdir|symlink|unlink|write)Sync$/;
  const disk = new Proxy(fs, {
    get(real, name: keyof typeof fs) {
      const original = real[name] as (...parameters: unknown[]) => unknown;
      if (typeof original !== 'function' || name === 'closeSync' || name === 'fsync') return original;
      return (...parameters: unknown[]) => {
        if (changing.test(name) && left-- <= 0) died = true;
        if (died) throw new Error('the machine stopped');
        return original(...parameters);
      };
    },
  });
  return { disk, hasDied: () => died };
}

/** A disk that tells what it synced, renamed and linked, in that order. */
function loggingDisk(): { disk: DeliveryDisk; log: string[] } {
  const log: string[] = [];
  const opened = new Map<number, string>();
  const disk: DeliveryDisk = {
    ...fs,
    openSync: (path, ...more) => {
      const fd = fs.openSync(path, ...more);
      opened.set(fd, String(path));
      return fd;
    },
    fsync: Object.assign(
      (fd: number, done: fs.NoParamCallback) =>
        fs.fsync(fd, (error) => {
          log.push(`synced ${opened.get(fd)}`);
          done(error);
        }),
      { __promisify__: fs.fsync.__promisify__ },
    ),
    renameSync: (from, to) => {
      fs.renameSync(from, to);
      log.push(`renamed ${to}`);
    },
    symlinkSync: (to, path) => {
      fs.symlinkSync(to, path);
      log.push(`linked ${path}`);
    },
  };
  return { disk, log };
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

function tree(root: string): Record<string, string> {
  const names = (readdirSync(root, { recursive: true }) as string[]).filter(
    (name) => !/current\/./.test(name),
  );
  return Object.fromEntries(
    names.map((name) => {
      const path = join(root, name);
      const stats = lstatSync(path);
      if (stats.isSymbolicLink()) return [name, `-> ${readlinkSync(path)}`];
      return [name, stats.isDirectory() ? modeOf(path) : `${modeOf(path)} ${readFileSync(path, 'utf8')}`];
    }),
  );
}
