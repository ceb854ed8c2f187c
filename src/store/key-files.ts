import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { KeyStore } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import { checkOwnerOnly, secretMode } from './file-mode.ts';
import { removeTemporaries, writeFiles } from './file-set.ts';
import { type InputLimits, readLimited } from './input-file.ts';
import { ioError } from './io-error.ts';
import { lookAt } from './look-at.ts';

/** The encrypted PKCS#8 of RSA 4096 has less than 4 KiB. */
export const keyLimits: InputLimits = { what: 'key', maxOctets: 65_536, tooLarge: 'x509/malformed-key' };

/** The name of an issuer's key inside `keys/`. */
export function keyFileName(issuer: IssuerRole): string {
  return `${issuer}.key`;
}

/**
 * The CA keys in `<home>/keys/`. A key may be a symbolic link to another medium, and is not here while that is away.
 * Reading throws `store/insecure-mode`. A key that root replaces stays its owner's.
 */
export function openKeyStore(homePath: string): KeyStore {
  const pathOf = (issuer: IssuerRole) => join(homePath, 'keys', keyFileName(issuer));
  return {
    async readKey(issuer) {
      const path = pathOf(issuer);
      try {
        const octets = readLimited(path, keyLimits, (stats) => checkOwnerOnly(stats, path, 'the key'));
        return Buffer.from(octets).toString('utf8');
      } catch (error) {
        if (error instanceof CaError && error.code === 'store/not-found') return undefined;
        throw error;
      }
    },

    async hasKey(issuer) {
      const path = pathOf(issuer);
      const stats = lookAt(path);
      if (stats) checkOwnerOnly(stats, path, 'the key');
      return stats !== undefined;
    },

    async replaceKey(issuer, pem) {
      const { path, owner } = oldKey(pathOf(issuer));
      const file = { name: basename(path), content: pem, mode: secretMode };
      removeTemporaries(dirname(path), (name) => name === file.name);
      await writeFiles(dirname(path), [file], { owner });
    },
  };
}

function oldKey(path: string) {
  try {
    const real = realpathSync(path);
    return { path: real, owner: process.geteuid?.() === 0 ? statSync(real) : undefined };
  } catch (error) {
    throw ioError(error, 'replace the key', path);
  }
}
