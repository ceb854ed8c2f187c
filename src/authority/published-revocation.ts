import type { Revocation } from '../core/revocation-page.ts';
import type { Serial } from '../core/serial.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type Crl, findRevocation } from '../x509/crl.ts';
import { readOwnCrl } from './carry-over.ts';
import { clientIssuer } from './issuer.ts';
import type { Ports } from './ports.ts';

/** What the CRL in place says of a serial, if it lists it: servers know this even when the record has forgotten it. */
export type FindPublished = (serial: Serial) => Promise<Revocation | undefined>;

/** Reads the CRL in place when it is first asked, and once. A file that this CA did not sign says nothing. */
export function publishedRevocations(view: LedgerView, { home }: Pick<Ports, 'home'>): FindPublished {
  const issuer = clientIssuer(view.authority);
  let reading: Promise<Crl | undefined> | undefined;
  return async (serial) => {
    reading ??= home.readCrl(issuer.role).then((der) => readOwnCrl(der, issuer));
    const crl = await reading;
    return crl && findRevocation(crl, serial);
  };
}
