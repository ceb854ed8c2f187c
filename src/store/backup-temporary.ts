import { closeSync, constants, fstatSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from './look-at.ts';

/** How the name of a backup ends that is being written: `.ca.tar.0a1b2c3d4e5f.backup.tmp`. */
export const backupSuffix = '.backup.tmp';

/** A backup of which nobody has written for so long is not being written, where the file system cannot say so by a lock. */
const abandonedAfterMs = 24 * 60 * 60 * 1000;

/** One that is empty has no keys in it, and may have been opened just now, and not be locked yet. */
const emptyForMs = 60 * 1000;

/**
 * Marks an open file as being written for as long as this process lives. File systems without locks, as some that are
 * mounted over a network, go without.
 */
export async function openBackupLock(): Promise<(fd: number) => void> {
  const { tryLock } = await import('fs-native-extensions');
  return (fd) => {
    try {
      tryLock(fd);
    } catch {
      // Its age has to tell, then.
    }
  };
}

/** Removes what backups into that directory have left that were killed: there are keys in it. */
export async function removeAbandoned(directory: string, now: Date): Promise<void> {
  const { tryLock } = await import('fs-native-extensions');
  for (const name of namesIn(directory)) {
    if (!/^\..+\.[0-9a-f]{12}\.backup\.tmp$/.test(name)) continue;
    const path = join(directory, name);
    try {
      const fd = openSync(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0));
      try {
        if (isAbandoned(fd, now, tryLock)) unlinkSync(path);
      } finally {
        closeSync(fd);
      }
    } catch {
      // It is somebody else's, or gone by now: it stays, and is in nobody's way.
    }
  }
}

function isAbandoned(fd: number, now: Date, tryLock: (fd: number) => boolean): boolean {
  const stats = fstatSync(fd);
  if (!stats.isFile() || stats.uid !== (process.geteuid?.() ?? stats.uid)) return false;
  const ageMs = now.getTime() - stats.mtimeMs;
  // Its own process could not lock it while we do.
  if (stats.size === 0 && ageMs < emptyForMs) return false;
  try {
    return tryLock(fd);
  } catch {
    return ageMs > abandonedAfterMs;
  }
}
