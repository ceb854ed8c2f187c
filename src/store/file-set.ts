import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join, sep } from 'node:path';
import { syncDirectories } from './directories.ts';
import type { Disk } from './disk.ts';
import { writeAll } from './durable-file.ts';
import { inheritedOwner, type Owner } from './file-mode.ts';
import { allDone, groupSync, syncFile } from './group-sync.ts';
import { ioError } from './io-error.ts';

/** A file of so many octets is synced while the next one is made: that takes the disk as long. */
const largeOctets = 1 << 20;

/** The part of node:fs that writes files at once; tests put a failing disk here. */
export type FileSetDisk = Disk & Pick<typeof fs, 'fsync'>;

export interface FileToWrite {
  /** Its name in the directory. */
  readonly name: string;
  readonly content: string | Uint8Array | Iterable<Uint8Array>;
  /** Exact permissions, whatever the umask. Ignored on Windows. */
  readonly mode: number;
}

export interface FileSetOptions {
  /** Without it the files are the process's own, and if that is root, the directory's owner's. */
  readonly owner?: Owner | undefined;
  readonly disk?: FileSetDisk;
}

/**
 * Puts files into a directory, each in place of the one of that name, in their order; when it returns all of them are
 * on disk. No name ever has half a file. All are synced at once, which costs a file system little more than one.
 * Throws `store/…`; what could not be put in place is removed.
 */
export async function writeFiles(
  directory: string,
  files: readonly FileToWrite[],
  options: FileSetOptions = {},
): Promise<void> {
  await placeFiles(directory, files, options);
  await syncDirectories([directory], options.disk);
}

/**
 * Makes a file that is not there yet and gives its descriptor, still to be synced and closed. Its name has half a file while
 * it is written, so that it must be one that nobody reads before. Throws `store/…`.
 */
export function createFile(
  directory: string,
  file: FileToWrite,
  owner: Owner | undefined,
  disk: FileSetDisk,
): number {
  const path = child(directory, file.name);
  try {
    const fd = disk.openSync(path, 'wx', file.mode);
    try {
      fillFile(fd, file, owner, disk);
      return fd;
    } catch (error) {
      disk.closeSync(fd);
      throw error;
    }
  } catch (error) {
    throw ioError(error, 'write', path);
  }
}

/** Like {@link writeFiles}, but the names last through a power cut only once the directory is synced. */
export async function placeFiles(
  directory: string,
  files: readonly FileToWrite[],
  options: FileSetOptions,
): Promise<void> {
  const staged = new StagedFiles(directory, options);
  try {
    for (const file of files) staged.add(file);
    await staged.sync();
    staged.place(files.map(({ name }) => name));
  } finally {
    staged.discard();
  }
}

interface StagedFile {
  readonly temporary: string;
  /** Open until it is synced. */
  fd: number | undefined;
  /** Where that has begun. */
  syncing: Promise<void> | undefined;
}

/**
 * Files under temporary names beside those that they will replace: once they are on disk, nothing but names has to change.
 * All methods throw `store/…`.
 */
export class StagedFiles {
  readonly #directory: string;
  readonly #owner: Owner | undefined;
  readonly #disk: FileSetDisk;
  /** By the name that they will have. */
  readonly #files = new Map<string, StagedFile>();

  constructor(directory: string, { owner = inheritedOwner(directory), disk = fs }: FileSetOptions = {}) {
    this.#directory = directory;
    this.#owner = owner;
    this.#disk = disk;
  }

  /** Writes a file, and gives the name that it has for now. */
  add(file: FileToWrite): string {
    try {
      const temporary = temporaryPath(this.#directory, file.name);
      const fd = this.#disk.openSync(temporary, 'wx', file.mode);
      const staged: StagedFile = { temporary, fd, syncing: undefined };
      this.#files.set(file.name, staged);
      if (fillFile(fd, file, this.#owner, this.#disk) >= largeOctets) {
        staged.syncing = syncFile(fd, this.#disk);
        staged.syncing.catch(() => {}); // told by sync()
      }
      return temporary;
    } catch (error) {
      throw this.#failure(error, file.name);
    }
  }

  /** When it returns, all files so far are on disk. */
  async sync(): Promise<void> {
    await allDone(
      [...this.#files].map(async ([name, file]) => {
        try {
          if (file.fd !== undefined) await (file.syncing ?? groupSync(file.fd, this.#disk));
          file.syncing = undefined;
        } catch (error) {
          throw this.#failure(error, name);
        }
      }),
    );
    this.#close();
  }

  /** Puts files in place by rename, in that order. */
  place(names: readonly string[]): void {
    for (const name of names) {
      const file = this.#files.get(name);
      if (!file) throw new Error(`${name} was not staged`);
      try {
        this.#disk.renameSync(file.temporary, join(this.#directory, name));
      } catch (error) {
        throw this.#failure(error, name);
      }
      this.#files.delete(name);
    }
  }

  /** Removes what is not in place. */
  discard(): void {
    this.#close();
    for (const { temporary } of this.#files.values()) removeIfThere(temporary, this.#disk);
    this.#files.clear();
  }

  #close(): void {
    for (const file of this.#files.values()) {
      const { fd, syncing } = file;
      file.fd = undefined;
      if (fd === undefined) continue;
      // The number would be another file's while this one is still synced.
      if (syncing)
        syncing.then(
          () => this.#closeFile(fd),
          () => this.#closeFile(fd),
        );
      else this.#closeFile(fd);
    }
  }

  /** Its content is on disk by then, or not wanted: what the system says of closing it changes nothing. */
  #closeFile(fd: number): void {
    try {
      this.#disk.closeSync(fd);
    } catch {}
  }

  #failure(error: unknown, name: string): unknown {
    return ioError(error, 'write', join(this.#directory, name));
  }
}

function piecesOf(content: FileToWrite['content']): Iterable<Uint8Array> {
  if (typeof content === 'string') return [Buffer.from(content)];
  return content instanceof Uint8Array ? [content] : content;
}

/** Gives the file its content, and its length. */
function fillFile(
  fd: number,
  { content, mode }: FileToWrite,
  owner: Owner | undefined,
  disk: FileSetDisk,
): number {
  if (process.platform !== 'win32') disk.fchmodSync(fd, mode);
  if (owner) disk.fchownSync(fd, owner.uid, owner.gid);
  let position = 0;
  for (const piece of piecesOf(content)) {
    writeAll(fd, piece, position, disk);
    position += piece.length;
  }
  return position;
}

/** Removes what writers of those files that were killed have left; the caller holds the lock of all their writers. */
export function removeTemporaries(
  directory: string,
  isMeant: (name: string) => boolean,
  disk: FileSetDisk = fs,
): void {
  try {
    for (const name of disk.readdirSync(directory)) {
      const of = /^\.(.+)\.[0-9a-f]{12}\.tmp$/.exec(name)?.[1];
      if (of !== undefined && isMeant(of)) disk.unlinkSync(join(directory, name));
    }
  } catch {
    // They do no harm; what does is told by the writing that follows.
  }
}

/** The path of a plain name in a directory: what join gives, which spends more on it than the system on the file. */
export function child(directory: string, name: string): string {
  return directory.endsWith(sep) ? directory + name : directory + sep + name;
}

/** A new name in the directory that no reader takes for a file of ours. */
export function temporaryPath(directory: string, name: string): string {
  return join(directory, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
}

function removeIfThere(path: string, disk: FileSetDisk): void {
  try {
    disk.unlinkSync(path);
  } catch {
    // The disk is beyond help; the first error is the one to report.
  }
}
