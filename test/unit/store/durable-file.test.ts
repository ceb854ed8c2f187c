import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Disk, realDisk } from '../../../src/store/disk.ts';
import {
  createDurably,
  replaceUnsynced,
  streamDurably,
  writeDurably,
} from '../../../src/store/durable-file.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ca-durable-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('writeDurably', () => {
  it('replaces a file whole, with exactly the mode asked for, and leaves nothing else behind', () => {
    const path = join(directory, 'ca.json');
    writeFileSync(path, 'old');
    const umask = process.umask(0o077);
    writeDurably(path, 'new', { mode: 0o644 });
    process.umask(umask);
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(readdirSync(directory)).toEqual(['ca.json']);
  });

  it.runIf(process.geteuid?.() === 0)("leaves root's files to the directory's owner (needs root)", () => {
    chownSync(directory, 12345, 12346);
    const path = join(directory, 'crl');
    writeDurably(path, 'new', { mode: 0o644 });
    expect(statSync(path)).toMatchObject({ uid: 12345, gid: 12346 });
  });

  it('writes everything when the system takes a few octets at a time', () => {
    const path = join(directory, 'key');
    const disk: Disk = { ...realDisk, writeSync: shortWrite };
    writeDurably(path, 'a private key', { mode: 0o600, disk });
    expect(readFileSync(path, 'utf8')).toBe('a private key');
  });

  it('syncs the file, renames it, then syncs the directory', () => {
    const calls: string[] = [];
    const disk: Disk = {
      ...realDisk,
      fsyncSync: (fd) => {
        calls.push(realDisk.fstatSync(fd).isDirectory() ? 'sync directory' : 'sync file');
        realDisk.fsyncSync(fd);
      },
      renameSync: (from, to) => {
        calls.push('rename');
        realDisk.renameSync(from, to);
      },
    };
    writeDurably(join(directory, 'x'), 'x', { mode: 0o600, disk });
    expect(calls).toEqual(['sync file', 'rename', 'sync directory']);
  });

  it('keeps the old content and removes its temporary file when the disk is full', () => {
    const path = join(directory, 'ca.crl');
    writeFileSync(path, 'old');
    const disk: Disk = { ...realDisk, writeSync: () => fail('ENOSPC') };
    expect(() => writeDurably(path, 'new', { mode: 0o644, disk })).toThrow(
      expect.objectContaining({
        code: 'store/disk-full',
        message: `cannot write ${path}: the disk is full`,
        hint: 'free some space, then run the same command again',
      }),
    );
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(directory)).toEqual(['ca.crl']);
  });

  it('says that a directory is missing', () => {
    expect(() => writeDurably(join(directory, 'no', 'x'), 'x', { mode: 0o600 })).toThrow(
      expect.objectContaining({ code: 'store/not-found' }),
    );
  });

  it.each([
    ['EROFS', 'store/read-only'],
    ['EACCES', 'store/permission'],
    ['EPERM', 'store/permission'],
    ['EDQUOT', 'store/disk-full'],
    ['EIO', 'store/io'],
    ['EBUSY', 'store/io'],
  ])('reports %s as %s', (name, code) => {
    const disk: Disk = { ...realDisk, openSync: () => fail(name) };
    expect(() => writeDurably(join(directory, 'x'), 'x', { mode: 0o600, disk })).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('lets a bug pass as it is', () => {
    const disk: Disk = {
      ...realDisk,
      writeSync: () => {
        throw new TypeError('bug');
      },
    };
    expect(() => writeDurably(join(directory, 'x'), 'x', { mode: 0o600, disk })).toThrow(TypeError);
  });
});

describe('streamDurably', () => {
  it.each(['writeSync', 'fsyncSync', 'linkSync', 'unlinkSync'] as const)(
    'leaves nothing when %s fails, so that the same can be asked for again',
    (name) => {
      const path = join(directory, 'backup.tar');
      const calls = name === 'fsyncSync' ? 2 : 1; // the directory's
      for (let good = 0; good < calls; good++) {
        let left = good;
        const failing = {
          ...realDisk,
          [name]: (...parameters: never[]) => {
            if (left-- === 0) throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'x' });
            return (realDisk[name] as (...parameters: never[]) => unknown)(...parameters);
          },
        } as Disk;
        const write = (disk: Disk) =>
          streamDurably(path, { mode: 0o600, disk }, (octets) => octets(Buffer.from('all of it')));
        expect(() => write(failing)).toThrow(expect.objectContaining({ code: 'store/io' }));
        expect(readdirSync(directory)).toEqual([]);
        write(realDisk);
        expect(readFileSync(path, 'utf8')).toBe('all of it');
        rmSync(path);
      }
    },
  );
});

describe('replaceUnsynced', () => {
  it('replaces a file whole without a sync, and removes what a writer that was killed has left', () => {
    const path = join(directory, 'ledger.head');
    writeFileSync(path, 'old');
    writeFileSync(join(directory, '.ledger.head.new'), 'half');
    const never = () => {
      throw new Error('nobody waits for the disk');
    };
    replaceUnsynced(path, 'new', {
      mode: 0o644,
      disk: { ...realDisk, fsyncSync: never, fdatasyncSync: never },
    });
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['new', 0o644]);
    expect(readdirSync(directory)).toEqual(['ledger.head']);
  });

  it('keeps the old content and leaves nothing else behind when the disk is full', () => {
    const path = join(directory, 'ledger.head');
    writeFileSync(path, 'old');
    const full: Disk = { ...realDisk, writeSync: () => fail('ENOSPC') };
    expect(() => replaceUnsynced(path, 'new', { mode: 0o644, disk: full })).toThrow(
      expect.objectContaining({ code: 'store/disk-full' }),
    );
    expect([readFileSync(path, 'utf8'), readdirSync(directory)]).toEqual(['old', ['ledger.head']]);
  });
});

describe('createDurably', () => {
  it('makes a file with its mode', () => {
    const path = join(directory, 'ca.key');
    createDurably(path, 'secret', { mode: 0o600 });
    expect(readFileSync(path, 'utf8')).toBe('secret');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['ca.key']);
  });

  it('never replaces a file', () => {
    const path = join(directory, 'ca.key');
    writeFileSync(path, 'precious');
    expect(() => createDurably(path, 'other', { mode: 0o600 })).toThrow(
      expect.objectContaining({
        code: 'store/occupied',
        message: `${path} exists already`,
        hint: 'move it away, or name another file',
      }),
    );
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(readdirSync(directory)).toEqual(['ca.key']);
  });

  it('never replaces a directory', () => {
    mkdirSync(join(directory, 'ca.key'));
    expect(() => createDurably(join(directory, 'ca.key'), 'x', { mode: 0o600 })).toThrow(
      expect.objectContaining({ code: 'store/occupied' }),
    );
  });
});

const shortWrite = ((fd: number, octets: Uint8Array, offset: number, length: number, position: number) =>
  realDisk.writeSync(fd, octets, offset, Math.min(length, 3), position)) as Disk['writeSync'];

function fail(code: string): never {
  throw Object.assign(new Error(code), { code, syscall: 'write' });
}
