import * as fs from 'node:fs';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Deliveries, DeliveryToMake, VersionToStage } from '../../../src/authority/ports.ts';
import { parseClientName } from '../../../src/core/client-name.ts';
import { parseSerial } from '../../../src/core/serial.ts';
import type { DeliveryTarget } from '../../../src/ledger/entry.ts';
import { openDeliveries } from '../../../src/store/deliveries.ts';
import type { DeliveryDisk } from '../../../src/store/deliveries-place.ts';

let base: string;
let home: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'ca-together-'));
  home = join(base, 'home');
  mkdirSync(join(home, 'clients'), { recursive: true });
});
afterEach(() => rmSync(base, { recursive: true }));

const names = ['one', 'two', 'three', 'four', 'five', 'six'];
const atHome: DeliveryTarget = { kind: 'home' };

describe('many deliveries', () => {
  it('are flushed together, keys, files and the switch each before what relies on them', async () => {
    const { deliveries, log } = open();
    expect((await deliveries.stageAll(keys())).map(({ status }) => status)).toEqual(
      names.map(() => 'fulfilled'),
    );
    expect(log).toEqual([...names.map((name) => `wrote ${name}.key`), 'flushed']);
    log.length = 0;
    const made = await deliveries.deliverAll(contents());
    expect(made.map((each) => each.status === 'fulfilled' && each.value.directory)).toEqual(
      names.map((name) => join(home, 'clients', name)),
    );
    const [files, switches, rest] = log.join('\n').split('\nflushed');
    for (const name of names) {
      for (const file of [`${name}.crt`, `${name}-chain.crt`, 'ca.crt', `${name}.pem`])
        expect(files).toContain(`wrote ${file}`);
      expect(files).not.toContain('linked current');
      expect(readFileSync(join(home, 'clients', name, `${name}.pem`), 'utf8')).toBe(`bundle of ${name}`);
    }
    expect(switches?.match(/linked current/g)).toHaveLength(names.length);
    expect(rest).toBe('');
  });

  it('are synced file by file where there is no flush', async () => {
    const { deliveries, log } = open({ flush: 'none' });
    await deliveries.stageAll(keys());
    await deliveries.deliverAll(contents());
    expect(log.filter((line) => line === 'synced')).toHaveLength(names.length * 11 + 1);
  });

  it('are synced file by file on another file system than that of the home directory', async () => {
    const { deliveries, log } = open({ flush: 'other device' });
    await deliveries.stageAll(keys());
    expect(log).not.toContain('flushed');
    expect(log.filter((line) => line === 'synced').length).toBeGreaterThan(names.length);
  });

  it('leave no key behind when the flush fails', async () => {
    const { deliveries } = open({ flush: 'fails' });
    const outcomes = await deliveries.stageAll(keys());
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store/io' } });
    expect(readdirSync(join(home, 'clients'))).toEqual([]);
  });

  it('are not in place when the flush of their files fails, and are when they are made again', async () => {
    await open().deliveries.stageAll(keys());
    const { deliveries } = open({ flush: 'fails' });
    for (const outcome of await deliveries.deliverAll(contents()))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store/io' } });
    for (const name of names) expect(existsSync(join(home, 'clients', name, `${name}.crt`))).toBe(false);
    for (const outcome of await open().deliveries.deliverAll(contents()))
      expect(outcome.status).toBe('fulfilled');
  });

  it('stop none of the others when one fails', async () => {
    const { deliveries } = open();
    await deliveries.stageAll(keys());
    fs.writeFileSync(join(home, 'clients', 'two', '.two', '1a01', 'two.pem'), 'somebody was here');
    const outcomes = await deliveries.deliverAll(contents());
    expect(outcomes.map(({ status }) => status)).toEqual(
      names.map((name) => (name === 'two' ? 'rejected' : 'fulfilled')),
    );
    const [mended] = await open().deliveries.deliverAll(contents().filter(({ client }) => client === 'two'));
    expect(mended?.status).toBe('fulfilled');
    expect(readFileSync(join(home, 'clients', 'two', 'two.pem'), 'utf8')).toBe('bundle of two');
  });

  it('lead the root of a directory that clients share to one that is there', async () => {
    const target: DeliveryTarget = { kind: 'directory', path: join(base, 'shared') };
    const { deliveries } = open();
    await deliveries.stageAll(keys(target));
    const [first, ...others] = contents(target);
    // The one whose name is there first never comes.
    const outcomes = await deliveries.deliverAll(others);
    expect(outcomes.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(readFileSync(join(base, 'shared', 'ca.crt'), 'utf8')).toBe('root');
    expect(first?.client).toBe('one');
  });

  it('are made in the other thread once there are very many, and what it has staged is discarded there', async () => {
    const calls: string[] = [];
    const answer = (method: string) => async (items: readonly unknown[]) => {
      calls.push(`${method} ${items.length}`);
      return items.map(() => ({ status: 'fulfilled' as const, value: undefined as never }));
    };
    const deliveries = openDeliveries({
      ...options(),
      openThread: async () => ({
        stageAll: answer('stageAll'),
        deliverAll: answer('deliverAll'),
        discard: async (client) => {
          calls.push(`discard ${client}`);
        },
      }),
    });
    const [key] = keys();
    if (!key) throw new Error('no key');
    await deliveries.stageAll(keys());
    expect(calls).toEqual([]);
    await deliveries.stageAll(Array.from({ length: 256 }, () => key));
    await deliveries.deliverAll(contents());
    await deliveries.discard(key.client, atHome, key.serial);
    expect(calls).toEqual(['stageAll 256', 'deliverAll 6', 'discard one']);
  });

  it('are made here where no other thread is to be had', async () => {
    const deliveries = openDeliveries({ ...options(), openThread: async () => undefined });
    const many = Array.from({ length: 256 }, (_, number) => ({
      client: parseClientName(`c${number}`),
      target: atHome,
      serial: parseSerial('1a01'),
      keyPem: 'key',
    }));
    expect(new Set((await deliveries.stageAll(many)).map(({ status }) => status))).toEqual(
      new Set(['fulfilled']),
    );
    expect(readdirSync(join(home, 'clients'))).toHaveLength(256);
  });

  it.each([
    ['keys of ours', `key of ${names[0]}`, 5],
    ['keys of their own', undefined, 3],
  ])(
    'are begun only where the disk has a block for each file of all of them: %s',
    async (_, keyPem, files) => {
      const versions = keys().map((each) => ({ ...each, keyPem }));
      const wanted = names.length * files;
      const outcomes = await onDiskWith({ blocks: wanted - 1 }).stageAll(versions);
      expect(outcomes.map((each) => each.status === 'rejected' && each.reason)).toEqual(
        names.map(() =>
          expect.objectContaining({
            code: 'store/disk-full',
            message: `cannot deliver: the disk of ${join(home, 'clients')} has ${4 * (wanted - 1)} KiB left, and ${wanted} files take ${4 * wanted} KiB at least`,
          }),
        ),
      );
      expect(readdirSync(join(home, 'clients'))).toEqual([]);
      const fewNames = await onDiskWith({ blocks: wanted, files: wanted + 5 }).stageAll(versions);
      expect(fewNames.map((each) => each.status === 'rejected' && each.reason.message)).toEqual(
        names.map(() =>
          expect.stringContaining(`has room for ${wanted + 5} files left, and ${wanted + 6} are`),
        ),
      );
      const enough = onDiskWith({ blocks: wanted, files: wanted + 6 });
      const first = await enough.stageAll(versions);
      expect(first.map(({ status }) => status)).not.toContain('rejected');
      // Their files are still to be written: there is no room for others.
      const later = versions.map((each) => ({ ...each, serial: parseSerial('1a02') }));
      expect((await enough.stageAll(later)).map(({ status }) => status)).not.toContain('fulfilled');
    },
  );

  it('are begun without a look where the disk does not say what it has, or they are few: their room is taken', async () => {
    const few = await onDiskWith({ blocks: 0 }).stageAll(keys().slice(0, 4));
    expect(few.map(({ status }) => status)).not.toContain('rejected');
    const target = { kind: 'directory', path: join(base, 'far', 'away') } as const;
    const unsaid = await onDiskWith({ blocks: 0, total: 0 }).stageAll(keys(target));
    expect(unsaid.map(({ status }) => status)).not.toContain('rejected');
    const fails = openDeliveries({
      ...options(),
      disk: {
        ...fs,
        statfsSync: () => {
          throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'statfs' });
        },
      },
    });
    const unknown = await fails.stageAll(keys({ kind: 'directory', path: join(base, 'elsewhere') }));
    expect(unknown.map(({ status }) => status)).not.toContain('rejected');
  });

  it('fail alone where their place cannot be looked at, or their disk is full', async () => {
    fs.writeFileSync(join(base, 'file'), '');
    const full = join(base, 'full');
    mkdirSync(full);
    const disk: DeliveryDisk = {
      ...fs,
      statSync: ((path: string, more?: fs.StatSyncOptions) => {
        const stats = fs.statSync(path, more);
        if (stats && path.startsWith(full)) stats.dev = 1;
        return stats;
      }) as typeof fs.statSync,
      statfsSync: ((path: string) => ({
        ...fs.statfsSync(path),
        ...(path.startsWith(full) ? { bavail: 0, bfree: 0 } : {}),
      })) as typeof fs.statfsSync,
    };
    const outside = (path: string) => ({ kind: 'directory', path }) as const;
    const versions = keys().map((each, index) => {
      if (index === 1) return { ...each, target: outside(join(base, 'file', 'below')) };
      return index === 4 ? { ...each, target: outside(full) } : each;
    });
    const outcomes = await openDeliveries({ ...options(), disk }).stageAll(versions);
    expect(outcomes.map((each) => (each.status === 'rejected' ? each.reason.code : each.status))).toEqual([
      'fulfilled',
      'store/occupied',
      'fulfilled',
      'fulfilled',
      'store/disk-full',
      'fulfilled',
    ]);
  });

  it('leave no file open when the disk is full at a link', async () => {
    const open = new Set<number>();
    const disk: DeliveryDisk = {
      ...fs,
      openSync: (...args) => {
        const fd = fs.openSync(...args);
        open.add(fd);
        return fd;
      },
      closeSync: (fd) => {
        fs.closeSync(fd);
        open.delete(fd);
      },
      symlinkSync: () => {
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'symlink' });
      },
    };
    const outcomes = await openDeliveries({ ...options(), disk }).deliverAll(contents());
    expect(outcomes.map((each) => each.status === 'rejected' && each.reason.code)).toEqual(
      names.map(() => 'store/disk-full'),
    );
    expect(open.size).toBe(0);
  });
});

