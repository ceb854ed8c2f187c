import type * as fs from 'node:fs';
import { constants } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import type { DeliveryContents, DeliveryPaths } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { type ClientName, clientNameKey } from '../core/client-name.ts';
import { printable } from '../core/printable.ts';
import type { Serial } from '../core/serial.ts';
import type { DeliveryTarget } from '../ledger/entry.ts';
import { child, type FileSetDisk } from './file-set.ts';
import { hasErrorCode, ioError } from './io-error.ts';

/** The part of node:fs that deliveries use; tests put a disk here that dies at any step. */
export type DeliveryDisk = FileSetDisk &
  Pick<
    typeof fs,
    | 'accessSync'
    | 'lchownSync'
    | 'lstatSync'
    | 'readFileSync'
    | 'readlinkSync'
    | 'realpathSync'
    | 'rmSync'
    | 'symlinkSync'
  >;

/**
 * Where one client's delivery is:
 *
 *     DIR/billing.crt            → .billing/current/billing.crt, and so on for each file: these names stay
 *     DIR/.billing/current       → 0a1b…, replaced by one rename
 *     DIR/.billing/0a1b…/        one version's files
 */
export interface Place {
  readonly client: ClientName;
  readonly directory: string;
  readonly versions: string;
  readonly current: string;
  readonly names: DeliveryNames;
}

/** The file names of a delivery. */
export type DeliveryNames = Readonly<Record<DeliveryFile, string>>;

export type DeliveryFile = keyof DeliveryContents;

export const allFiles: readonly DeliveryFile[] = [
  'certificate',
  'chain',
  'ca',
  'privateKey',
  'bundle',
  'pkcs12',
  'pkcs12Password',
];

/** The files that every delivery has. */
export const certificateFiles: readonly DeliveryFile[] = ['certificate', 'chain', 'ca'];

/** The place of a client's delivery. Throws `core/invalid-client-name` for the one name that is taken: `ca`. */
export function placeOf(client: ClientName, target: DeliveryTarget, homePath: string): Place {
  if (target.kind === 'stdout') throw new Error('standard output has no files');
  // Names are checked where they are typed and read; a path that leaves its directory is worth a second look.
  if (basename(client) !== client || client.startsWith('.') || client === '') {
    throw new Error(`client name ${JSON.stringify(client)} is not a file name`);
  }
  if (clientNameKey(client) === 'ca') {
    throw new CaError('core/invalid-client-name', 'client name "ca" would make ca.crt, which is the root', {
      hint: 'use another name, for example: ca-client',
    });
  }
  const directory = target.kind === 'home' ? child(join(homePath, 'clients'), client) : target.path;
  if (!isAbsolute(directory)) throw new Error(`delivery directory ${directory} is not absolute`);
  const versions = child(directory, `.${client}`);
  return { client, directory, versions, current: child(versions, 'current'), names: namesOf(client) };
}

/** The directory of one version. */
export function versionPath({ versions }: Place, serial: Serial): string {
  if (!isSerial(serial)) throw new Error(`serial ${JSON.stringify(serial)} is not a file name`);
  return child(versions, serial);
}

/** True for a name that a version may have. */
export function isSerial(name: string): name is Serial {
  return /^[0-9a-f]{2,40}$/.test(name);
}

/** The home directory, with the true paths that are asked for again and again. */
export class HomePaths {
  readonly path: string;
  readonly #disk: DeliveryDisk;
  readonly #real = new Map<string, string>();

  constructor(path: string, disk: DeliveryDisk) {
    this.path = path;
    this.#disk = disk;
  }

  /** The path without links. */
  real(path: string): string {
    const known = this.#real.get(path);
    if (known !== undefined) return known;
    const real = this.#disk.realpathSync(path);
    if (path === this.path || path === join(this.path, 'clients')) this.#real.set(path, real);
    return real;
  }
}

/** What was found where a delivery is to go. */
export interface FoundPlace {
  /** The path of the directory, without links. */
  readonly real: string;
  /** False if the directory is still to be made. */
  readonly exists: boolean;
}

