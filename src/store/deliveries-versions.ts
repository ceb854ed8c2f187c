import { basename, dirname, join } from 'node:path';
import type { DeliveryContents, DeliveryPaths } from '../authority/ports.ts';
import type { CaError } from '../core/ca-error.ts';
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
  type DeliveryFile,
  type HomePaths,
  occupied,
  type Place,
  pathsOf,
  versionPath,
} from './deliveries-place.ts';
import { findShortages } from './delivery-room.ts';
import { makeDirectories, makeDirectory, removeEmpty, syncDirectories } from './directories.ts';
import {
  inheritedOwner,
  type Owner,
  ownerFrom,
  publicDirectoryMode,
  publicMode,
  secretDirectoryMode,
  secretMode,
} from './file-mode.ts';
import { child, createFile, type FileToWrite, placeFiles } from './file-set.ts';
import type { FileSystemFlush } from './file-system-flush.ts';
import { allDone, groupSync } from './group-sync.ts';

/** What was made for a version: until it is in place, nobody but us has put anything into a directory that is new. */
interface Made {
  /** The directories that were made, the outermost first. */
  readonly directories: readonly string[];
  /** The owner of the directory around it, if its files are given to them. */
  readonly owner: Owner | undefined;
  /** The file system that it is on. */
  readonly device: number;
  /** The flush that takes all of it, if there is one. */
  readonly flush: FileSystemFlush | undefined;
}

/** A version of this process that is not in place yet, and holds its key alone, if it has one. */
interface Staged extends Made {
  readonly key: string | undefined;
  /** Whether it has the file that holds the room for the others. */
  readonly hasRoom: boolean;
}

const filesWithKey: readonly DeliveryFile[] = [...certificateFiles, 'privateKey', 'bundle'];

const roomName = '.room';
/** More than a version usually takes: seven files in blocks of 4 KiB, of RSA keys and two tiers. A hundred names take more. */
const roomOctets = 48 << 10;

/** The versions of deliveries: made, put in place, and removed. The caller holds the clients' locks. */
export class DeliveryVersions {
  readonly #home: HomePaths;
  readonly #disk: DeliveryDisk;
  readonly #staged = new Map<string, Staged>();

  constructor(home: HomePaths, disk: DeliveryDisk) {
    this.#home = home;
    this.#disk = disk;
  }

  /** Why there is no room for versions in these places, with a key of ours or without; see {@link findShortages}. */
  findShortages(
    versions: readonly { readonly place: Place; readonly hasKey: boolean }[],
  ): readonly (CaError | undefined)[] {
    const owed = (device: number) =>
      [...this.#staged.values()].reduce(
        (sum, staged) => sum + (staged.device === device && !staged.hasRoom ? certificateFiles.length : 0),
        0,
      );
    return findShortages(
      versions.map(({ place: { directory }, hasKey }) => ({
        directory,
        files: (hasKey ? filesWithKey : certificateFiles).length,
      })),
      owed,
      this.#disk,
    );
  }

