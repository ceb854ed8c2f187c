import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type LockHolder, type LockOptions, withLock } from '../../../src/store/lock.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ca-lock-'));
  path = join(directory, 'lock');
});
afterEach(() => rmSync(directory, { recursive: true }));

const options: LockOptions = {
  what: 'the ledger',
  waitMs: 10_000,
  clock: () => new Date('2026-11-22T12:30:01Z'),
};

it('runs the work of one process one after the other', async () => {
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 8 }, () =>
      withLock(path, options, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 2));
        inside--;
      }),
    ),
  );
  expect(most).toBe(1);
});

it('frees the lock when the work throws', async () => {
  await expect(withLock(path, options, () => Promise.reject(new Error('x')))).rejects.toThrow('x');
  await expect(withLock(path, options, async () => 'free')).resolves.toBe('free');
});

it('names the holder when it gives up, and tells once that it waits', async () => {
  const told: (LockHolder | undefined)[] = [];
  await withLock(path, options, async () => {
    await expect(
      withLock(path, { ...options, waitMs: 30, onWait: (holder) => told.push(holder) }, async () => 1),
    ).rejects.toMatchObject({
      code: 'store/locked',
      message: `the ledger is locked by process ${process.pid} (since 12:30:01 UTC)`,
    });
  });
  expect(told).toMatchObject([{ pid: process.pid }]);
});

it('keeps the lock file, readable by its owner alone', async () => {
  await withLock(path, options, async () => undefined);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it.runIf(process.geteuid?.() === 0)(
  "leaves root's lock file to the directory's owner (needs root)",
  async () => {
    chownSync(directory, 12345, 12346);
    await withLock(path, options, async () => undefined);
    expect(statSync(path)).toMatchObject({ uid: 12345, gid: 12346 });
  },
);

it('makes no lock file when told so', async () => {
  await expect(withLock(path, { ...options, create: false }, async () => 1)).rejects.toMatchObject({
    code: 'store/not-found',
  });
  expect(existsSync(path)).toBe(false);
  await withLock(path, options, async () => undefined);
  await expect(withLock(path, { ...options, create: false }, async () => 1)).resolves.toBe(1);
});

it('does not write through a link that stands where the lock file should', async () => {
  const other = join(directory, 'other');
  writeFileSync(other, 'precious');
  symlinkSync(other, path);
  await expect(withLock(path, options, async () => undefined)).rejects.toMatchObject({ code: 'store/io' });
  expect(readFileSync(other, 'utf8')).toBe('precious');
});

it.runIf(process.platform === 'linux')('locks slots apart from each other', async () => {
  await withLock(path, { ...options, slots: [7, 2] }, async () => {
    await expect(withLock(path, { ...options, slots: [3] }, async () => 'apart')).resolves.toBe('apart');
    await expect(
      withLock(path, { ...options, slots: [3, 2], waitMs: 0 }, async () => 1),
    ).rejects.toMatchObject({
      code: 'store/locked',
    });
  });
});

it('is freed by the kernel when its holder is killed', async () => {
  const child = spawn(
    process.execPath,
    [
      '-e',
      `const fd = require('fs').openSync(${JSON.stringify(path)}, 'w+');
       console.log(require(${JSON.stringify(createRequire(import.meta.url).resolve('fs-native-extensions'))}).tryLock(fd));
       setInterval(() => {}, 1000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [said] = await once(child.stdout, 'data');
  expect(String(said)).toBe('true\n');
  await expect(withLock(path, { ...options, waitMs: 0 }, async () => 1)).rejects.toMatchObject({
    message: 'the ledger is locked by another process',
  });
  const waiting = withLock(path, options, async () => 'mine');
  child.kill('SIGKILL');
  await expect(waiting).resolves.toBe('mine');
});