/**
 * Throws unless a delivery could be written there: `store/occupied` when a file is in the way or the directory is one of
 * the authority's own, `store/permission` and `store/read-only` when we may not write.
 */
export function checkPlace(place: Place, home: HomePaths, disk: DeliveryDisk): FoundPlace {
  const found = nearest(place.directory, disk);
  if (!found.isDirectory) {
    throw occupied(
      `${printable(found.path)} is not a directory`,
      'name another directory with ca issue --out',
    );
  }
  const exists = found.path === place.directory;
  const real = join(home.real(found.path), relative(found.path, place.directory));
  checkOutsideHome(real, home);
  try {
    disk.accessSync(found.path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw ioError(error, 'write to', found.path);
  }
  if (exists) checkVersions(place, disk);
  return { real, exists };
}

/**
 * Throws `store/occupied` unless the client's hidden directory is one that we made: a link could lead our files
 * anywhere, and somebody else's directory would let them swap our files.
 */
export function checkVersions({ directory, versions, current }: Place, disk: DeliveryDisk): void {
  const hint = 'look at it, and move it away if it is not needed';
  const stats = disk.lstatSync(versions, { throwIfNoEntry: false });
  if (!stats) return;
  if (!stats.isDirectory()) throw occupied(`${printable(versions)} is not a directory of ours`, hint);
  const us = process.geteuid?.();
  if (us !== undefined && stats.uid !== us && stats.uid !== disk.statSync(directory).uid) {
    throw occupied(`${printable(versions)} belongs to another user`, hint);
  }
  for (const entry of disk.readdirSync(versions, { withFileTypes: true })) {
    if (isSerial(entry.name) && !entry.isDirectory()) {
      throw occupied(`${printable(join(versions, entry.name))} is not a directory of ours`, hint);
    }
  }
  const link = disk.lstatSync(current, { throwIfNoEntry: false });
  if (link && !(link.isSymbolicLink() && isSerial(disk.readlinkSync(current)))) {
    throw occupied(`${printable(current)} is not a link of ours`, hint);
  }
}

/** The paths of a delivery's files, or undefined if one that every delivery has is not there. */
export function pathsOf(place: Place, isThere: (file: DeliveryFile) => boolean): DeliveryPaths | undefined {
  const pathOf = (file: DeliveryFile) =>
    isThere(file) ? child(place.directory, place.names[file]) : undefined;
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

export function occupied(message: string, hint: string): CaError {
  return new CaError('store/occupied', message, { hint });
}

/** The names of the files of a client's delivery. */
export function namesOf(client: string): DeliveryNames {
  return {
    certificate: `${client}.crt`,
    chain: `${client}-chain.crt`,
    ca: 'ca.crt',
    privateKey: `${client}.key`,
    bundle: `${client}.pem`,
    pkcs12: `${client}.p12`,
    pkcs12Password: `${client}.p12.password`,
  };
}

/** The path itself if there is anything, else the nearest directory above it. */
function nearest(path: string, disk: DeliveryDisk): { path: string; isDirectory: boolean } {
  try {
    const stats = disk.lstatSync(path, { throwIfNoEntry: false });
    if (stats) {
      // A link to nowhere is not a directory either.
      const target = stats.isSymbolicLink() ? disk.statSync(path, { throwIfNoEntry: false }) : stats;
      return { path, isDirectory: target?.isDirectory() ?? false };
    }
  } catch (error) {
    if (!hasErrorCode(error, 'ENOTDIR')) throw ioError(error, 'look at', path);
  }
  return nearest(dirname(path), disk);
}

function checkOutsideHome(directory: string, home: HomePaths): void {
  const clients = join(home.real(home.path), 'clients');
  if (isWithin(directory, clients) && directory !== clients) return;
  if (!isWithin(directory, dirname(clients))) return;
  throw occupied(
    `${printable(directory)} is inside the authority's own directory`,
    'name a directory outside, or leave --out away: the files then go to clients/ there',
  );
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}
