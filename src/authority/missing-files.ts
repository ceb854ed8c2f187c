import { CaError } from '../core/ca-error.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, certificateStatus } from '../ledger/record.ts';
import { newestCertificate } from './issue-plan.ts';
import type { Ports } from './ports.ts';

/** That a client's files are not where they were delivered, and what to do. */
export interface MissingFiles {
  readonly text: string;
  /**
   * Where a program reads them from a directory of its own they are missed. From the home directory somebody may have
   * taken them to the client, and not left the key lying about.
   */
  readonly isMissed: boolean;
}

/**
 * Looks whether the certificate that its client lives by is in its place; undefined if it is, or was never to be.
 *
 * @param options whether to look into the home directory too
 */
export async function findMissing(
  record: CertificateRecord,
  view: LedgerView,
  { deliveries, clock }: Pick<Ports, 'deliveries' | 'clock'>,
  { alsoHome }: { readonly alsoHome: boolean } = { alsoHome: true },
): Promise<MissingFiles | undefined> {
  if (!record.deliveredAt || certificateStatus(record, clock()) !== 'active') return undefined;
  const client = await view.client(record.client);
  if (!client || client.policy.delivery.kind === 'stdout') return undefined;
  const { name, policy } = client;
  const isMissed = policy.delivery.kind === 'directory';
  if (!isMissed && !alsoHome) return undefined;
  try {
    if (await deliveries.paths(name, policy.delivery)) return undefined;
  } catch (error) {
    if (!(error instanceof CaError)) throw error;
    return { text: `the files of ${name} cannot be looked at: ${error.message}`, isMissed: true };
  }
  // A renewal is for the newest one alone: what is wrong with that is said elsewhere.
  if ((await newestCertificate(view, name))?.serial !== record.serial) return undefined;
  const unless = isMissed ? '' : 'unless the client has them, ';
  const directory = deliveries.directory(name, policy.delivery);
  return {
    text: `the files of ${name} are gone from ${directory}; ${unless}run: ca renew ${name} --force`,
    isMissed,
  };
}