function keys(target = atHome): VersionToStage[] {
  return names.map((name) => ({
    client: parseClientName(name),
    target,
    serial: parseSerial('1a01'),
    keyPem: `key of ${name}`,
  }));
}

function contents(target = atHome): DeliveryToMake[] {
  return keys(target).map(({ client, serial }) => ({
    client,
    target,
    serial,
    contents: {
      certificate: `certificate of ${client}`,
      chain: `chain of ${client}`,
      ca: 'root',
      privateKey: `key of ${client}`,
      bundle: `bundle of ${client}`,
    },
  }));
}

/** Deliveries on a disk that has so many free blocks of 4 KiB, and so many names. */
function onDiskWith({
  blocks,
  files = 1000,
  total = 1000,
}: {
  blocks: number;
  files?: number;
  total?: number;
}) {
  const free = { blocks: total, bavail: blocks, bfree: blocks, bsize: 4096, files: 1000, ffree: files };
  const statfsSync = (() => free) as unknown as typeof fs.statfsSync;
  return openDeliveries({ ...options(), disk: { ...fs, statfsSync } });
}

function options() {
  return { homePath: home, clock: () => new Date('2026-11-22T12:00:00Z'), lockWaitMs: 0 };
}

/** Deliveries on a disk that tells what it wrote, linked, synced and flushed, in that order. */
function open({ flush = 'works' }: { flush?: 'works' | 'fails' | 'none' | 'other device' } = {}): {
  deliveries: Deliveries;
  log: string[];
} {
  const log: string[] = [];
  const nameOf = (path: unknown) => String(path).split('/').at(-1);
  const disk: DeliveryDisk = {
    ...fs,
    openSync: (path, flags, mode) => {
      if (flags === 'wx') log.push(`wrote ${nameOf(path)}`);
      return fs.openSync(path, flags, mode);
    },
    fsync: Object.assign(
      (fd: number, done: fs.NoParamCallback) =>
        fs.fsync(fd, (error) => {
          log.push('synced');
          done(error);
        }),
      { __promisify__: fs.fsync.__promisify__ },
    ),
    symlinkSync: (to, path) => {
      log.push(`linked ${nameOf(path)}`);
      fs.symlinkSync(to, path);
    },
  };
  const device = statSync(home).dev + (flush === 'other device' ? 1 : 0);
  const run = async () => {
    if (flush === 'fails') throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'syncfs' });
    log.push('flushed');
  };
  const deliveries = openDeliveries({
    ...options(),
    disk,
    ...(flush === 'none' ? {} : { openFlush: async () => ({ device, run }) }),
  });
  return { deliveries, log };
}
