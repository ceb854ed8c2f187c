import { type Stats, statSync } from 'node:fs';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import { type Disk, realDisk } from './disk.ts';
import { ioError } from './io-error.ts';

/** Keys, passphrases, and what holds them. */
export const secretMode = 0o600;

/** Certificates, CRLs, settings: whoever may enter the directory may read them. */
export const publicMode = 0o644;

export const secretDirectoryMode = 0o700;

/** Directories that hold nothing secret, such as `crl/`. */
export const publicDirectoryMode = 0o755;

/** The user and group that a file is given to. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Throws `store/insecure-mode` if anybody but the file's owner may do anything with it. Who owns it does not
 * matter: if nobody else can read it and we have, we are the owner or root. Pipes, as in `<(pass show ca)`, have no
 * file mode worth a look, nor has Windows.
 */
export function checkOwnerOnly(stats: Stats, path: string, what: string): void {
  if (process.platform === 'win32' || !stats.isFile() || (stats.mode & 0o077) === 0) return;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
  throw new CaError('store/insecure-mode', `${what} ${printable(path)} has mode ${mode} > 0600 allowed`, {
    hint: `close it with: chmod 600 ${quoteForShell(printable(path))}`,
  });
}

/** True if anybody but the owner may write to it. The group is somebody else, too, as it is for keys. */
export function isOpenToOthers({ mode }: Pick<Stats, 'mode'>): boolean {
  return process.platform !== 'win32' && (mode & 0o022) !== 0;
}

/** Throws `store/insecure-mode` if anybody but the owner may write to what is to be trusted. */
export function checkClosedToOthers(stats: Stats, path: string, what: string): void {
  if (!isOpenToOthers(stats)) return;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
  throw new CaError(
    'store/insecure-mode',
    `${what} ${printable(path)} has mode ${mode}: others than its owner may write to it`,
    {
      hint: `close it with: chmod -R go-w ${quoteForShell(printable(path))}; then look whether ca.json is as you left it`,
    },
  );
}

/**
 * The owner that new files in that directory are given: the directory's own, when root works in somebody else's
 * directory, since a service could not read its key or take its lock otherwise; undefined when they stay with who
 * makes them. Throws `store/…`.
 */
export function inheritedOwner(directory: string): Owner | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  try {
    return ownerFrom(statSync(directory));
  } catch (error) {
    throw ioError(error, 'look at', directory);
  }
}

/** Like {@link inheritedOwner}, of a directory that was looked at. */
export function ownerFrom({ uid, gid }: Owner): Owner | undefined {
  return process.geteuid?.() !== 0 || uid === 0 ? undefined : { uid, gid };
}

/**
 * Gives a file that was just made in that directory to its {@link inheritedOwner}: by descriptor, since its name may be
 * another file's by now where somebody else owns the directory.
 */
export function giveToOwnerOf(
  directory: string,
  fd: number,
  disk: Pick<Disk, 'fchownSync'> = realDisk,
): void {
  const owner = inheritedOwner(directory);
  if (owner) disk.fchownSync(fd, owner.uid, owner.gid);
}

/** The text as one word of a POSIX shell, for commands in hints. */
export function quoteForShell(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
