import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Claim, Clock, Deliveries, DeliveryContents, DeliveryPaths } from '../authority/ports.ts';
import { type ClientName, clientNameKey } from '../core/client-name.ts';
import { printable } from '../core/printable.ts';
import type { DeliveryTarget } from '../ledger/entry.ts';
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
  checkPlace,
  checkVersions,
  type DeliveryDisk,
  type DeliveryNames,
  occupied,
  type Place,
  placeOf,
  versionPath,
} from './deliveries-place.ts';
import {
  inheritedOwner,
  publicDirectoryMode,
  publicMode,
  secretDirectoryMode,
  secretMode,
} from './file-mode.ts';
import { type FileToWrite, makeDirectories, placeFiles, removeEmpty, syncDirectories } from './file-set.ts';
import { hasErrorCode, ioError } from './io-error.ts';
import { type LockHolder, withLock } from './lock.ts';

export interface DeliveriesOptions {
  readonly homePath: string;
  readonly clock: Clock;
  /** How long to wait for another process that delivers to the same client, its hook included, in milliseconds. */
  readonly lockWaitMs: number;
  /** Called once when it turns out that we have to wait. */
  readonly onWait?: (holder: LockHolder | undefined) => void;
  readonly disk?: DeliveryDisk;
}

type DeliveryFile = keyof DeliveryNames;

const allFiles: readonly DeliveryFile[] = [
  'certificate',
  'chain',
  'ca',
  'privateKey',
  'bundle',
  'pkcs12',
  'pkcs12Password',
];

/** The files that every delivery has. */
const certificateFiles: readonly DeliveryFile[] = ['certificate', 'chain', 'ca'];

/** Locks are on one of so many octets ranges; clients that share one wait for each other, which is harmless. */
const lockSlots = 4096;

/**
 * Deliveries on a real disk, as {@link Place} lays them out. Files with keys or passwords have mode 0600, others 0644;
 * a directory that is made gets 0700, and the hidden ones in it are as open as it is. When root delivers into a
 * directory of somebody else, the files become theirs: they are for a service that could not read its key otherwise.
 */
export function openDeliveries(options: DeliveriesOptions): Deliveries {
  const { homePath, disk = fs } = options;
  const placeFor = (client: ClientName, target: DeliveryTarget) => placeOf(client, target, homePath);
  /** Versions of this process that are not in place yet, and must not be pruned, with the directories made for them. */
  const staged = new Map<string, readonly string[]>();

  return {
    check: async (client, target) => {
      const place = placeFor(client, target);
      return translate('deliver to', place.directory, async () => {
        const real = checkPlace(place, homePath, disk);
        checkStableNames(place, certificateFiles, disk);
        return claimsOf(place, target, real);
      });
    },

    stageKey: async (client, target, serial, pem) => {
      const place = placeFor(client, target);
      return translate('deliver to', place.directory, async () => {
        checkPlace(place, homePath, disk);
        checkStableNames(place, ['privateKey', 'bundle'], disk);
        const version = versionPath(place, serial);
        const made = makeVersion(place, version, disk);
        try {
          await writeVersion(
            version,
            [{ name: place.names.privateKey, content: pem, mode: secretMode }],
            disk,
          );
          await syncDirectories(new Set([version, ...made.map(dirname)]), disk);
        } catch (error) {
          removeVersion(version, disk);
          removeEmpty(made, disk);
          throw error;
        }
        staged.set(version, made);
      });
    },

    readKey: async (client, target, serial) => {
      const place = placeFor(client, target);
      return readText(join(versionPath(place, serial), place.names.privateKey), disk);
    },

    readPkcs12Password: async (client, target) =>
      readInPlace(placeFor(client, target), 'pkcs12Password', disk),

    deliver: async (client, target, serial, contents) => {
      const place = placeFor(client, target);
      return translate('deliver to', place.directory, async () => {
        const version = versionPath(place, serial);
        const files = allFiles.filter((file) => contents[file] !== undefined);
        // Where this process has just staged a key, the place was looked at, and its directories are on disk.
        const isStaged = staged.has(version);
        if (!isStaged) checkPlace(place, homePath, disk);
        checkStableNames(place, files, disk);
        const made = isStaged ? [] : makeVersion(place, version, disk);
        await fillVersion(place, version, contents, disk);
        addStableNames(place, files, disk);
        await syncDirectories(
          new Set([version, place.directory, ...(isStaged ? [] : [place.versions]), ...made.map(dirname)]),
          disk,
        );
        const before = readCurrent(place, disk);
        if (before !== serial) switchCurrent(place, serial, disk);
        await syncDirectories([place.versions], disk);
        staged.delete(version);
        const gone = allFiles.filter((file) => contents[file] === undefined);
        const tidied = removeStableNames(place, gone, disk);
        if (mendRootName(place, disk) || tidied) await syncDirectories([place.directory], disk);
        // Also at a first delivery: a run that was killed may have left the keys of certificates that were never made.
        if (before !== serial) prune(place, before === undefined ? [serial] : [serial, before], staged, disk);
        const paths = pathsOf(place, (file) => files.includes(file) && isInPlace(place, file, disk));
        if (!paths) {
          throw occupied(
            `the files in ${printable(place.directory)} were replaced while they were delivered`,
            'see who else writes there, and deliver again: ca renew',
          );
        }
        return paths;
      });
    },

    directory: (client, target) => placeFor(client, target).directory,

    paths: async (client, target) => {
      const place = placeFor(client, target);
      return translate('look at', place.directory, async () =>
        pathsOf(place, (file) => isInPlace(place, file, disk)),
      );
    },

    readCertificate: async (client, target) => readInPlace(placeFor(client, target), 'certificate', disk),

    discard: async (client, target, serial) => {
      const place = placeFor(client, target);
      return translate('discard a version in', place.directory, async () => {
        if (readCurrent(place, disk) === serial) throw new Error(`version ${serial} is in place`);
        const version = versionPath(place, serial);
        checkVersions(place, disk);
        removeVersion(version, disk);
        const made = staged.get(version) ?? [];
        staged.delete(version);
        const ours = target.kind === 'home' ? [place.directory, place.versions] : [place.versions];
        removeEmpty([...new Set([...made, ...ours])], disk);
      });
    },

    exclusively: (clients, work) => {
      const [only] = clients;
      const what = clients.length === 1 && only ? `the delivery of ${only}` : 'a delivery';
      const lock = { ...options, what, waitMs: options.lockWaitMs, slots: clients.map(lockSlot) };
      return withLock(join(homePath, 'delivery.lock'), lock, work);
    },
  };
}

