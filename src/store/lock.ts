import { closeSync, constants, openSync, readSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Clock } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import { createDurably, writeAll } from './durable-file.ts';
import { secretMode } from './file-mode.ts';
import { hasErrorCode, ioError } from './io-error.ts';

/** Who holds a lock, as it wrote into the lock file. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  readonly since: Date;
}

export interface LockOptions {
  /** What is locked, for messages: `the ledger`. */
  readonly what: string;
  /** How long to wait for others, in milliseconds, before `store/locked`. */
  readonly waitMs: number;
  readonly clock: Clock;
  /** Which of many independent locks in the file are needed, as numbers from 0; without it, the whole file. */
  readonly slots?: readonly number[];
  /** False to lock a file only if it is there, else `store/not-found`; it is made otherwise. */
  readonly create?: boolean;
  /** Called once, when somebody else turns out to hold the lock. */
  readonly onWait?: (holder: LockHolder | undefined) => void;
}

/** The octets of a slot: room for its holder's name. */
const slotOctets = 192;

const longestPauseMs = 20;

/**
 * Runs `work` while no other process, and nobody else in this one, holds the same slots of the lock file, and gives
 * its result. The kernel frees the lock when its holder dies; the file, mode 0600, is never removed. Where the system
 * locks whole files alone (macOS), slots exclude each other too.
 *
 * Throws `store/locked` naming the holder after `waitMs`.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const fd = openLockFile(path, options.create ?? true);
  try {
    await acquire(fd, path, options);
    return await work();
  } finally {
    closeSync(fd);
  }
}

/** Milliseconds of a clock that nobody sets. `performance` would load a module of its own, for a millisecond. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

async function acquire(fd: number, path: string, options: LockOptions): Promise<void> {
  // Loaded here, so that readers never pay for it. One order for all, lest two processes wait for each other.
  const { tryLock } = await import('fs-native-extensions');
  const slots = options.slots && [...new Set(options.slots)].sort((a, b) => a - b);
  const deadline = monotonicMs() + options.waitMs;
  let told = false;
  for (const slot of slots ?? [undefined]) {
    for (let pauseMs = 1; !tryTo(tryLock, fd, slot, path); pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      if (monotonicMs() >= deadline) throw refuse(options, readHolder(fd, slot));
      if (!told) options.onWait?.(readHolder(fd, slot));
      told = true;
      await sleep(pauseMs);
    }
    writeHolder(fd, slot, options.clock());
  }
}

function tryTo(
  tryLock: (fd: number, offset?: number, length?: number) => boolean,
  fd: number,
  slot: number | undefined,
  path: string,
): boolean {
  try {
    return slot === undefined ? tryLock(fd) : tryLock(fd, slot * slotOctets, slotOctets);
  } catch (error) {
    throw new CaError('store/unsupported', `cannot lock ${printable(path)}: ${String(error)}`, {
      hint: 'keep the home directory on a file system that has locks',
      cause: error,
    });
  }
}

function openLockFile(path: string, create: boolean): number {
  for (;;) {
    try {
      // Never through a link: where root works in somebody else's directory, it could lead to any file.
      return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    } catch (error) {
      if (!create || !hasErrorCode(error, 'ENOENT')) throw ioError(error, 'open the lock', path);
    }
    makeLockFile(path);
  }
}

function makeLockFile(path: string): void {
  try {
    createDurably(path, '', { mode: secretMode });
  } catch (error) {
    if (!(error instanceof CaError) || error.code !== 'store/occupied') throw error;
  }
}

function writeHolder(fd: number, slot: number | undefined, since: Date): void {
  const holder = { pid: process.pid, host: hostname().slice(0, 64), since };
  try {
    writeAll(fd, Buffer.from(`${JSON.stringify(holder).padEnd(slotOctets - 1)}\n`), (slot ?? 0) * slotOctets);
  } catch {
    // The name is a courtesy: a full disk is reported by the work itself.
  }
}

function readHolder(fd: number, slot: number | undefined): LockHolder | undefined {
  try {
    const octets = Buffer.alloc(slotOctets);
    const length = readSync(fd, octets, 0, slotOctets, (slot ?? 0) * slotOctets);
    const { pid, host, since } = JSON.parse(octets.toString('utf8', 0, length)) as Record<string, unknown>;
    if (typeof pid !== 'number' || typeof host !== 'string' || typeof since !== 'string') return undefined;
    return { pid, host, since: new Date(since) };
  } catch {
    return undefined;
  }
}

function refuse({ what, waitMs }: LockOptions, holder: LockHolder | undefined): CaError {
  const process = holder ? `process ${holder.pid}` : 'another process';
  const host = holder && holder.host !== hostname().slice(0, 64) ? ` on ${printable(holder.host)}` : '';
  const since = holder ? ` (since ${holder.since.toISOString().slice(11, 19)} UTC)` : '';
  return new CaError('store/locked', `${what} is locked by ${process}${host}${since}`, {
    hint: `it was still busy after ${Math.round(waitMs / 1000)} s: wait for it to finish, or stop it, then run the same command again`,
  });
}
