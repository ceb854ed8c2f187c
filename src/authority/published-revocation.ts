import { CaError } from '../core/ca-error.ts';
import type { Revocation } from '../core/revocation-page.ts';
import type { Serial } from '../core/serial.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type Crl, decodeCrl, findRevocation } from '../x509/crl.ts';
import { verifyBytes } from '../x509/signature.ts';
import { clientIssuer } from './issuer.ts';
import type { Ports } from './ports.ts';

/** What the CRL in place says of a serial, if it lists it: servers know this even when the record has forgotten it. */
export type FindPublished = (serial: Serial) => Promise<Revocation | undefined>;

/** Reads the CRL in place when it is first asked, and once. A file that this CA did not sign says nothing. */
export function publishedRevocations(view: LedgerView, { home }: Pick<Ports, 'home'>): FindPublished {
  let reading: Promise<Crl | undefined> | undefined;
  return async (serial) => {
    reading ??= readSignedCrl(view, home);
    const crl = await reading;
    return crl && findRevocation(crl, serial);
  };
}

async function readSignedCrl(view: LedgerView, home: Ports['home']): Promise<Crl | undefined> {
  const { role, facts, signatureAlgorithm } = clientIssuer(view.authority);
  const published = await home.readCrl(role);
  if (!published) return undefined;
  try {
    const crl = decodeCrl(published);
    return verifyBytes(facts.spki, signatureAlgorithm, crl.tbs, crl.signature) ? crl : undefined;
  } catch (error) {
    if (error instanceof CaError) return undefined;
    throw error;
  }
}
