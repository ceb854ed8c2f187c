import * as fs from 'node:fs';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quoteForShell } from '../../../src/store/file-mode.ts';
import { type FileSetDisk, StagedFiles, writeFiles } from '../../../src/store/file-set.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ca-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const files = [
  { name: 'a', content: 'new a', mode: 0o600 },
  { name: 'b', content: Buffer.from('new b'), mode: 0o644 },
];

describe('writeFiles', () => {
  it('replaces files whole, with exactly their modes, and leaves nothing else behind', async () => {
    writeFileSync(join(directory, 'a'), 'old a', { mode: 0o644 });
    const umask = process.umask(0o077);
    await writeFiles(directory, files).finally(() => process.umask(umask));
    expect(contents()).toEqual({ a: 'new a', b: 'new b' });
    expect(['a', 'b'].map((name) => statSync(join(directory, name)).mode & 0o777)).toEqual([0o600, 0o644]);
  });

  it.each(['writeSync', 'fsync', 'fchmodSync', 'openSync'] as const)(
    'leaves the old files, and nothing else, when %s fails',
    async (name) => {
      writeFileSync(join(directory, 'a'), 'old a');
      const failing = Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'x' });
      let calls = 0;
      const disk = new Proxy(fs, {
        get(real, property: keyof typeof fs) {
          if (property !== name) return real[property];
          return (...parameters: unknown[]) => {
            if (++calls === 1) return (real[name] as (...parameters: unknown[]) => unknown)(...parameters);
            if (name !== 'fsync') throw failing;
            return (parameters[1] as fs.NoParamCallback)(failing);
          };
        },
      });
      await expect(writeFiles(directory, files, { disk })).rejects.toMatchObject({ code: 'store/io' });
      expect(contents()).toEqual({ a: 'old a' });
    },
  );

  describe('a large file', () => {
    const large = { name: 'large', content: Buffer.alloc(1 << 20, 7), mode: 0o644 };

    /** A disk that tells what becomes of the large file, and fails to sync it. */
    function failingDisk(): { disk: FileSetDisk; calls: string[] } {
      const calls: string[] = [];
      const failing = Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'fsync' });
      const disk: FileSetDisk = { ...fs };
      disk.fsync = ((fd: number, callback: fs.NoParamCallback) => {
        calls.push('fsync');
        setTimeout(() => {
          fs.fstatSync(fd);
          calls.push('failed');
          callback(failing);
        }, 5);
      }) as typeof fs.fsync;
      disk.closeSync = (fd) => {
        calls.push('close');
        fs.closeSync(fd);
      };
      return { disk, calls };
    }

    it('is synced once, from the moment that it is written', async () => {
      const synced: number[] = [];
      const disk: FileSetDisk = { ...fs };
      disk.fsync = ((fd: number, callback: fs.NoParamCallback) => {
        synced.push(fd);
        fs.fsync(fd, callback);
      }) as typeof fs.fsync;
      const staged = new StagedFiles(directory, { disk });
      staged.add(large);
      expect(synced).toHaveLength(1);
      await staged.sync();
      staged.place(['large']);
      expect([synced.length, readdirSync(directory)]).toEqual([1, ['large']]);
    });

    it('is not put in place when its sync fails before anybody waits for it', async () => {
      const { disk } = failingDisk();
      const staged = new StagedFiles(directory, { disk });
      staged.add(large);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await expect(staged.sync()).rejects.toMatchObject({ code: 'store/io' });
      staged.discard();
      expect(readdirSync(directory)).toEqual([]);
    });

    it('is closed only when its sync is over', async () => {
      const { disk, calls } = failingDisk();
      const staged = new StagedFiles(directory, { disk });
      staged.add(large);
      staged.discard();
      expect([calls, readdirSync(directory)]).toEqual([['fsync'], []]);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(calls).toEqual(['fsync', 'failed', 'close']);
    });
  });

  it('refuses a directory that is not there', async () => {
    await expect(writeFiles(join(directory, 'gone'), files)).rejects.toMatchObject({
      code: 'store/not-found',
    });
  });

  it('leaves no temporary file when a directory is in the way', async () => {
    mkdirSync(join(directory, 'b'));
    await expect(writeFiles(directory, files)).rejects.toMatchObject({ code: 'store/io' });
    expect(readdirSync(directory).sort()).toEqual(['a', 'b']);
  });
});

it('quotes a path for a command that a person copies', () => {
  expect(quoteForShell('/home/ca/keys/root.key')).toBe('/home/ca/keys/root.key');
  expect(quoteForShell("/it's; rm -rf ~")).toBe("'/it'\\''s; rm -rf ~'");
});

function contents(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')]),
  );
}
