import { basename, dirname, join } from 'node:path';
import type { DeliveryContents, DeliveryPaths } from '../authority/ports.ts';
import { printable } from '../core/printable.ts';
import type { Serial } from '../core/serial.ts';
import {
  addStableNames,
  checkStableNames,
  isInPlace,
  mendRootName,
  readCurrent,
  removeStableNames,
  switchCurrent,
} from './deliveries-links.ts';
import {
  allFiles,
  certificateFiles,
  checkPlace,
  type DeliveryDisk,
  occupied,
  type Place,
  pathsOf,
  versionPath,
} from './deliveries-place.ts';
import {
  inheritedOwner,
  publicDirectoryMode,
  publicMode,
  secretDirectoryMode,
  secretMode,
} from './file-mode.ts';
import {
  allDone,
  createFile,
  type FileToWrite,
  makeDirectories,
  placeFiles,
  removeEmpty,
  syncDirectories,
} from './file-set.ts';
import type { FileSystemFlush } from './file-system-flush.ts';
import { groupSync } from './group-sync.ts';
import { ioError } from './io-error.ts';

/** A version of this process that is not in place yet, and holds its key alone. */
interface Staged {
  readonly key: string;
  /** The directories that were made for it, the outermost first. */
  readonly made: readonly string[];
}

/** Files that were written and are not on disk yet: their descriptors, unless a flush of the whole file system takes them. */
interface Written {
  readonly held: number[];
  readonly flush: FileSystemFlush | undefined;
}

/** The versions of deliveries: made, put in place, and removed. The caller holds the clients' locks. */
export class DeliveryVersions {
  readonly #homePath: string;
  readonly #disk: DeliveryDisk;
  readonly #staged = new Map<string, Staged>();

  constructor(homePath: string, disk: DeliveryDisk) {
    this.#homePath = homePath;
    this.#disk = disk;
  }

