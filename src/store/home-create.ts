import {
  lchownSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { NewAuthority } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { EntryBody } from '../ledger/entry.ts';
import type { LedgerHead } from '../ledger/record.ts';
import { allCrlsFile, crlFiles, headName } from './crl-files.ts';
import { makeDirectories, removeEmpty, syncDirectories } from './directories.ts';
import {
  inheritedOwner,
  publicDirectoryMode,
  publicMode,
  quoteForShell,
  secretDirectoryMode,
  secretMode,
} from './file-mode.ts';
import { type FileToWrite, writeFiles } from './file-set.ts';
import { allDone } from './group-sync.ts';
import { removeUnfinished, unfinishedPrefix, whileUnfinished } from './home-unfinished.ts';
import { hasErrorCode, ioError } from './io-error.ts';
import { keyFileName } from './key-files.ts';

/** Begins a ledger with these entries in an empty directory, durably, and gives its head. */
export type BeginLedger = (directory: string, entries: readonly EntryBody[]) => LedgerHead;

const ledgerName = 'ledger';
const crlName = 'crl';

/** True if there is an authority: its settings or its record. Throws `store/permission` if we may not look. */
export function isAuthority(path: string): boolean {
  return look(join(path, 'ca.json')) !== undefined || look(join(path, ledgerName)) !== undefined;
}

/** Makes a new authority as {@link makeHome} does. */
export async function createHome(
  path: string,
  contents: NewAuthority,
  beginLedger: BeginLedger,
): Promise<void> {
  await makeHome(path, (root) => build(root, contents, beginLedger));
}

/**
 * Makes an authority as a whole: built and synced in a directory beside it, then put in place by one rename, which
 * succeeds on nothing or on an empty directory alone. Of two at once, one wins. On failure nothing is left, and what a
 * process left that was killed is removed by the next.
 *
 * Throws `authority/exists`, `store/occupied`, `store/unsupported` for a mount point, and what a disk does.
 *
 * @param fill writes all that is to be in the home into an empty directory, and syncs it
 */
export async function makeHome(path: string, fill: (root: string) => Promise<void>): Promise<void> {
  const existing = checkFree(path);
  const final = existing ? realpathSync(path) : path;
  const parents = makeDirectories(dirname(final), secretDirectoryMode);
  let temporary: string | undefined;
  try {
    await removeUnfinished(final);
    temporary = mkdtempSync(unfinishedPrefix(final));
    const root = temporary;
    // An empty directory that root prepared for a service stays the service's.
    const owner = existing && inheritedOwner(final);
    if (owner) lchownSync(temporary, owner.uid, owner.gid);
    await whileUnfinished(root, () => fill(root));
    renameSync(temporary, final);
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
    removeEmpty(parents);
    if (hasErrorCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) checkFree(path);
    throw existing ? explainExisting(error, path) : ioError(error, 'make the authority in', path);
  }
  await syncDirectories(new Set([dirname(final), ...parents.map(dirname)]));
}

interface Folder {
  /** Relative to the home directory; empty for itself. */
  readonly name: string;
  readonly mode: number;
  readonly files: readonly FileToWrite[];
}

/** What is open is so that an administrator can let servers in: after `chmod 711 HOME` they can read ca.crt and crl/. */
function foldersOf(contents: NewAuthority): readonly Folder[] {
  const { settings, settingsSchema, keys, certificates, crls } = contents;
  const pemOf = (role: string) => crls.find(({ issuer }) => issuer === role)?.pem;
  const [issuingPem, rootPem] = [pemOf('issuing'), pemOf('root')];
  const twoTier = keys.some(({ issuer }) => issuer === 'issuing');
  return [
    {
      name: '',
      mode: secretDirectoryMode,
      files: [
        { name: 'ca.json', content: settings, mode: publicMode },
        { name: 'ca.schema.json', content: settingsSchema, mode: publicMode },
        ...certificates.map(({ name, content, secret }) => ({
          name,
          content,
          mode: secret ? secretMode : publicMode,
        })),
      ],
    },
    {
      name: 'keys',
      mode: secretDirectoryMode,
      files: keys.map(({ issuer, pem }) => ({ name: keyFileName(issuer), content: pem, mode: secretMode })),
    },
    { name: ledgerName, mode: secretDirectoryMode, files: [] },
    {
      name: crlName,
      mode: publicDirectoryMode,
      files: [
        ...crls.flatMap((crl) => crlFiles(crl, twoTier)),
        ...(issuingPem && rootPem ? [allCrlsFile(issuingPem, rootPem)] : []),
      ],
    },
    { name: 'clients', mode: secretDirectoryMode, files: [] },
  ];
}

async function build(root: string, contents: NewAuthority, beginLedger: BeginLedger): Promise<void> {
  const folders = foldersOf(contents);
  for (const { name, mode } of folders) makeDirectories(join(root, name), mode, inheritedOwner);
  const ledger = join(root, ledgerName);
  const signed = contents.signHead(beginLedger(ledger, contents.entries));
  const head = { name: headName, content: signed, mode: publicMode };
  await allDone([
    syncDirectories([ledger]),
    ...folders.map(({ name, files }) =>
      writeFiles(join(root, name), name === crlName || name === '' ? [...files, head] : files),
    ),
  ]);
}

/** The stats of what is there, an empty directory, or undefined for nothing. Throws if there is anything more. */
function checkFree(path: string): Stats | undefined {
  const stats = look(path);
  if (!stats) return undefined;
  if (!stats.isDirectory()) {
    throw new CaError('store/occupied', `${printable(path)} is a file`, {
      hint: 'name another directory with --home',
    });
  }
  if (isAuthority(path)) {
    throw new CaError('authority/exists', `there is an authority in ${printable(path)}`, {
      hint: 'see it with: ca status, and the same --home; make another with: ca init --home DIR',
    });
  }
  const names = list(path);
  if (names.length > 0) {
    const shown = names.slice(0, 3).map(printable).join(', ');
    throw new CaError(
      'store/occupied',
      `${printable(path)} is not empty: it holds ${shown}${names.length > 3 ? ' and more' : ''}`,
      { hint: `use a directory of its own: --home ${quoteForShell(printable(join(path, 'ca')))}` },
    );
  }
  return stats;
}

/** A mount point cannot be replaced, nor a directory whose parent belongs to somebody else. */
function explainExisting(error: unknown, path: string): unknown {
  if (!hasErrorCode(error, 'EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS')) {
    return ioError(error, 'make the authority in', path);
  }
  const why = hasErrorCode(error, 'EBUSY', 'EXDEV') ? 'it is a mount point' : 'its parent is not writable';
  return new CaError(
    'store/unsupported',
    `cannot put the authority in place of ${printable(path)} in one step: ${why}`,
    { cause: error, hint: `use a directory in it: --home ${quoteForShell(printable(join(path, 'ca')))}` },
  );
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (hasErrorCode(error, 'ENOTDIR')) return undefined;
    throw ioError(error, 'look at', path);
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw ioError(error, 'look into', path);
  }
}
