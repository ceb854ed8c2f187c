import { CaError } from '../core/ca-error.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { encodeSignedHead, parseSignedHead } from '../ledger/signed-head.ts';
import type { Finding } from './finding.ts';
import { type KeptHead, rewritten, rolledBack, signatureFinding } from './head-proof.ts';
import { clientIssuerRole } from './issuer.ts';
import type { Home, NamedFile } from './ports.ts';

/** The head beside the published CRL; undefined if there is none. Throws `ledger/malformed-head`, `ledger/unknown-version`. */
export async function readKeptHead(home: Pick<Home, 'readHead' | 'filePath'>): Promise<KeptHead | undefined> {
  const octets = await home.readHead();
  const file = home.filePath('crl/ledger.head');
  return octets && { file, head: parseSignedHead(octets, file) };
}

/**
 * What the head beside the CRL says against the record, as far as that is seen without reading it all; undefined if
 * nothing. Such a head is always of a CRL's entry.
 *
 * @param view the record as it was after the head was read
 */
export async function findHeadFault(kept: KeptHead, view: LedgerView): Promise<Finding | undefined> {
  const { head } = kept;
  const unsigned = signatureFinding(kept, view.authority);
  if (unsigned) return unsigned;
  if (head.seq > view.head.seq) return rolledBack(kept, view.head.seq);
  const lastCrl = await view.lastCrl(clientIssuerRole(view.authority));
  const isOther = head.seq === view.head.seq && head.hash !== view.head.hash;
  return isOther || head.seq > (lastCrl?.seq ?? 0) ? rewritten(kept, 0, undefined) : undefined;
}

/** A record that was put back from an older copy, as a publication found it. */
export interface Rollback extends Finding {
  /** Where the head that shows it is kept from now on, since the new CRL's takes its place. */
  readonly head: string;
  readonly hint: string;
}

/** That of the head beside the CRL, and the file to set it aside in; undefined if it speaks for the record, or for nobody. */
export async function findRollback(
  view: LedgerView,
  home: Pick<Home, 'readHead' | 'filePath'>,
): Promise<{ readonly rollback: Rollback; readonly file: NamedFile } | undefined> {
  const kept = await readKeptHead(home).catch(asFinding);
  if (!kept || 'code' in kept) return undefined;
  const fault = await findHeadFault(kept, view);
  if (!fault || fault.code === 'ledger/foreign-head') return undefined;
  const { seq, hash } = kept.head;
  const name = `lost-${seq}-${hash.slice(0, 8)}.head`;
  const head = home.filePath(`crl/${name}`);
  const hint = `find out who put an older ledger there, and restore the newer one; the proof is in ${head}`;
  return {
    rollback: { ...fault, head, hint },
    file: { name, content: encodeSignedHead(kept.head), secret: false },
  };
}

/** The finding that a CaError of the record is. Throws anything else. */
export function asFinding(error: unknown): Finding {
  if (!(error instanceof CaError) || !error.code.startsWith('ledger/')) throw error;
  return { code: error.code, message: error.message };
}
