import { CaError } from '../core/ca-error.ts';
import type { EntryBody } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { LedgerHead } from '../ledger/record.ts';
import { encodeSignedHead } from '../ledger/signed-head.ts';
import type { Finding } from './finding.ts';
import { type KeptHead, parseHead, rewritten, rolledBack, signatureFinding } from './head-proof.ts';
import type { Signer } from './issuer.ts';
import type { Home, Ledger, LedgerTransaction, Ports } from './ports.ts';

/** What a head is held against: the record at one instant. */
type Record = Pick<LedgerView, 'authority' | 'head'>;

/**
 * Appends as the transaction does, and then keeps the record's head, signed by the CA that issues to clients: no CRL
 * speaks for these entries yet, and from now on nobody without that CA's key can take them back unseen.
 */
export async function appendSigned(
  transaction: LedgerTransaction,
  bodies: readonly EntryBody[],
  signer: Signer,
  ports: Pick<Ports, 'home' | 'ledger'>,
): Promise<LedgerHead> {
  const { authority, head } = transaction.view();
  // Signed before they are on record: what fails with the key leaves nothing there.
  const signed = encodeSignedHead(signer.signHead(authority.name, await transaction.hold(bodies)));
  const appended = await transaction.append([]);
  await keepLatestHead(signed, { authority, head }, ports);
  return appended;
}

/**
 * Keeps that head as the latest, under the ledger's lock, unless the one before shows that the record was cut off or
 * rewritten: that one stays, to be told of, until a publication sets it aside.
 *
 * @param before the record before what that head is the first to speak for
 */
export async function keepLatestHead(
  head: string,
  before: Record,
  ports: Pick<Ports, 'home' | 'ledger'>,
): Promise<void> {
  await unlessDiskFails(async () => {
    if (await isReplaceable(before, ports)) await ports.home.putLatestHead(head);
  });
}

/** Keeps that head as the latest whatever was there: it is set aside. */
export async function replaceLatestHead(head: string, home: Pick<Home, 'putLatestHead'>): Promise<void> {
  await unlessDiskFails(() => home.putLatestHead(head));
}

/** The record is safe without it, and the next command makes another: a full disk is no reason to fail. */
async function unlessDiskFails(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CaError) || !error.code.startsWith('store/')) throw error;
  }
}

async function isReplaceable(
  record: Record,
  { home, ledger }: Pick<Ports, 'home' | 'ledger'>,
): Promise<boolean> {
  try {
    const kept = await readLatestHead(home);
    // Whoever signed what the record goes on from: with it nothing is lost.
    return !kept || (await goesOnFrom(kept, record.head, ledger));
  } catch (error) {
    if (!(error instanceof CaError) || !error.code.startsWith('ledger/')) throw error;
    return isSpoiled(error);
  }
}

/** The latest head that was kept; undefined if there is none. Throws `ledger/malformed-head`, `ledger/unknown-version`. */
export async function readLatestHead(home: Pick<Home, 'readLatestHead'>): Promise<KeptHead | undefined> {
  const found = await home.readLatestHead();
  return found && parseHead(found);
}

/** True for what a power cut makes of a file that is not synced: it proves nothing, and accuses nobody. */
export function isSpoiled({ code }: Finding): boolean {
  return code === 'ledger/malformed-head';
}

/** What the latest head says against the record; undefined if nothing. */
export async function findLatestHeadFault(
  kept: KeptHead,
  { authority, head: record }: Record,
  ledger: Pick<Ledger, 'hashOf'>,
): Promise<Finding | undefined> {
  const unsigned = signatureFinding(kept, authority);
  if (unsigned) return unsigned;
  if (await goesOnFrom(kept, record, ledger)) return undefined;
  return kept.head.seq > record.seq ? rolledBack(kept, record.seq) : rewritten(kept, 0, undefined);
}

/** True if the record has, where that head was signed, the entry that it was signed over, whoever has signed it. */
export async function goesOnFrom(
  { head }: KeptHead,
  record: Pick<LedgerHead, 'seq' | 'hash'>,
  ledger: Pick<Ledger, 'hashOf'>,
): Promise<boolean> {
  if (head.seq > record.seq) return false;
  return head.hash === (head.seq === record.seq ? record.hash : await ledger.hashOf(head.seq));
}
