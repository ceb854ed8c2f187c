import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFlush } from '../../../src/store/file-system-flush.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ca-flush-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const isLinux = process.platform === 'linux';

describe.skipIf(!isLinux)('openFlush (GNU sync)', () => {
  it('flushes the file system of a directory where that can be relied upon', async ({ skip }) => {
    const flush = await openFlush(directory);
    if (!flush) return skip('no ext4, XFS or Btrfs here, or another sync');
    expect(flush.device).toBe(statSync(directory).dev);
    await flush.run();
  });

  it('tells of a flush that failed, as the system does', async ({ skip }) => {
    const flush = await openFlush(directory);
    if (!flush) return skip('no ext4, XFS or Btrfs here, or another sync');
    rmSync(directory, { recursive: true });
    await expect(flush.run()).rejects.toMatchObject({ code: 'EIO', syscall: 'syncfs' });
    // The system would tell it no second time.
    mkdirSync(directory);
    await expect(flush.run()).rejects.toMatchObject({ code: 'EIO', syscall: 'syncfs' });
  });

  it.skipIf(!existsSync('/proc/self'))('is not to be had where syncfs says nothing', async () => {
    await expect(openFlush('/proc')).resolves.toBeUndefined();
  });
});
