import * as fs from 'node:fs';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot } from '../authority/ports.ts';
import { parseClientName } from '../core/client-name.ts';
import type { Serial } from '../core/serial.ts';
import { comparePaths, deliveryFileOf } from './backup-layout.ts';
import { readCurrent } from './deliveries-links.ts';
import { isSerial, placeOf } from './deliveries-place.ts';
import { hasErrorCode, ioError } from './io-error.ts';

/** The files of one client's delivery, as paths in a backup. */
export interface DeliveryFiles {
  readonly client: string;
  readonly paths: readonly string[];
}

/**
 * The deliveries in the home directory, as they were at the record's head, a client at a time: all files of the version
 * that was in place, and the private keys of those that were owed, which are nowhere else. Versions that the record does
 * not know at its head are later ones, and are left out; the one before is still beside them, for a delivery keeps it.
 */
export async function* findDeliveries(
  homePath: string,
  deliveryOf: Snapshot['deliveryOf'],
): AsyncGenerator<DeliveryFiles> {
  for (const name of namesIn(join(homePath, 'clients')).sort(comparePaths)) {
    if (!isClientName(name)) continue;
    const client = parseClientName(name);
    const place = placeOf(client, { kind: 'home' }, homePath);
    const known: { readonly serial: Serial; readonly state: 'done' | 'owed'; readonly files: string[] }[] =
      [];
    for (const serial of namesIn(place.versions).filter(isSerial).sort(comparePaths)) {
      const state = await deliveryOf(serial);
      if (!state) continue;
      const files = filesIn(join(place.versions, serial)).filter((file) => deliveryFileOf(client, file));
      known.push({ serial, state, files });
    }
    const current = readCurrent(place, fs);
    const complete = known.filter(({ files }) => files.includes(place.names.certificate));
    const inPlace =
      complete.find(({ serial }) => serial === current) ?? complete.find(({ state }) => state === 'done');
    const paths = known.flatMap(({ serial, state, files }) => {
      const taken =
        serial === inPlace?.serial
          ? files
          : files.filter((file) => state === 'owed' && file === place.names.privateKey);
      return taken.map((file) => `clients/${client}/.${client}/${serial}/${file}`);
    });
    if (paths.length > 0) yield { client, paths: paths.sort(comparePaths) };
  }
}

function filesIn(directory: string): string[] {
  return namesIn(directory).filter((name) => {
    const stats = lstatSync(join(directory, name), { throwIfNoEntry: false });
    return stats?.isFile() ?? false;
  });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw ioError(error, 'look into', directory);
  }
}

function isClientName(name: string): boolean {
  try {
    return parseClientName(name) === name && name !== 'ca';
  } catch {
    return false;
  }
}
