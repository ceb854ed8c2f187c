import { join } from 'node:path';
import type { ObtainPassphrase, ReadPasswordFile } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import { checkOwnerOnly, quoteForShell } from './file-mode.ts';
import { type InputLimits, readLimited } from './input-file.ts';

/** Where passphrases may come from. */
export interface PassphraseSources {
  /** The file of `--passphrase-file`. */
  readonly file?: string;
  /** The file of `--root-passphrase-file`. */
  readonly rootFile?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Asks a person; absent without a terminal. */
  readonly prompt?: (issuer: IssuerRole) => Promise<string>;
}

/**
 * Gives a CA key's passphrase from the first of: `--passphrase-file`, `$CA_PASSPHRASE_FILE`, the service manager's
 * `$CREDENTIALS_DIRECTORY/ca-passphrase`, `$CA_PASSPHRASE`, a prompt. The root's is first looked for under its own
 * names (`--root-passphrase-file`, `$CA_ROOT_PASSPHRASE_FILE`, `ca-root-passphrase`, `$CA_ROOT_PASSPHRASE`).
 *
 * Throws `cli/no-terminal` when there is none, `store/insecure-mode`, `authority/weak-passphrase`.
 */
export function createPassphraseSource(sources: PassphraseSources): ObtainPassphrase {
  return async (issuer) => {
    const found =
      (issuer === 'root' ? find(sources.rootFile, 'root', sources) : undefined) ??
      find(sources.file, '', sources);
    if (found !== undefined) return found;
    if (sources.prompt) return normalize(await sources.prompt(issuer), 'the passphrase');
    throw new CaError(
      'cli/no-terminal',
      `the passphrase of the ${issuer} CA key is needed, and there is no terminal`,
      {
        hint: 'give it with --passphrase-file FILE, CA_PASSPHRASE_FILE=FILE or CA_PASSPHRASE',
      },
    );
  };
}

/** Reads a password file, as `--passphrase-file` and PKCS#12 passwords: one line of UTF-8, in Unicode form NFC. */
export const readPasswordFile: ReadPasswordFile = async (path) => readSecret(path, 'the password file');

/** The environment's variables that hold or lead to secrets, which no other program needs. */
export const secretVariables = [
  'CA_PASSPHRASE',
  'CA_PASSPHRASE_FILE',
  'CA_ROOT_PASSPHRASE',
  'CA_ROOT_PASSPHRASE_FILE',
  'CREDENTIALS_DIRECTORY',
] as const;

function find(
  file: string | undefined,
  role: 'root' | '',
  { environment }: PassphraseSources,
): string | undefined {
  const variable = role === 'root' ? 'CA_ROOT_PASSPHRASE' : 'CA_PASSPHRASE';
  const named = file ?? (environment[`${variable}_FILE`] || undefined);
  if (named !== undefined) return readSecret(named, 'the passphrase file');
  const { CREDENTIALS_DIRECTORY: credentials } = environment;
  const credential =
    credentials && readCredential(join(credentials, variable.toLowerCase().replaceAll('_', '-')));
  if (credential !== undefined && credential !== '') return credential;
  const value = environment[variable];
  return value === undefined ? undefined : normalize(value, variable);
}

/** systemd gives its files to the service by an ACL, which shows as a mode of 0440, in a directory closed to others. */
function readCredential(path: string): string | undefined {
  try {
    return decode(readLimited(path, secretLimits), path, 'the credential');
  } catch (error) {
    if (error instanceof CaError && error.code === 'store/not-found') return undefined;
    throw error;
  }
}

const secretLimits: InputLimits = {
  what: 'passphrase file',
  maxOctets: 4096,
  tooLarge: 'authority/weak-passphrase',
};

function readSecret(path: string, what: string): string {
  return decode(
    readLimited(path, secretLimits, (stats) => checkOwnerOnly(stats, path, what)),
    path,
    what,
  );
}

function decode(octets: Uint8Array, path: string, what: string): string {
  const name = `${what} ${printable(path)}`;
  const fresh = `make one with: (umask 077; openssl rand -base64 24 > ${quoteForShell(printable(path))})`;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch (cause) {
    throw new CaError('authority/weak-passphrase', `${name} is not UTF-8 text`, { cause, hint: fresh });
  }
  const line = text.replace(/\r?\n$/, '');
  // openssl -passin file: would read the first line alone, and then no longer open the key.
  if (/[\r\n]/.test(line)) {
    throw new CaError('authority/weak-passphrase', `${name} holds more than one line`, { hint: fresh });
  }
  return normalize(line, name);
}

/** The same characters typed on different systems are the same passphrase in NFC. */
function normalize(text: string, name: string): string {
  if (text === '') {
    throw new CaError('authority/weak-passphrase', `${name} is empty`, {
      hint: 'make one with: openssl rand -base64 24',
    });
  }
  return text.normalize('NFC');
}