  /**
   * Makes a version that has its private key, if it has one, on disk. What was made is removed when it throws.
   *
   * @param hasRoom whether the room for its files is taken, too; that need not last through a power cut
   */
  async stage(
    place: Place,
    serial: Serial,
    key: string | undefined,
    { flush, hasRoom }: { readonly flush: FileSystemFlush | undefined; readonly hasRoom: boolean },
  ): Promise<void> {
    const { exists } = checkPlace(place, this.#home, this.#disk);
    if (exists) checkStableNames(place, key === undefined ? certificateFiles : filesWithKey, this.#disk);
    const version = versionPath(place, serial);
    const made = this.#make(place, version, flush);
    try {
      const files =
        key === undefined ? [] : [{ name: place.names.privateKey, content: key, mode: secretMode }];
      const held = await this.#write(version, files, made);
      if (hasRoom) this.#closingOnError(held, () => this.#takeRoom(version, made.owner));
      // A flush for the files that come later takes the directories, too.
      if (key !== undefined || !made.flush)
        await this.#sync(held, [version, ...made.directories.map((path) => dirname(path))], made.flush);
    } catch (error) {
      this.#removeVersion(version);
      removeEmpty(made.directories, this.#disk);
      throw error;
    }
    this.#staged.set(version, { ...made, key, hasRoom });
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
    if (!staged) checkPlace(place, this.#home, disk);
    const made = staged ?? this.#make(place, version, flush);
    const isNew = (path: string) => made.directories.includes(path);
    if (!staged && !isNew(place.directory)) checkStableNames(place, files, disk);
    if (staged?.hasRoom) disk.unlinkSync(child(version, roomName));
    const held = await this.#fill(place, version, contents, made, staged?.key);
    const met = this.#closingOnError(held, () =>
      addStableNames(place, files, made.owner, disk, isNew(place.directory)),
    );
    const others = staged ? [] : [place.versions, ...made.directories.map((path) => dirname(path))];
    await this.#sync(held, [version, place.directory, ...others], made.flush);
    const isFirst = isNew(place.versions);
    const before = isFirst ? undefined : readCurrent(place, disk);
    if (before !== serial) switchCurrent(place, serial, made.owner, disk, isFirst);
    await this.#sync([], [place.versions], made.flush);
    this.#staged.delete(version);
    if (isNew(place.directory) && !met) return inPlace(place, (file) => files.includes(file));
    const gone = allFiles.filter((file) => contents[file] === undefined);
    const tidied = removeStableNames(place, gone, disk);
    if (mendRootName(place, disk) || tidied) await syncDirectories([place.directory], disk);
    // Also at a first delivery: a run that was killed may have left the keys of certificates that were never made.
    if (before !== serial) this.#prune(place, before === undefined ? [serial] : [serial, before]);
    return inPlace(place, (file) => files.includes(file) && isInPlace(place, file, disk));
  }

  /** Removes a version that is not in place, and the directories that were made for it. */
  discard(version: string, ours: readonly string[]): void {
    this.#removeVersion(version);
    const made = this.#staged.get(version)?.directories ?? [];
    this.#staged.delete(version);
    removeEmpty([...new Set([...made, ...ours])], this.#disk);
  }

  /** Makes a version's directory, if it is not there, and those above it. */
  #make(place: Place, version: string, flush: FileSystemFlush | undefined): Made {
    const disk = this.#disk;
    const outer = makeDirectories(place.directory, secretDirectoryMode, inheritedOwner, disk);
    try {
      const around = disk.statSync(place.directory);
      const owner = ownerFrom(around);
      // As open as the directory around it, so that whoever may enter that can read certificates; keys are 0600.
      const mode = (around.mode & publicDirectoryMode) | secretDirectoryMode;
      const isFlushed = (device: number) => device === flush?.device;
      if (outer.includes(place.directory)) {
        for (const path of [place.versions, version]) {
          makeDirectory(path, mode, owner, disk);
          outer.push(path);
        }
        return {
          directories: outer,
          owner,
          device: around.dev,
          flush: isFlushed(around.dev) ? flush : undefined,
        };
      }
      const directories = [...outer, ...makeDirectories(version, mode, inheritedOwner, disk)];
      const isAllFlushed = isFlushed(around.dev) && isFlushed(disk.statSync(version).dev);
      return { directories, owner, device: around.dev, flush: isAllFlushed ? flush : undefined };
    } catch (error) {
      removeEmpty(outer, disk);
      throw error;
    }
  }

  /** Brings a version to these contents. A key that was staged stays, whatever they say. Gives what is to be synced. */
  async #fill(
    place: Place,
    version: string,
    contents: DeliveryContents,
    made: Made,
    staged: string | undefined,
  ): Promise<number[]> {
    const disk = this.#disk;
    const files = filesOf(place, contents);
    if (made.directories.includes(version) && (staged === undefined || staged === contents.privateKey)) {
      const isStaged = ({ name }: FileToWrite) => staged !== undefined && name === place.names.privateKey;
      return this.#write(
        version,
        files.filter((file) => !isStaged(file)),
        made,
      );
    }
    const names = new Set(disk.readdirSync(version));
    // What is not in place may never have come to the disk, and be read from memory all the same: it is written anew.
    const isOnDisk = readCurrent(place, disk) === basename(version);
    const missing = files.filter(
      ({ name, content }) =>
        !names.delete(name) || !isOnDisk || !hasContent(child(version, name), content, disk),
    );
    names.delete(place.names.privateKey);
    for (const name of names) disk.unlinkSync(join(version, name));
    await placeFiles(version, missing, { disk });
    return [];
  }

  /** Writes files and gives their descriptors, still to be synced, but for those that a flush takes. */
  async #write(version: string, files: readonly FileToWrite[], made: Made): Promise<number[]> {
    if (!made.directories.includes(version)) {
      await placeFiles(version, files, { disk: this.#disk });
      return [];
    }
    // Nobody reads them yet: the version is put in place when its files are whole and on disk.
    const held: number[] = [];
    return this.#closingOnError(held, () => {
      for (const file of files) {
        const fd = createFile(version, file, made.owner, this.#disk);
        if (made.flush) this.#disk.closeSync(fd);
        else held.push(fd);
      }
      return held;
    });
  }

  #takeRoom(version: string, owner: Owner | undefined): void {
    const file = { name: roomName, content: Buffer.alloc(roomOctets), mode: secretMode };
    this.#disk.closeSync(createFile(version, file, owner, this.#disk));
  }

  /** Does the work; the files stay open unless it throws. */
  #closingOnError<T>(held: readonly number[], work: () => T): T {
    try {
      return work();
    } catch (error) {
      for (const fd of held) this.#disk.closeSync(fd);
      throw error;
    }
  }

  async #sync(
    held: readonly number[],
    directories: readonly string[],
    flush: FileSystemFlush | undefined,
  ): Promise<void> {
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

function filesOf(
  place: Place,
  contents: DeliveryContents,
): (FileToWrite & { readonly content: string | Uint8Array })[] {
  return allFiles.flatMap((file) => {
    const content = contents[file];
    if (content === undefined) return [];
    const mode = certificateFiles.includes(file) ? publicMode : secretMode;
    return [{ name: place.names[file], content, mode }];
  });
}

function hasContent(path: string, content: string | Uint8Array, disk: DeliveryDisk): boolean {
  return disk.lstatSync(path).isFile() && disk.readFileSync(path).equals(Buffer.from(content));
}

/** Throws `store/occupied` if a file that every delivery has is not there. */
function inPlace(place: Place, isThere: (file: DeliveryFile) => boolean): DeliveryPaths {
  const paths = pathsOf(place, isThere);
  if (paths) return paths;
  throw occupied(
    `the files in ${printable(place.directory)} were replaced while they were delivered`,
    'see who else writes there, and deliver again: ca renew',
  );
}