  /** Makes a version that has its private key, on disk. What was made is removed when it throws. */
  async stage(place: Place, serial: Serial, pem: string, flush?: FileSystemFlush): Promise<void> {
    const disk = this.#disk;
    checkPlace(place, this.#homePath, disk);
    checkStableNames(place, ['privateKey', 'bundle'], disk);
    const version = versionPath(place, serial);
    const made = makeVersion(place, version, disk);
    try {
      const file = { name: place.names.privateKey, content: pem, mode: secretMode };
      const written = made.includes(version)
        ? this.#write(version, [file], onDevice(flush, [place.directory, version], disk))
        : await this.#replace(version, [file]);
      await this.#sync(written, [version, ...made.map(dirname)]);
    } catch (error) {
      this.#removeVersion(version);
      removeEmpty(made, disk);
      throw error;
    }
    this.#staged.set(version, { key: pem, made });
  }

  /** Writes a version's files, then puts it in place, each on disk before the next step. */
  async deliver(
    place: Place,
    serial: Serial,
    contents: DeliveryContents,
    flush?: FileSystemFlush,
  ): Promise<DeliveryPaths> {
    const disk = this.#disk;
    const version = versionPath(place, serial);
    const files = allFiles.filter((file) => contents[file] !== undefined);
    // Where this process has just staged a key, the place was looked at, and its directories are on disk.
    const staged = this.#staged.get(version);
    if (!staged) checkPlace(place, this.#homePath, disk);
    const made = staged ? [] : makeVersion(place, version, disk);
    /** Nobody but us has put anything into what we have just made. */
    const isNew = (path: string) => (staged?.made ?? made).includes(path);
    const inNewDirectory = isNew(place.directory);
    if (!inNewDirectory) checkStableNames(place, files, disk);
    const written =
      isNew(version) && (!staged || staged.key === contents.privateKey)
        ? this.#write(
            version,
            filesOf(place, contents, staged ? ['privateKey'] : []),
            onDevice(flush, [place.directory, version], disk),
          )
        : await this.#mend(place, version, contents);
    const isShared = addStableNames(place, files, disk, inNewDirectory) || !inNewDirectory;
    const around = [place.directory, ...(staged ? [] : [place.versions]), ...made.map(dirname)];
    await this.#sync(written, [version, ...around]);
    const isFirst = isNew(place.versions);
    const before = isFirst ? undefined : readCurrent(place, disk);
    if (before !== serial) switchCurrent(place, serial, disk, isFirst);
    await this.#sync({ held: [], flush: written.flush }, [place.versions]);
    this.#staged.delete(version);
    if (!isShared) return pathsOf(place, (file) => files.includes(file)) ?? replaced(place);
    const gone = allFiles.filter((file) => contents[file] === undefined);
    const tidied = removeStableNames(place, gone, disk);
    if (mendRootName(place, disk) || tidied) await syncDirectories([place.directory], disk);
    // Also at a first delivery: a run that was killed may have left the keys of certificates that were never made.
    if (before !== serial) this.#prune(place, before === undefined ? [serial] : [serial, before]);
    return pathsOf(place, (file) => files.includes(file) && isInPlace(place, file, disk)) ?? replaced(place);
  }

  /** Removes a version that is not in place, and the directories that were made for it. */
  discard(version: string, ours: readonly string[]): void {
    this.#removeVersion(version);
    const made = this.#staged.get(version)?.made ?? [];
    this.#staged.delete(version);
    removeEmpty([...new Set([...made, ...ours])], this.#disk);
  }

  /** Into a version that nobody reads yet: it is put in place when its files are whole and on disk. */
  #write(version: string, files: readonly FileToWrite[], flush: FileSystemFlush | undefined): Written {
    const owner = inheritedOwner(version);
    const held: number[] = [];
    let name = version;
    try {
      for (const file of files) {
        name = join(version, file.name);
        const fd = createFile(version, file, owner, this.#disk);
        if (flush) this.#disk.closeSync(fd);
        else held.push(fd);
      }
      return { held, flush };
    } catch (error) {
      for (const fd of held) this.#disk.closeSync(fd);
      throw ioError(error, 'write', name);
    }
  }

  /** Brings a version that was there before to these contents. A key that was staged stays, whatever they say. */
  async #mend(place: Place, version: string, contents: DeliveryContents): Promise<Written> {
    const disk = this.#disk;
    const names = new Set(disk.readdirSync(version));
    const files = filesOf(place, contents, []).filter(
      ({ name, content }) => !names.delete(name) || !hasContent(join(version, name), content, disk),
    );
    names.delete(place.names.privateKey);
    for (const name of names) disk.unlinkSync(join(version, name));
    return this.#replace(version, files);
  }

  async #replace(version: string, files: readonly FileToWrite[]): Promise<Written> {
    await placeFiles(version, files, { disk: this.#disk });
    return { held: [], flush: undefined };
  }

  async #sync({ held, flush }: Written, directories: readonly string[]): Promise<void> {
    const disk = this.#disk;
    try {
      if (flush) await groupSync(flush, disk);
      else
        await allDone([
          ...held.map((fd) => groupSync(fd, disk)),
          syncDirectories(new Set(directories), disk),
        ]);
    } finally {
      for (const fd of held) disk.closeSync(fd);
    }
  }

  /** Removes all versions but these, those staged, and what a crash has left. */
  #prune(place: Place, keep: readonly string[]): void {
    for (const name of this.#disk.readdirSync(place.versions)) {
      const path = join(place.versions, name);
      if (name !== basename(place.current) && !keep.includes(name) && !this.#staged.has(path))
        this.#removeVersion(path);
    }
  }

  #removeVersion(path: string): void {
    this.#disk.rmSync(path, { recursive: true, force: true });
  }
}

/** Makes a version's directory and those above it, and gives what it made. */
function makeVersion(place: Place, version: string, disk: DeliveryDisk): string[] {
  const outer = makeDirectories(place.directory, secretDirectoryMode, inheritedOwner, disk);
  try {
    // As open as the directory around it, so that whoever may enter that can read certificates; keys are 0600.
    const mode = (disk.statSync(place.directory).mode & publicDirectoryMode) | secretDirectoryMode;
    return [...outer, ...makeDirectories(version, mode, inheritedOwner, disk)];
  } catch (error) {
    removeEmpty(outer, disk);
    throw error;
  }
}

/** The flush, if it is one of what is there. */
function onDevice(
  flush: FileSystemFlush | undefined,
  paths: readonly string[],
  disk: DeliveryDisk,
): FileSystemFlush | undefined {
  return flush && paths.every((path) => disk.statSync(path).dev === flush.device) ? flush : undefined;
}

function filesOf(
  place: Place,
  contents: DeliveryContents,
  but: readonly (keyof DeliveryContents)[],
): FileToWrite[] {
  return allFiles.flatMap((file) => {
    const content = contents[file];
    if (content === undefined || but.includes(file)) return [];
    return [
      { name: place.names[file], content, mode: certificateFiles.includes(file) ? publicMode : secretMode },
    ];
  });
}

function hasContent(path: string, content: string | Uint8Array, disk: DeliveryDisk): boolean {
  return disk.lstatSync(path).isFile() && disk.readFileSync(path).equals(Buffer.from(content));
}

function replaced({ directory }: Place): never {
  throw occupied(
    `the files in ${printable(directory)} were replaced while they were delivered`,
    'see who else writes there, and deliver again: ca renew',
  );
}
