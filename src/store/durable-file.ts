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

export interface StreamOptions extends DurableOptions {
  /** The end of the name that the file has until it is complete. */
  readonly suffix?: string;
  /** Called with the file before anything is in it. */
  readonly onOpen?: (fd: number) => void;
}

/** What is gathered for one write to a file that comes in small pieces. */
const bufferOctets = 1 << 18;

/**
 * Puts a file in place, replacing what is there: when it returns, the content is on disk under that name, and
 * before that, power cut or not, the name has the old content. A file that root makes belongs to the directory's
 * owner. Throws `store/…`, with the old content in place.
 */
export function writeDurably(path: string, content: string | Uint8Array, options: DurableOptions): void {
  placeDurably(path, content, options, (disk, temporary) => disk.renameSync(temporary, path));
}

/**
 * Puts a file in place by rename without waiting for the disk: no reader finds half of it, but a power cut may leave the
 * old content, or none that means anything. For what can be made again and is wanted at once, by one writer at a time:
 * what one that was killed has left is removed by the next. Throws `store/…`, with the old content in place.
 */
export function replaceUnsynced(
  path: string,
  content: string,
  { mode, disk = realDisk }: DurableOptions,
): void {
  const temporary = join(dirname(path), `.${basename(path)}.new`);
  const write = () => writeNew(temporary, content, { mode, disk, isSynced: false });
  try {
    try {
      write();
    } catch (error) {
      if (!hasErrorCode(error, 'EEXIST')) throw error;
      removeIfThere(temporary, disk);
      write();
    }
    disk.renameSync(temporary, path);
  } catch (error) {
    removeIfThere(temporary, disk);
    throw ioError(error, 'write', path);
  }
}

/** Like {@link writeDurably}, but never replaces a file. Throws `store/occupied` if there is one. */
export function createDurably(path: string, content: string | Uint8Array, options: DurableOptions): void {
  placeDurably(path, content, options, (disk, temporary) => {
    claimName(temporary, path, disk);
    disk.unlinkSync(temporary);
  });
}

/**
 * Like {@link createDurably}, for a content that does not fit into memory: `fill` writes it piece by piece, and when it
 * throws there is no file. On a file system without hard links, such as a USB stick's, the name is taken by rename.
 */
export function streamDurably(
  path: string,
  { mode, disk = realDisk, suffix = '.tmp', onOpen }: StreamOptions,
  fill: (write: (octets: Uint8Array) => void) => void,
): void {
  const content: Fill = (fd) => {
    onOpen?.(fd);
    const buffer = Buffer.allocUnsafe(bufferOctets);
    let position = 0;
    let held = 0;
    const flush = () => {
      writeAll(fd, buffer.subarray(0, held), position, disk);
      position += held;
      held = 0;
    };
    fill((octets) => {
      for (let at = 0; at < octets.length; ) {
        const part = octets.subarray(at, at + bufferOctets - held);
        buffer.set(part, held);
        held += part.length;
        at += part.length;
        if (held === bufferOctets) flush();
      }
    });
    flush();
  };
  let isNamed = false;
  const place = (_: Disk, temporary: string) => {
    try {
      claimName(temporary, path, disk);
      isNamed = true;
      disk.unlinkSync(temporary);
    } catch (error) {
      if (isNamed || !hasErrorCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
      checkFree(path, disk);
      disk.renameSync(temporary, path);
      isNamed = true;
    }
  };
  try {
    placeDurably(path, content, { mode, disk, suffix }, place);
  } catch (error) {
    // Whoever asked for the file asks again, and is not to find one whose name may not last.
    if (isNamed) removeIfThere(path, disk);
    throw error;
  }
}

/** Throws `store/occupied` if there is something of that name. */
export function checkFree(path: string, disk: Pick<Disk, 'statSync'> = realDisk): void {
  let isThere: boolean;
  try {
    isThere = disk.statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw ioError(error, 'look at', path);
  }
  if (isThere) throw occupied(path);
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

/** Gives the file a second name, which must be free. */
function claimName(temporary: string, path: string, disk: Disk): void {
  try {
    disk.linkSync(temporary, path);
  } catch (error) {
    if (hasErrorCode(error, 'EEXIST')) throw occupied(path, error);
    throw error;
  }
}

function occupied(path: string, cause?: unknown): CaError {
  return new CaError('store/occupied', `${printable(path)} exists already`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'move it away, or name another file',
  });
}

/** Writes a file's content to its descriptor. */
type Fill = (fd: number) => void;

function placeDurably(
  path: string,
  content: string | Uint8Array | Fill,
  { mode, disk = realDisk, suffix = '.tmp' }: StreamOptions,
  place: (disk: Disk, temporary: string) => void,
): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}${suffix}`);
  try {
    try {
      writeNew(temporary, content, { mode, disk, isSynced: true });
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

function writeNew(
  path: string,
  content: string | Uint8Array | Fill,
  { mode, disk, isSynced }: { readonly mode: number; readonly disk: Disk; readonly isSynced: boolean },
): void {
  const fd = disk.openSync(path, 'wx', mode);
  try {
    if (process.platform !== 'win32') disk.fchmodSync(fd, mode);
    giveToOwnerOf(dirname(path), fd, disk);
    if (typeof content === 'function') content(fd);
    else writeAll(fd, typeof content === 'string' ? Buffer.from(content) : content, 0, disk);
    if (isSynced) disk.fsyncSync(fd);
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
