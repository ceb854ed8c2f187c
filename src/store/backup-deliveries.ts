import * as fs from 'node:fs';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MissingDelivery, RecordedDeliveries, Snapshot } from '../authority/backup-ports.ts';
import { type ClientName, parseClientName } from '../core/client-name.ts';
import type { Serial } from '../core/serial.ts';
import { changedMeanwhile } from './backup-fault.ts';
import { comparePaths, deliveryFileOf, isDeliveredTo } from './backup-layout.ts';
import { readCurrent } from './deliveries-links.ts';
import { isSerial, type Place, placeOf } from './deliveries-place.ts';
import { hasErrorCode, ioError } from './io-error.ts';

/** The files of one client's delivery, as paths in a backup. */
export interface DeliveryFiles {
  readonly client: ClientName;
  readonly paths: readonly string[];
  /** What the record says was delivered here and is not. */
  readonly missing?: MissingDelivery['what'];
}

/** One version on disk that the record knows at its head. */
interface Version {
  readonly serial: Serial;
  readonly state: 'done' | 'owed';
  readonly files: readonly string[];
}

/**
 * The deliveries in the home directory, as they were at the record's head, a client at a time: all files of the version
 * that was in place, and the private keys of those that were owed, which are nowhere else. Versions that the record does
 * not know at its head are later ones, and are left out; the one before is still beside them, for a delivery keeps it.
 * Throws `store/changed` where there are two later ones, and that before them is gone.
 */
export async function* findDeliveries(
  homePath: string,
  snapshot: Snapshot,
  onClients: (done: number, total: number) => void,
): AsyncGenerator<DeliveryFiles> {
  const names = namesIn(join(homePath, 'clients')).sort(comparePaths);
  for (const [index, name] of names.entries()) {
    onClients(index + 1, names.length);
    if (!isDeliveredTo(name)) continue;
    const client = parseClientName(name);
    const recorded = await snapshot.deliveriesTo(client);
    if (!recorded) continue;
    const place = placeOf(client, { kind: 'home' }, homePath);
    const { paths, missing, isGoing } = findVersions(place, recorded);
    if ((missing || isGoing) && (await isRenewedSince(place, recorded, snapshot)))
      throw changedMeanwhile(place.versions);
    if (paths.length > 0 || missing) yield { client, paths, ...(missing ? { missing } : {}) };
  }
}

/**
 * What to take of a client's versions, and what the client has from here by the record and is not there. `isGoing`: there
 * are two later versions, so that the one before them may just be on its way out.
 */
function findVersions(
  place: Place,
  { certificates, inHome, isLive, withKey }: RecordedDeliveries,
): {
  readonly paths: readonly string[];
  readonly missing: MissingDelivery['what'] | undefined;
  readonly isGoing: boolean;
} {
  // By the record's order: serials are random.
  const there = new Set(namesIn(place.versions));
  const known: readonly Version[] = certificates
    .filter(({ serial }) => there.has(serial))
    .map(({ serial, state }) => ({ serial, state, files: filesIn(place, serial) }));
  const current = readCurrent(place, fs);
  const complete = known.filter(({ files }) => files.includes(place.names.certificate));
  const inPlace =
    complete.find(({ serial }) => serial === current) ?? complete.findLast(({ state }) => state === 'done');
  const paths = known.flatMap(({ serial, state, files }) => {
    const taken =
      serial === inPlace?.serial
        ? files
        : files.filter((file) => state === 'owed' && file === place.names.privateKey);
    return taken.map((file) => `clients/${place.client}/.${place.client}/${serial}/${file}`);
  });
  const delivered = complete.find(({ serial }) => serial === inHome);
  const isKeyGone = withKey && !delivered?.files.includes(place.names.privateKey);
  const missing = !delivered ? 'files' : isKeyGone ? 'key' : undefined;
  return {
    paths: paths.sort(comparePaths),
    missing: isLive ? missing : undefined,
    isGoing: current !== undefined && !isKnown(current, certificates) && laterIn(place, certificates) > 1,
  };
}

function laterIn(place: Place, certificates: RecordedDeliveries['certificates']): number {
  return namesIn(place.versions).filter((name) => isSerial(name) && !isKnown(name, certificates)).length;
}

function isKnown(serial: Serial, certificates: RecordedDeliveries['certificates']): boolean {
  return certificates.some((each) => each.serial === serial);
}

/** Tells a client that was renewed meanwhile from one whose files somebody took away, or whose renewal the record lost. */
async function isRenewedSince(
  place: Place,
  { certificates }: RecordedDeliveries,
  snapshot: Snapshot,
): Promise<boolean> {
  const current = readCurrent(place, fs);
  return current !== undefined && !isKnown(current, certificates) && snapshot.isKnownByNow(current);
}

/** Regular files alone, never what a link leads to: in a directory of somebody else's that could be any file. */
function filesIn(place: Place, serial: Serial): string[] {
  const directory = join(place.versions, serial);
  return entriesIn(directory)
    .filter((entry) => entry.isFile() && deliveryFileOf(place.client, entry.name))
    .map(({ name }) => name);
}

function namesIn(directory: string): string[] {
  return entriesIn(directory).map(({ name }) => name);
}

function entriesIn(directory: string): fs.Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw ioError(error, 'look into', directory);
  }
}
