import { CaError } from '../core/ca-error.ts';
import {
  encodeRevocationPage,
  type PagedRevocations,
  type Revocation,
  type RevocationPage,
} from '../core/revocation-page.ts';
import type { Serial } from '../core/serial.ts';
import type { EntryBody } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type Crl, crlRevocations, decodeCrl } from '../x509/crl.ts';
import { verifyBytes } from '../x509/signature.ts';
import type { Issuer } from './issuer.ts';

/** What a published CRL says and the record has forgotten, since it was put back from an old backup. */
export interface Forgotten {
  /** Revocations of certificates that the record knows: to be recorded again. */
  readonly revoked: readonly EntryBody[];
  /** Those of certificates that it does not know either: to be carried from list to list. */
  readonly carried: RevocationPage;
}

/**
 * The revocations of published CRLs that the record lacks. Without them the next list would let revoked clients in
 * again.
 *
 * @param published lists of this CA, as {@link readOwnCrl} gives them
 * @param options of what the record itself puts on the next CRL
 */
export async function findForgotten(
  published: readonly Crl[],
  options: { readonly dropExpired: boolean },
  view: LedgerView,
): Promise<Forgotten> {
  const revoked: EntryBody[] = [];
  const carried: Revocation[] = [];
  const known =
    published.length === 0 ? new Set<Serial>() : await serialsOf(await view.revocationsForCrl(options));
  for (const revocation of published.flatMap((crl) => [...crlRevocations(crl)])) {
    if (known.has(revocation.serial)) continue;
    known.add(revocation.serial);
    const certificate = await view.certificate(revocation.serial);
    if (!certificate) {
      carried.push(revocation);
    } else if (!certificate.revocation) {
      const { serial, reason, invalidityDate } = revocation;
      const { client } = certificate;
      revoked.push({
        type: 'revoked',
        client,
        serial,
        reason,
        ...(invalidityDate ? { invalidityDate } : {}),
      });
    }
  }
  return { revoked, carried: encodeRevocationPage(carried) };
}

async function serialsOf(revocations: PagedRevocations): Promise<Set<Serial>> {
  const serials = new Set<Serial>();
  for await (const page of revocations.pages()) {
    for (const { serial } of crlRevocations({ entries: page })) serials.add(serial);
  }
  return serials;
}

/** The CRL in a file, if this CA signed it and all of it can be read; what others have put there says nothing. */
export function readOwnCrl(
  der: Uint8Array | undefined,
  { facts, signatureAlgorithm }: Issuer,
): Crl | undefined {
  if (!der) return undefined;
  try {
    const crl = decodeCrl(der);
    return verifyBytes(facts.spki, signatureAlgorithm, crl.tbs, crl.signature) ? crl : undefined;
  } catch (error) {
    if (error instanceof CaError) return undefined;
    throw error;
  }
}
