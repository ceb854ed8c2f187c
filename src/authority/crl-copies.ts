import { CaError } from '../core/ca-error.ts';
import type { CrlRecord } from '../ledger/record.ts';
import { decodeSigned } from '../x509/certificate.ts';
import { type Crl, decodeTbsCrl } from '../x509/crl.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { readOwnCrl } from './carry-over.ts';
import type { Issuer } from './issuer.ts';
import type { CrlCopy, FoundHead, Home } from './ports.ts';

/** What directories hold that are to get copies, and that the next copy would overwrite. */
export interface OtherCopies {
  /** Lists of this CA that are not the published one. */
  readonly crls: readonly Crl[];
  readonly heads: readonly FoundHead[];
}

/**
 * Reads the copies that are not those of the published files: of an authority that was put back from a backup they may
 * be all that is left of what it did since. What cannot be read stands in nobody's way: whoever copies there is told.
 *
 * @param published SHA-256 in hex of the published list
 */
export async function readOtherCopies(
  directories: readonly string[],
  issuer: Issuer,
  published: string | undefined,
  home: Pick<Home, 'hasCopies' | 'readCopy'>,
): Promise<OtherCopies> {
  const copies: CrlCopy[] = [];
  for await (const { copy } of copiesOfOthers(directories, issuer, home)) copies.push(copy);
  const isOther = (der: Uint8Array) => sha256Hex(der) !== published;
  return {
    crls: copies.flatMap(({ der }) => (der && isOther(der) && readOwnCrl(der, issuer)) || []),
    heads: copies.flatMap(({ head }) => head ?? []),
  };
}

/** The first of the directories that holds a CRL of this CA with a greater number than that of the last on record. */
export async function findNewerCopy(
  directories: readonly string[],
  issuer: Issuer,
  last: CrlRecord,
  home: Pick<Home, 'hasCopies' | 'readCopy'>,
): Promise<string | undefined> {
  for await (const { directory, copy } of copiesOfOthers(directories, issuer, home)) {
    if (isNewer(copy, issuer, last)) return directory;
  }
  return undefined;
}

/** What lies where the copies of the published files do not, as far as it can be read. */
async function* copiesOfOthers(
  directories: readonly string[],
  issuer: Issuer,
  home: Pick<Home, 'hasCopies' | 'readCopy'>,
): AsyncGenerator<{ readonly directory: string; readonly copy: CrlCopy }> {
  for (const directory of directories) {
    if (await home.hasCopies(directory)) continue;
    const copy = await home.readCopy(directory, issuer.role).catch(nothingIfUnreadable);
    if (copy) yield { directory, copy };
  }
}

/** True if the copy is a CRL of this CA with a greater number than that of the last on record. */
export function isNewer({ der }: CrlCopy, issuer: Issuer, last: CrlRecord): boolean {
  const number = der && numberOf(der);
  return number !== undefined && number > last.number && readOwnCrl(der, issuer) !== undefined;
}

/** The CRLNumber that a file says, whoever signed it; undefined if it says none. */
export function numberOf(der: Uint8Array): bigint | undefined {
  try {
    return decodeTbsCrl(decodeSigned(der, 'CRL').tbs).number;
  } catch {
    return undefined; // a damaged file says nothing, and is about to be replaced
  }
}

function nothingIfUnreadable(error: unknown): undefined {
  if (!(error instanceof CaError)) throw error;
}