/** The slot of a client's lock, which names that differ in case or Unicode form alone share. */
function lockSlot(client: ClientName): number {
  return createHash('sha256').update(clientNameKey(client)).digest().readUInt32BE(0) % lockSlots;
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

/** Brings a version's directory to these contents. A key that was staged stays, whatever they say. */
async function fillVersion(
  place: Place,
  version: string,
  contents: DeliveryContents,
  disk: DeliveryDisk,
): Promise<void> {
  const names = new Set(disk.readdirSync(version));
  const files: FileToWrite[] = [];
  for (const file of allFiles) {
    const content = contents[file];
    const name = place.names[file];
    if (content === undefined) continue;
    const mode = certificateFiles.includes(file) ? publicMode : secretMode;
    if (!names.delete(name) || !hasContent(join(version, name), content, disk))
      files.push({ name, content, mode });
  }
  names.delete(place.names.privateKey);
  for (const name of names) disk.unlinkSync(join(version, name));
  await writeVersion(version, files, disk);
}

/** The names last once the version's directory is synced. */
async function writeVersion(
  version: string,
  files: readonly FileToWrite[],
  disk: DeliveryDisk,
): Promise<void> {
  await placeFiles(version, files, { disk });
}

function hasContent(path: string, content: string | Uint8Array, disk: DeliveryDisk): boolean {
  return disk.lstatSync(path).isFile() && disk.readFileSync(path).equals(Buffer.from(content));
}

/** Removes all versions but these, those staged, and what a crash has left. */
function prune(
  place: Place,
  keep: readonly string[],
  staged: ReadonlyMap<string, unknown>,
  disk: DeliveryDisk,
): void {
  for (const name of disk.readdirSync(place.versions)) {
    const path = join(place.versions, name);
    if (name !== basename(place.current) && !keep.includes(name) && !staged.has(path))
      removeVersion(path, disk);
  }
}

function removeVersion(path: string, disk: DeliveryDisk): void {
  disk.rmSync(path, { recursive: true, force: true });
}

/**
 * What a delivery there takes, by true paths: its names, those that it may come to have too, and the directories on the way.
 * In the home directory each client has a directory to itself.
 */
function claimsOf({ versions, names }: Place, target: DeliveryTarget, directory: string): readonly Claim[] {
  if (target.kind === 'home') return [{ path: directory, as: 'own' }];
  const claims: Claim[] = [{ path: join(directory, basename(versions)), as: 'own' }];
  for (const file of allFiles)
    claims.push({ path: join(directory, names[file]), as: file === 'ca' ? 'root' : 'own' });
  for (let path = directory; ; path = dirname(path)) {
    claims.push({ path, as: 'directory' });
    if (path === dirname(path)) return claims;
  }
}

function pathsOf(place: Place, isThere: (file: DeliveryFile) => boolean): DeliveryPaths | undefined {
  const pathOf = (file: DeliveryFile) =>
    isThere(file) ? join(place.directory, place.names[file]) : undefined;
  const certificate = pathOf('certificate');
  const chain = pathOf('chain');
  const ca = pathOf('ca');
  if (certificate === undefined || chain === undefined || ca === undefined) return undefined;
  const bundle = pathOf('bundle');
  const privateKey = pathOf('privateKey');
  const pkcs12 = pathOf('pkcs12');
  const pkcs12PasswordFile = pathOf('pkcs12Password');
  return {
    directory: place.directory,
    certificate,
    chain,
    ...(bundle === undefined ? {} : { bundle }),
    ...(privateKey === undefined ? {} : { privateKey }),
    ca,
    ...(pkcs12 === undefined ? {} : { pkcs12 }),
    ...(pkcs12PasswordFile === undefined ? {} : { pkcs12PasswordFile }),
  };
}

function readInPlace(place: Place, file: DeliveryFile, disk: DeliveryDisk): string | undefined {
  const serial = readCurrent(place, disk);
  if (serial === undefined) return undefined;
  return readText(join(versionPath(place, serial), place.names[file]), disk);
}

function readText(path: string, disk: DeliveryDisk): string | undefined {
  try {
    // Never through a link: where root reads in somebody else's directory, it could lead to any file.
    if (!disk.lstatSync(path).isFile()) {
      throw occupied(`${printable(path)} is not a file of ours`, 'look at it, and put the file back');
    }
    return disk.readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw ioError(error, 'read', path);
  }
}

async function translate<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ioError(error, action, path);
  }
}
