import type * as fs from 'node:fs';
import type { FileSystemFlush } from './file-system-flush.ts';

/** The part of node:fs that syncs; tests put a failing disk here. */
export type SyncDisk = Pick<typeof fs, 'fsync' | 'openSync' | 'closeSync'>;

/** A file by its descriptor, a directory by its path, or all that is on a file system. */
type Target = number | string | FileSystemFlush;

interface Request {
  readonly target: Target;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const waiting = new WeakMap<SyncDisk, Request[]>();

/**
 * Syncs a file, a directory or a file system, together with all that others ask for at the same time, and ends when all of these are on
 * disk. A journaling file system then commits once for many files, and nobody makes new ones meanwhile, who would have to
 * wait for that commit: deliveries of many clients go in step. Throws the system's error.
 */
export function groupSync(target: Target, disk: SyncDisk): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = { target, resolve, reject };
    const group = waiting.get(disk);
    if (group) {
      group.push(request);
      return;
    }
    waiting.set(disk, [request]);
    setImmediate(runGroups, disk);
  });
}

/** One group after the other, until nobody asks for more. */
async function runGroups(disk: SyncDisk): Promise<void> {
  for (let group = waiting.get(disk); group && group.length > 0; group = waiting.get(disk)) {
    waiting.set(disk, []);
    const outcomes = new Map<Target, Promise<void>>();
    for (const { target } of group) {
      if (!outcomes.has(target)) outcomes.set(target, syncOne(target, disk));
    }
    await Promise.allSettled(outcomes.values());
    for (const { target, resolve, reject } of group) outcomes.get(target)?.then(resolve, reject);
    // Those who were waiting go on first, and ask for what comes next.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  waiting.delete(disk);
}

async function syncOne(target: Target, disk: SyncDisk): Promise<void> {
  if (typeof target === 'object') return target.run();
  if (typeof target === 'number') return syncFile(target, disk);
  const fd = disk.openSync(target, 'r');
  try {
    await syncFile(fd, disk);
  } finally {
    disk.closeSync(fd);
  }
}

/** Syncs a file by its descriptor, at once. Throws the system's error. */
export function syncFile(fd: number, disk: Pick<SyncDisk, 'fsync'>): Promise<void> {
  return new Promise((resolve, reject) => {
    disk.fsync(fd, (error) => (error ? reject(error) : resolve()));
  });
}

/** Waits until all have ended, so that nothing is still at work when the first error of any is thrown. */
export async function allDone(works: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) {
    if (result.status === 'rejected') throw result.reason;
  }
}
