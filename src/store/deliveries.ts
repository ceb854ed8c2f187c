import { hash } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Claim, Clock, Deliveries, DeliveryToMake, VersionToStage } from '../authority/ports.ts';
import { type ClientName, clientNameKey } from '../core/client-name.ts';
import { printable } from '../core/printable.ts';
import type { DeliveryTarget } from '../ledger/entry.ts';
import { checkStableNames, isInPlace, readCurrent } from './deliveries-links.ts';
import {
  allFiles,
  certificateFiles,
  checkPlace,
  checkVersions,
  type DeliveryDisk,
  HomePaths,
  occupied,
  type Place,
  pathsOf,
  placeOf,
  versionPath,
} from './deliveries-place.ts';
import { DeliveryVersions } from './deliveries-versions.ts';
import type { ThreadedDeliveries } from './delivery-thread.ts';
import type { FileSystemFlush } from './file-system-flush.ts';
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
  /** Where many are made at once: how to flush the file system of the home directory, if it can be. */
  readonly openFlush?: (directory: string) => Promise<FileSystemFlush | undefined>;
  /** Where a great many are made: how to have it done by another thread. */
  readonly openThread?: () => Promise<ThreadedDeliveries | undefined>;
}

/** From so many on, a flush of the whole file system is cheaper than what it replaces. */
const flushFrom = 5;

/** From so many on, another thread is worth its start. */
const threadFrom = 256;

/** How many deliveries hold their files open at the same time, where each file is synced by itself. */
const openAtOnce = 128;

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
  const home = new HomePaths(homePath, disk);
  const versions = new DeliveryVersions(home, disk);
  let homeFlush: Promise<FileSystemFlush | undefined> | undefined;
  /** Where it cannot be found out each file is synced by itself. */
  const findFlush = () => {
    homeFlush ??= options.openFlush?.(homePath).catch(() => undefined);
    return homeFlush;
  };
  /** Somebody may have put the clients' files on another disk. */
  const isHomeFlushed = ({ device }: FileSystemFlush) =>
    disk.statSync(join(homePath, 'clients'), { throwIfNoEntry: false })?.dev === device;
  const isInHome = ({ target }: { readonly target: DeliveryTarget }) => target.kind === 'home';
  let thread: Promise<ThreadedDeliveries | undefined> | undefined;
  /** The other thread, if one can be had; once there is one, it makes all: it knows what it has staged. */
  const findThread = (count: number) => {
    if (count >= threadFrom) thread ??= options.openThread?.();
    return thread;
  };
  const stage = async (
    { client, target, serial, keyPem }: VersionToStage,
    flush: FileSystemFlush | undefined,
    hasRoom: boolean,
  ) => {
    const place = placeFor(client, target);
    return translate('deliver to', place.directory, () =>
      versions.stage(place, serial, keyPem, { flush, hasRoom }),
    );
  };
  const make = async ({ client, target, serial, contents }: DeliveryToMake, flushed?: FileSystemFlush) => {
    const place = placeFor(client, target);
    return translate('deliver to', place.directory, () => versions.deliver(place, serial, contents, flushed));
  };
  /** The end of those that hold their files open: no others do meanwhile. */
  let holding: Promise<unknown> = Promise.resolve();
  /** Does the work for all; they are synced together. */
  const together = async <T extends { readonly target: DeliveryTarget }, R>(
    items: readonly T[],
    work: (item: T, flushed?: FileSystemFlush) => Promise<R>,
  ): Promise<readonly PromiseSettledResult<R>[]> => {
    const flushed = items.length < flushFrom ? undefined : await findFlush();
    const start = (some: readonly T[]) => Promise.allSettled(some.map((item) => work(item, flushed)));
    if (items.length <= 1 || (flushed && isHomeFlushed(flushed) && items.every(isInHome)))
      return start(items);
    const outcomes: Promise<PromiseSettledResult<R>[]>[] = [];
    for (let from = 0; from < items.length; from += openAtOnce) {
      const some = items.slice(from, from + openAtOnce);
      const done = holding.then(() => start(some));
      holding = done;
      outcomes.push(done);
    }
    return (await Promise.all(outcomes)).flat();
  };
  const stageMany: Deliveries['stageAll'] = async (many) => {
    if (many.length < flushFrom) return together(many, (version, flushed) => stage(version, flushed, true));
    const shortages = versions.findShortages(
      many.map(({ client, target, keyPem }) => ({
        place: placeFor(client, target),
        hasKey: keyPem !== undefined,
      })),
    );
    const roomy = many.filter((_, index) => !shortages[index]);
    const staged = (await together(roomy, (version, flushed) => stage(version, flushed, false))).values();
    return shortages.map((reason) => (reason ? { status: 'rejected', reason } : next(staged)));
  };
  const stageAll: Deliveries['stageAll'] = async (many) =>
    (await findThread(many.length))?.stageAll(many) ?? stageMany(many);
  const deliverAll: Deliveries['deliverAll'] = async (many) =>
    (await findThread(many.length))?.deliverAll(many) ?? together(many, make);

  return {
    check: async (client, target) => {
      const place = placeFor(client, target);
      return translate('deliver to', place.directory, async () => {
        const { real, exists } = checkPlace(place, home, disk);
        if (exists) checkStableNames(place, certificateFiles, disk);
        return claimsOf(place, target, real);
      });
    },

    stageAll,
    stage: async (client, target, serial, keyPem) =>
      only(await stageAll([{ client, target, serial, keyPem }])),

    readKey: async (client, target, serial) => {
      const place = placeFor(client, target);
      return readText(join(versionPath(place, serial), place.names.privateKey), disk);
    },

    async readPkcs12Password(client, target) {
      const place = placeFor(client, target);
      const serial = readCurrent(place, disk);
      if (serial === undefined) return undefined;
      return readText(join(versionPath(place, serial), place.names.pkcs12Password), disk);
    },

    deliver: async (client, target, serial, contents) =>
      only(await deliverAll([{ client, target, serial, contents }])),
    deliverAll,

    directory: (client, target) => placeFor(client, target).directory,

    paths: async (client, target) => {
      const place = placeFor(client, target);
      return translate('look at', place.directory, async () =>
        pathsOf(place, (file) => isInPlace(place, file, disk)),
      );
    },

    discard: async (client, target, serial) => {
      const other = await thread;
      if (other) return other.discard(client, target, serial);
      const place = placeFor(client, target);
      return translate('discard a version in', place.directory, async () => {
        if (readCurrent(place, disk) === serial) throw new Error(`version ${serial} is in place`);
        const version = versionPath(place, serial);
        checkVersions(place, disk);
        versions.discard(
          version,
          target.kind === 'home' ? [place.directory, place.versions] : [place.versions],
        );
      });
    },

    exclusively: (clients, work) => {
      const [first] = clients;
      const what = clients.length === 1 && first ? `the delivery of ${first}` : 'a delivery';
      const lock = { ...options, what, waitMs: options.lockWaitMs, slots: clients.map(lockSlot) };
      return withLock(join(homePath, 'delivery.lock'), lock, work);
    },
  };
}

function next<T>(items: Iterator<T>): T {
  const { done, value } = items.next();
  if (done) throw new Error('there are fewer than were asked for');
  return value;
}

/** What came of the one that was asked for. */
function only<T>([outcome]: readonly PromiseSettledResult<T>[]): T {
  if (!outcome) throw new Error('nothing came of it');
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** The slot of a client's lock, which names that differ in case or Unicode form alone share. */
function lockSlot(client: ClientName): number {
  return hash('sha256', clientNameKey(client), 'buffer').readUInt32BE(0) % lockSlots;
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
