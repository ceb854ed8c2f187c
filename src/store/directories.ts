import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { Disk } from './disk.ts';
import type { Owner } from './file-mode.ts';
import { allDone, groupSync, type SyncDisk } from './group-sync.ts';
import { hasErrorCode, ioError } from './io-error.ts';

/** Makes new names, renames and removals in these directories last through a power cut. Throws `store/…`. */
export async function syncDirectories(paths: Iterable<string>, disk: SyncDisk = fs): Promise<void> {
  // Windows opens no directories; its file systems journal the names themselves.
  if (process.platform === 'win32') return;
  await allDone(
    [...paths].map(async (path) => {
      try {
        await groupSync(path, disk);
      } catch (error) {
        throw ioError(error, 'sync the directory', path);
      }
    }),
  );
}

/**
 * Makes a directory and those above it that are missing, and gives those that it made, outermost first. They are on
 * disk once their parents are synced. Throws `store/occupied` if a file is in the way, and then has made nothing.
 *
 * @param mode exact permissions, whatever the umask
 * @param ownerIn the owner of what is made in that directory
 */
export function makeDirectories(
  path: string,
  mode: number,
  ownerIn: (parent: string) => Owner | undefined = () => undefined,
  disk: Disk = fs,
): string[] {
  const made: string[] = [];
  try {
    for (const missing of missingDirectories(path, disk)) {
      const owner = ownerIn(dirname(missing));
      try {
        disk.mkdirSync(missing, mode);
      } catch (error) {
        if (hasErrorCode(error, 'EEXIST') && isDirectory(missing, disk)) continue; // made by another just now
        throw error;
      }
      made.push(missing);
      setMode(missing, mode, owner, disk);
    }
    return made;
  } catch (error) {
    removeEmpty(made, disk);
    if (!hasErrorCode(error, 'EEXIST', 'ENOTDIR')) throw ioError(error, 'make the directory', path);
    throw new CaError(
      'store/occupied',
      `cannot make the directory ${printable(path)}: a file is in the way`,
      {
        cause: error,
        hint: 'name another directory',
      },
    );
  }
}

/** Makes a directory in one that was just made: like {@link makeDirectories}, and needs not look. Throws the system's error. */
export function makeDirectory(path: string, mode: number, owner: Owner | undefined, disk: Disk): void {
  disk.mkdirSync(path, mode);
  setMode(path, mode, owner, disk);
}

function setMode(path: string, mode: number, owner: Owner | undefined, disk: Disk): void {
  if (owner) giveDirectory(path, mode, owner, disk);
  else if (process.platform !== 'win32') disk.chmodSync(path, mode);
}

/** By descriptor: in a directory of somebody else's, the name may lead elsewhere by now. */
function giveDirectory(path: string, mode: number, { uid, gid }: Owner, disk: Disk): void {
  const fd = disk.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW);
  try {
    disk.fchmodSync(fd, mode);
    disk.fchownSync(fd, uid, gid);
  } finally {
    disk.closeSync(fd);
  }
}

/** Removes those of the directories that are empty, the last one first. */
export function removeEmpty(directories: readonly string[], disk: Disk = fs): void {
  for (const path of directories.toReversed()) {
    try {
      disk.rmdirSync(path);
    } catch {
      // Somebody uses it, and those above it.
    }
  }
}

function missingDirectories(path: string, disk: Disk): string[] {
  if (isDirectory(path, disk) || dirname(path) === path) return [];
  return [...missingDirectories(dirname(path), disk), path];
}

function isDirectory(path: string, disk: Disk): boolean {
  return disk.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
