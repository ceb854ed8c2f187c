import type { Pieces, PublishedCrl } from '../authority/ports.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import { publicMode } from './file-mode.ts';
import type { FileToWrite } from './file-set.ts';

/** All CRLs in one PEM, for servers that take one file, as nginx does; with two tiers alone. */
export const allCrlsName = 'all.crl.pem';

/** The record's signed head: in `crl/` and wherever the CRLs are copied, that of the last CRL; in the home, the latest. */
export const headName = 'ledger.head';

/** The names of an issuer's CRL in `crl/`: `ca.crl` is always that of the CA that issues to clients. */
export function crlNames(
  issuer: IssuerRole,
  twoTier: boolean,
): { readonly der: string; readonly pem: string } {
  const base = issuer === 'root' && twoTier ? 'root' : 'ca';
  return { der: `${base}.crl`, pem: `${base}.crl.pem` };
}

/** The files of a CRL. */
export function crlFiles({ issuer, der, pem }: PublishedCrl, twoTier: boolean): FileToWrite[] {
  const names = crlNames(issuer, twoTier);
  return [
    { name: names.pem, content: pem, mode: publicMode },
    { name: names.der, content: der, mode: publicMode },
  ];
}

/** The file of all CRLs, that of the CA that issues to clients first. */
export function allCrlsFile(issuing: Pieces, root: Pieces): FileToWrite {
  function* content() {
    yield* issuing;
    yield* root;
  }
  return { name: allCrlsName, content: content(), mode: publicMode };
}
