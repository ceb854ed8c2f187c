import type { AdoptedRevocation, AdoptResult } from '../../authority/adopt.ts';
import { formatDay } from '../../core/instant.ts';
import { type Line, news, note, type View } from '../report.ts';

/** Whose certificate is on record again. */
export function renderAdopt(
  { client, newClient, serial, notAfter, revoked }: AdoptResult,
  { dryRun }: View & { readonly dryRun: boolean },
): readonly Line[] {
  const whose = newClient ? `${client}, a client that the ledger did not know` : client;
  const text = `${serial} of ${whose}, valid until ${formatDay(notAfter)}`;
  const asRevoked = revoked
    ? [news(`${dryRun ? 'would record' : 'recorded'} ${describeAdopted(revoked)}`)]
    : [];
  if (dryRun) return [news(`would adopt ${text}`), ...asRevoked, note('nothing was done')];
  return [
    news(`adopted ${text}`),
    ...asRevoked,
    ...(revoked?.because === 'key-barred' ? [note('servers refuse it after: ca crl')] : []),
    ...(newClient && !revoked
      ? [note(`nobody knows where its files go: ca issue ${client} --again --out DIR, to have it renewed`)]
      : []),
  ];
}

/** Why it was taken in as a revoked one. */
export function describeAdopted({ reason, because }: AdoptedRevocation): string {
  const why = because === 'on-crl' ? 'the CRL lists it' : 'its key was compromised';
  return `its revocation too (${reason}): ${why}`;
}
