import { dirname, join } from 'node:path';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { Serial } from '../core/serial.ts';
import { type DeliveryDisk, type DeliveryFile, isSerial, occupied, type Place } from './deliveries-place.ts';
import { inheritedOwner, type Owner } from './file-mode.ts';
import { child, temporaryPath } from './file-set.ts';
import { hasErrorCode, ioError } from './io-error.ts';

/** The version that is in place. */
export function readCurrent({ current }: Place, disk: DeliveryDisk): Serial | undefined {
  try {
    const serial = disk.readlinkSync(current);
    return isSerial(serial) ? serial : undefined;
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'EINVAL')) return undefined;
    throw ioError(error, 'read', current);
  }
}

/**
 * Puts another version in place, all files at once.
 *
 * @param isFirst whether there is none yet
 */
export function switchCurrent(
  place: Place,
  serial: Serial,
  owner: Owner | undefined,
  disk: DeliveryDisk,
  isFirst: boolean,
): void {
  if (isFirst) makeLink(place.current, serial, owner, disk);
  else replaceLink(place.current, serial, owner, disk);
}

/** Throws `store/occupied` if one of those stable names is a file or link of somebody else; gives those that are missing. */
export function checkStableNames(
  place: Place,
  files: readonly DeliveryFile[],
  disk: DeliveryDisk,
): readonly DeliveryFile[] {
  return files.filter((file) => {
    const state = linkState(place, file, disk);
    if (state !== 'foreign') return state === 'missing';
    throw occupied(
      `${printable(child(place.directory, place.names[file]))} exists already and is not ours`,
      'move it away, or name another directory with ca issue --out',
    );
  });
}

/**
 * Makes those stable names that are missing. Before the first switch they lead nowhere, so that the first version appears
 * all at once, too. Throws `store/occupied` if one has become somebody else's since it was checked: another client's
 * delivery may go to the same directory at the same time.
 *
 * @param isNew whether the directory was just made, so that all should be missing
 * @returns true if some were there
 */
export function addStableNames(
  place: Place,
  files: readonly DeliveryFile[],
  owner: Owner | undefined,
  disk: DeliveryDisk,
  isNew: boolean,
): boolean {
  const missing = isNew ? files : checkStableNames(place, files, disk);
  let met = missing.length < files.length;
  for (const file of missing) {
    try {
      makeLink(child(place.directory, place.names[file]), stableTarget(place, file), owner, disk);
    } catch (error) {
      if (!hasErrorCode(error, 'EEXIST')) throw error;
      // Another process was faster; it may have put the shared name of the root there.
      checkStableNames(place, [file], disk);
      met = true;
    }
  }
  return met;
}

/** Leads the shared name of the root here if it leads to another root or nowhere; true if it did. */
export function mendRootName(place: Place, disk: DeliveryDisk): boolean {
  if (linkState(place, 'ca', disk) !== 'stale') return false;
  const owner = inheritedOwner(place.directory);
  replaceLink(child(place.directory, place.names.ca), stableTarget(place, 'ca'), owner, disk);
  return true;
}

/** Removes our links under those stable names; true if there were any. */
export function removeStableNames(place: Place, files: readonly DeliveryFile[], disk: DeliveryDisk): boolean {
  const ours = files.filter((file) => linkState(place, file, disk) === 'ours');
  for (const file of ours) disk.unlinkSync(child(place.directory, place.names[file]));
  return ours.length > 0;
}

/** True if that stable name is ours and leads to a file. */
export function isInPlace(place: Place, file: DeliveryFile, disk: DeliveryDisk): boolean {
  const path = child(place.directory, place.names[file]);
  return (
    linkState(place, file, disk) === 'ours' && disk.statSync(path, { throwIfNoEntry: false }) !== undefined
  );
}

/** `stale`: a link to the root of another delivery, which is gone or has another root. */
function linkState(
  place: Place,
  file: DeliveryFile,
  disk: DeliveryDisk,
): 'missing' | 'ours' | 'stale' | 'foreign' {
  const path = child(place.directory, place.names[file]);
  const stats = disk.lstatSync(path, { throwIfNoEntry: false });
  if (!stats) return 'missing';
  if (!stats.isSymbolicLink()) return 'foreign';
  const target = disk.readlinkSync(path);
  if (target === stableTarget(place, file)) return 'ours';
  // Clients that share a directory share the root, whose link leads to any one of them.
  if (file !== 'ca' || !/^\.[^/]+\/current\/ca\.crt$/.test(target)) return 'foreign';
  return sameContent(path, join(place.current, place.names.ca), disk) ? 'ours' : 'stale';
}

function stableTarget({ client, names }: Place, file: DeliveryFile): string {
  return `.${client}/current/${names[file]}`;
}

function sameContent(a: string, b: string, disk: DeliveryDisk): boolean {
  try {
    return disk.readFileSync(a).equals(disk.readFileSync(b));
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return false;
    throw error;
  }
}

function replaceLink(path: string, target: string, owner: Owner | undefined, disk: DeliveryDisk): void {
  const temporary = temporaryPath(dirname(path), 'link');
  makeLink(temporary, target, owner, disk);
  try {
    disk.renameSync(temporary, path);
  } catch (error) {
    disk.unlinkSync(temporary);
    throw error;
  }
}

function makeLink(path: string, target: string, owner: Owner | undefined, disk: DeliveryDisk): void {
  try {
    disk.symlinkSync(target, path);
    if (owner) disk.lchownSync(path, owner.uid, owner.gid);
  } catch (error) {
    if (!hasErrorCode(error, 'EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP')) throw error;
    throw new CaError('store/unsupported', `cannot make symbolic links in ${printable(dirname(path))}`, {
      cause: error,
      hint:
        process.platform === 'win32'
          ? 'turn on Developer Mode in the Windows settings, or run as administrator'
          : 'name a directory on a file system that has them, with ca issue --out',
    });
  }
}
