import { clientNameKey, parseClientName } from '../core/client-name.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import { damagedBackup } from './backup-fault.ts';
import { type DeliveryNames, isSerial, namesOf } from './deliveries-place.ts';
import { publicDirectoryMode, publicMode, secretDirectoryMode, secretMode } from './file-mode.ts';
import type { TarEntry } from './tar.ts';

/**
 * A backup is a tar archive whose members are a home directory, so that `tar -xf` makes one, with two files before
 * them that a person and `sha256sum -c` can read:
 *
 *     manifest.json    what it is, when it was made, of which authority, up to which entry
 *     SHA256SUMS       of manifest.json and every other file, in the order of their paths
 *     keys/ ledger/ crl/ clients/, then the files, sorted; the directories and links of a delivery with its files
 */
export const manifestName = 'manifest.json';
export const sumsName = 'SHA256SUMS';

/** The longest list of hashes, which is held in memory: of more than a million files. */
export const longestSums = 256 << 20;

/** The longest line of it: a hash, and a path of names that have at most 200 octets each. */
export const longestSumsLine = 1024;

/** What a file of a backup is, and the permissions that it has. */
export type BackupFile = { readonly mode: number } & (
  | { readonly kind: 'own' | 'torn' }
  | { readonly kind: 'key'; readonly issuer: IssuerRole }
  | { readonly kind: 'segment'; readonly segment: number }
  | { readonly kind: 'delivery'; readonly client: string; readonly serial: string; readonly name: string }
);

/** What that path is in a backup; undefined for every other path, above all for those that would leave the home. */
export function backupFileAt(path: string): BackupFile | undefined {
  if (
    /^(ca\.json|ca\.schema\.json|ca\.crt|chain\.crt|ledger\.head)$/.test(path) ||
    // What else lies there is not ours, and `.spread` says that copies exist which a restored authority may not have.
    /^crl\/((ca|root)\.crl(\.pem)?|all\.crl\.pem|ledger\.head|lost-\d+-[0-9a-f]{8}\.head)$/.test(path)
  ) {
    return { kind: 'own', mode: publicMode };
  }
  const key = /^keys\/(root|issuing)\.key$/.exec(path)?.[1];
  if (key === 'root' || key === 'issuing') return { kind: 'key', issuer: key, mode: secretMode };
  const segment = /^ledger\/(\d{8})\.jsonl$/.exec(path)?.[1];
  if (segment) return { kind: 'segment', segment: Number(segment), mode: publicMode };
  if (/^ledger\/torn-\d+-\d+\.bin$/.test(path)) return { kind: 'torn', mode: publicMode };
  return deliveryFileAt(path);
}

function deliveryFileAt(path: string): BackupFile | undefined {
  const [, client = '', hidden, serial = '', name = ''] =
    /^clients\/([^/]+)\/\.([^/]+)\/([0-9a-f]+)\/([^/]+)$/.exec(path) ?? [];
  if (hidden !== client || !isSerial(serial) || !isDeliveredTo(client)) return undefined;
  const file = deliveryFileOf(client, name);
  if (!file) return undefined;
  const isPublic = file === 'certificate' || file === 'chain' || file === 'ca';
  return { kind: 'delivery', client, serial, name, mode: isPublic ? publicMode : secretMode };
}

/** Which file of a client's delivery has that name. */
export function deliveryFileOf(client: string, name: string): keyof DeliveryNames | undefined {
  if (name === rootName) return 'ca';
  const ending = name.startsWith(client) ? name.slice(client.length) : '';
  return ending === rootName ? undefined : fileOfEnding.get(ending);
}

const rootName = namesOf('').ca;

/** Looked up for every file of every client, twice. */
const fileOfEnding = new Map(
  (Object.entries(namesOf('')) as [keyof DeliveryNames, string][]).map(([file, ending]) => [ending, file]),
);

/** A member to come: a file without its size, which its header tells. */
export type PlannedMember =
  | Exclude<TarEntry, { type: 'file' }>
  | { readonly type: 'file'; readonly path: string };

/** The directories that every home has. */
const folders = [
  ['keys/', secretDirectoryMode],
  ['ledger/', secretDirectoryMode],
  ['crl/', publicDirectoryMode],
  ['clients/', secretDirectoryMode],
] as const;

/**
 * The members that follow `SHA256SUMS`, told by the paths in it: nothing else may be in a backup, so that no archive
 * leads a file or link out of its place. Throws `store/damaged-backup` for paths that no backup has.
 */
export function* planMembers(paths: Iterable<string>): Generator<PlannedMember> {
  for (const [path, mode] of folders) yield { type: 'directory', path, mode };
  let before = '';
  let delivery: Delivery | undefined;
  for (const path of paths) {
    const file = backupFileAt(path);
    if (!file) throw damagedBackup(`it lists ${JSON.stringify(path)}, which no authority has`);
    if (comparePaths(before, path) >= 0) throw damagedBackup(`it lists ${JSON.stringify(path)} out of order`);
    before = path;
    if (delivery && (file.kind !== 'delivery' || file.client !== delivery.client)) {
      yield* linksOf(delivery);
      delivery = undefined;
    }
    if (file.kind === 'delivery') {
      if (!delivery) yield* directoriesOf(file.client);
      delivery ??= { client: file.client, version: '', current: undefined, names: [] };
      if (delivery.version !== file.serial) yield versionDirectory(file.client, file.serial);
      addTo(delivery, file.serial, file.name);
    }
    yield { type: 'file', path };
  }
  if (delivery) yield* linksOf(delivery);
}

/** One client's delivery as far as its files have come. */
interface Delivery {
  readonly client: string;
  /** The version of the file that came last. */
  version: string;
  /** The version with a certificate: what is in place. Others hold the key of a certificate that is still to be delivered. */
  current: { readonly serial: string; readonly names: string[] } | undefined;
  names: string[];
}

function addTo(delivery: Delivery, serial: string, name: string): void {
  if (delivery.version !== serial) delivery.names = [];
  delivery.version = serial;
  delivery.names.push(name);
  if (name !== `${delivery.client}.crt`) return;
  if (delivery.current) throw damagedBackup(`it has two certificates in place for ${delivery.client}`);
  delivery.current = { serial, names: delivery.names };
}

function directoriesOf(client: string): PlannedMember[] {
  return [`clients/${client}/`, `clients/${client}/.${client}/`].map((path) => directory(path));
}

function versionDirectory(client: string, serial: string): PlannedMember {
  return directory(`clients/${client}/.${client}/${serial}/`);
}

function directory(path: string): PlannedMember {
  return { type: 'directory', path, mode: secretDirectoryMode };
}

function linksOf({ client, current }: Delivery): PlannedMember[] {
  if (!current) return [];
  const stable = current.names.map((name) => ({
    type: 'link' as const,
    path: `clients/${client}/${name}`,
    target: `.${client}/current/${name}`,
  }));
  return [{ type: 'link', path: `clients/${client}/.${client}/current`, target: current.serial }, ...stable];
}

/** The order of paths in a backup: that of their octets. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** True for a name under which a client has files: `ca.crt` would be the root's. */
export function isDeliveredTo(text: string): boolean {
  try {
    return clientNameKey(parseClientName(text)) !== 'ca';
  } catch {
    return false;
  }
}
