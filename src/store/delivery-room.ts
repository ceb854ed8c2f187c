import { dirname } from 'node:path';
import process from 'node:process';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { Disk } from './disk.ts';

type RoomDisk = Pick<Disk, 'statSync' | 'statfsSync'>;

/** A version that is to be made. */
export interface VersionToFill {
  /** Where it would be; it need not be there yet, nor those above it. */
  readonly directory: string;
  /** How many files it gets at least. */
  readonly files: number;
}

interface Demand {
  readonly path: string;
  versions: number;
  files: number;
}

/**
 * Why there is no room for these versions, for each of them: undefined unless its disk has less left than all of them there
 * take at least, a block and a name for each file. It is a look and no claim: others may be faster, and files larger.
 * What cannot be looked at is for the writing to find out.
 *
 * @param owed how many files are still to be written on that device for versions that were staged before
 */
export function findShortages(
  versions: readonly VersionToFill[],
  owed: (device: number) => number,
  disk: RoomDisk,
): readonly (CaError | undefined)[] {
  const demands = new Map<number, Demand>();
  const devices = versions.map(({ directory, files }) => {
    const found = findDevice(directory, disk);
    if (!found) return undefined;
    const { path, device } = found;
    const demand = demands.get(device) ?? { path, versions: 0, files: owed(device) };
    demand.versions++;
    demand.files += files;
    demands.set(device, demand);
    return device;
  });
  const shortages = new Map(Array.from(demands, ([device, demand]) => [device, shortageOf(demand, disk)]));
  return devices.map((device) => (device === undefined ? undefined : shortages.get(device)));
}

function shortageOf({ path, versions, files }: Demand, disk: RoomDisk): CaError | undefined {
  const left = readRoom(path, disk);
  if (!left || (left.octets >= files * left.blockOctets && left.files >= versions + files)) return undefined;
  const what =
    left.files < versions + files
      ? `has room for ${left.files} files left, and ${versions + files} are to be made`
      : `has ${kibibytes(left.octets)} left, and ${files} files take ${kibibytes(files * left.blockOctets)} at least`;
  return new CaError('store/disk-full', `cannot deliver: the disk of ${printable(path)} ${what}`, {
    hint: 'free some space, then run the same command again',
  });
}

/** What a file system has left; undefined where it does not say. */
function readRoom(
  path: string,
  disk: RoomDisk,
): { readonly octets: number; readonly blockOctets: number; readonly files: number } | undefined {
  try {
    const { blocks, bavail, bfree, bsize, files, ffree } = disk.statfsSync(path);
    if (blocks === 0) return undefined;
    // What a file system keeps for root is root's.
    const free = process.geteuid?.() === 0 ? bfree : bavail;
    return { octets: free * bsize, blockOctets: bsize, files: files === 0 ? Infinity : ffree };
  } catch {
    return undefined;
  }
}

/** The disk that a directory is on, or would be; undefined where that cannot be seen. */
function findDevice(
  path: string,
  disk: RoomDisk,
): { readonly path: string; readonly device: number } | undefined {
  try {
    const stats = disk.statSync(path, { throwIfNoEntry: false });
    return stats ? { path, device: stats.dev } : findDevice(dirname(path), disk);
  } catch {
    return undefined;
  }
}

function kibibytes(octets: number): string {
  return `${Math.floor(octets / 1024).toLocaleString('en')} KiB`;
}
