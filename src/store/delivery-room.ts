import { dirname } from 'node:path';
import process from 'node:process';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { Disk } from './disk.ts';

/** More than a version usually takes: seven files in blocks of 4 KiB, of RSA keys and two tiers. A hundred names take more. */
export const roomOctets = 48 << 10;

type RoomDisk = Pick<Disk, 'statSync' | 'statfsSync'>;

/**
 * Checks that the disks of these directories, of which some may not be there yet, have the room that a version in each
 * usually takes. It is a look and no claim: others may be faster.
 *
 * @param staged versions that have a place and no files yet: their room is taken, too
 * @throws CaError `store/disk-full`
 */
export function checkRoom(directories: readonly string[], staged: number, disk: RoomDisk): void {
  const disks = new Map<number, { readonly path: string; clients: number }>();
  for (const directory of directories) {
    const { path, device } = findDevice(directory, disk);
    const known = disks.get(device) ?? { path, clients: staged };
    known.clients++;
    disks.set(device, known);
  }
  for (const { path, clients } of disks.values()) {
    const { blocks, bavail, bfree, bsize } = disk.statfsSync(path);
    // What a file system keeps for root is root's.
    const free = (process.geteuid?.() === 0 ? bfree : bavail) * bsize;
    const wanted = clients * roomOctets;
    // Some file systems do not say how large they are.
    if (blocks === 0 || free >= wanted) continue;
    throw new CaError(
      'store/disk-full',
      `the disk of ${printable(path)} has ${megabytes(free)} left, and the files of ${clients} clients may take ${megabytes(wanted)}`,
      { hint: 'free some space, then run the same command again' },
    );
  }
}

/** Where a directory is, or would be. */
function findDevice(path: string, disk: RoomDisk): { readonly path: string; readonly device: number } {
  const stats = disk.statSync(path, { throwIfNoEntry: false });
  return stats ? { path, device: stats.dev } : findDevice(dirname(path), disk);
}

function megabytes(octets: number): string {
  return `${(octets / 1e6).toFixed(1)} MB`;
}
