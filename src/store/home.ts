import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { FoundHead, Home } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import { allCrlsName, crlNames, headName } from './crl-files.ts';
import { makeDirectories, syncDirectories } from './directories.ts';
import { replaceUnsynced, writeDurably } from './durable-file.ts';
import {
  checkClosedToOthers,
  inheritedOwner,
  isOpenToOthers,
  publicDirectoryMode,
  publicMode,
} from './file-mode.ts';
import { readPieces, sumOf } from './file-pieces.ts';
import { removeTemporaries, writeFiles } from './file-set.ts';
import { type BeginLedger, createHome, isAuthority } from './home-create.ts';
import { hasErrorCode, ioError } from './io-error.ts';
import { keyFileName } from './key-files.ts';
import { lookAt } from './look-at.ts';
import { stageCrl } from './staged-crl.ts';

/**
 * The authority's files in that directory:
 *
 *     ca.json, ca.schema.json    settings, 0644
 *     ca.crt, chain.crt          0644
 *     ledger.head                0644, the record's latest signed head
 *     keys/                      0700, keys 0600
 *     ledger/, clients/          0700
 *     crl/                       0755: ca.crl and ca.crl.pem; with two tiers root.crl, root.crl.pem and all.crl.pem;
 *                                ledger.head: the record's signed head; .spread: the number of the list that was copied and announced
 *
 * The directory itself has mode 0700; `chmod 711` lets servers read ca.crt and crl/, and nothing else.
 */
export function openHome(homePath: string, beginLedger: BeginLedger): Home {
  const path = resolve(homePath);
  const crlDirectory = join(path, 'crl');
  const spreadPath = join(crlDirectory, '.spread');
  const crlPaths: Home['crlPaths'] = (issuer, twoTier = isTwoTier(path)) => {
    const { der, pem } = crlNames(issuer, twoTier);
    return { der: join(crlDirectory, der), pem: join(crlDirectory, pem) };
  };
  return {
    path,
    exists: async () => isAuthority(path),

    async checkClosed() {
      for (const [what, place] of [
        ['the home directory', path],
        ['the settings file', join(path, 'ca.json')],
      ] as const) {
        const stats = lookAt(place);
        if (stats) checkClosedToOthers(stats, place, what);
      }
    },

    async findOpen() {
      const directories = ['keys', 'clients', 'ledger', 'crl'].map((name) => join(path, name));
      const files = [
        ...['ca.crt', 'chain.crt'].map((name) => join(path, name)),
        ...filesIn(join(path, 'ledger')),
        ...filesIn(crlDirectory),
      ];
      return [...directories, ...files].filter((place) => {
        const stats = lookAt(place);
        return stats !== undefined && isOpenToOthers(stats);
      });
    },

    create: (contents) => createHome(path, contents, beginLedger),

    async readSettings() {
      const settings = readIfThere(join(path, 'ca.json'))?.toString('utf8');
      if (settings !== undefined) return settings;
      if (isAuthority(path)) {
        throw new CaError('store/not-found', `${printable(join(path, 'ca.json'))} is missing`, {
          hint: 'restore it from a backup, or write {"version":1} into it for the defaults',
        });
      }
      throw new CaError('authority/missing', `there is no authority in ${printable(path)}`, {
        hint: 'make one with: ca init --name NAME; or name its directory with --home DIR',
      });
    },

    async readFiles() {
      const crls = filesIn(crlDirectory).map((file) => `crl/${basename(file)}`);
      const names = ['ca.json', 'ca.schema.json', 'ca.crt', 'chain.crt', headName, ...crls];
      return names.flatMap((name) => {
        const content = readIfThere(join(path, name));
        return content ? [{ name, content, secret: false }] : [];
      });
    },

    readTrusted: async (name) => readIfThere(join(path, name))?.toString('utf8'),

    async writeTrusted(files) {
      removeTemporaries(path, (of) => files.some(({ name }) => name === of));
      await writeFiles(
        path,
        files.map(({ name, content }) => ({ name, content, mode: publicMode })),
      );
    },

    filePath: (name) => join(path, name),

    async stageCrl(crl) {
      const other = crlPaths(crl.issuer === 'root' ? 'issuing' : 'root').pem;
      return stageCrl(crl, {
        directory: crlDirectory,
        twoTier: isTwoTier(path),
        paths: crlPaths(crl.issuer),
        otherPem: isThere(other) ? readPieces(other) : [],
      });
    },

    async copyCrls(directory) {
      const files = copiedNames(isTwoTier(path)).flatMap((name) => {
        const path = join(crlDirectory, name);
        return isThere(path) ? [{ name, content: readPieces(path), mode: publicMode }] : [];
      });
      const made = makeDirectories(directory, publicDirectoryMode, inheritedOwner);
      await writeFiles(directory, files);
      await syncDirectories(new Set(made.map(dirname)));
    },

    async hasCopies(directory) {
      try {
        // A head is another with each CRL, and is copied last.
        const head = readIfThere(join(crlDirectory, headName));
        if (head && !readIfThere(join(directory, headName))?.equals(head)) return false;
        return copiedNames(isTwoTier(path)).every((name) => {
          const size = sizeOf(join(crlDirectory, name));
          return size === undefined || sizeOf(join(directory, name)) === size;
        });
      } catch {
        return false; // who copies there is told why
      }
    },

    async readCopy(directory, issuer) {
      const der = readIfThere(join(directory, crlNames(issuer, isTwoTier(path)).der));
      const head = readHeadIn(directory);
      return { ...(der && { der }), ...(head && { head }) };
    },

    readSpread: async () => readIfThere(spreadPath)?.toString('utf8').trim(),
    recordSpread: async (number) => writeDurably(spreadPath, `${number}\n`, { mode: publicMode }),
    readCrl: async (issuer) => readIfThere(crlPaths(issuer).der),
    crlSum: async (issuer, form) => sumIfThere(crlPaths(issuer)[form]),
    readHead: async () => readHeadIn(crlDirectory),
    readLatestHead: async () => readHeadIn(path),
    putLatestHead: async (head) => replaceUnsynced(join(path, headName), head, { mode: publicMode }),
    crlPaths,
  };
}

/** Told by any of three files, so that the loss of one does not put the root's CRL in the place of the other. */
function isTwoTier(path: string): boolean {
  return ['chain.crt', join('keys', keyFileName('issuing')), join('crl', crlNames('root', true).der)].some(
    (name) => existsSync(join(path, name)),
  );
}

/** The files that are copied, in the order in which they go into place. */
function copiedNames(twoTier: boolean): readonly string[] {
  const crls = (['issuing', 'root'] as const).flatMap((role) => Object.values(crlNames(role, twoTier)));
  return [...new Set(crls), allCrlsName, headName];
}

function readHeadIn(directory: string): FoundHead | undefined {
  const file = join(directory, headName);
  const octets = readIfThere(file);
  return octets && { file, octets };
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** The files in a directory, whoever has put them there, without what a writer that was killed has left. */
function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
      .map(({ name }) => join(directory, name));
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return [];
    throw ioError(error, 'look into', directory);
  }
}

function isThere(path: string): boolean {
  try {
    return sizeOf(path) !== undefined;
  } catch (error) {
    throw ioError(error, 'read', path);
  }
}

/** SHA-256 in hex of the file. */
function sumIfThere(path: string): string | undefined {
  return isThere(path) ? sumOf(readPieces(path)) : undefined;
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw ioError(error, 'read', path);
  }
}
