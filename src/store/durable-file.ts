import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import { type Disk, realDisk } from './disk.ts';
import { giveToOwnerOf } from './file-mode.ts';
import { hasErrorCode, ioError } from './io-error.ts';

export interface DurableOptions {
  /** Exact permissions, whatever the umask; the file never has wider ones. Ignored on Windows. */
  readonly mode: number;
  readonly disk?: Disk;
}

/**
 * Puts a file in place, replacing what is there: when it returns, the content is on disk under that name, and
 * before that, power cut or not, the name has the old content. A file that root makes belongs to the directory's
 * owner. Throws `store/…`, with the old content in place.
 */
export function writeDurably(path: string, content: string | Uint8Array, options: DurableOptions): void {
  placeDurably(path, content, options, (disk, temporary) => disk.renameSync(temporary, path));
}

/** Like {@link writeDurably}, but never replaces a file. Throws `store/occupied` if there is one. */
export function createDurably(path: string, content: string | Uint8Array, options: DurableOptions): void {
  placeDurably(path, content, options, (disk, temporary) => {
    try {
      disk.linkSync(temporary, path);
    } catch (error) {
      if (!hasErrorCode(error, 'EEXIST')) throw error;
      throw new CaError('store/occupied', `${printable(path)} exists already`, {
        cause: error,
        hint: 'move it away, or name another file',
      });
    }
    disk.unlinkSync(temporary);
  });
}

/** Makes renames, new names and removals in that directory last through a power cut. Throws `store/…`. */
export function syncDirectory(path: string, disk: Disk = realDisk): void {
  // Windows opens no directories; its file systems journal the names themselves.
  if (process.platform === 'win32') return;
  try {
    const fd = disk.openSync(path, 'r');
    try {
      disk.fsyncSync(fd);
    } finally {
      disk.closeSync(fd);
    }
  } catch (error) {
    throw ioError(error, 'sync the directory', path);
  }
}

/** Writes all octets at `position`, however few the system takes at a time. Throws the system's error. */
export function writeAll(fd: number, octets: Uint8Array, position: number, disk: Disk = realDisk): void {
  for (let written = 0; written < octets.length; ) {
    written += disk.writeSync(fd, octets, written, octets.length - written, position + written);
  }
}

function placeDurably(
  path: string,
  content: string | Uint8Array,
  { mode, disk = realDisk }: DurableOptions,
  place: (disk: Disk, temporary: string) => void,
): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    try {
      writeNew(temporary, content, mode, disk);
      place(disk, temporary);
    } catch (error) {
      removeIfThere(temporary, disk);
      throw error;
    }
  } catch (error) {
    throw ioError(error, 'write', path);
  }
  syncDirectory(dirname(path), disk);
}

function writeNew(path: string, content: string | Uint8Array, mode: number, disk: Disk): void {
  const fd = disk.openSync(path, 'wx', mode);
  try {
    if (process.platform !== 'win32') disk.fchmodSync(fd, mode);
    giveToOwnerOf(dirname(path), fd, disk);
    writeAll(fd, typeof content === 'string' ? Buffer.from(content) : content, 0, disk);
    disk.fsyncSync(fd);
  } finally {
    disk.closeSync(fd);
  }
}

function removeIfThere(path: string, disk: Disk): void {
  try {
    disk.unlinkSync(path);
  } catch {
    // It was never made, or the disk is beyond help; the first error is the one to report.
  }
}
