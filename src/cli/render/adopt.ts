import type { AdoptResult } from '../../authority/adopt.ts';
import { formatDay } from '../../core/instant.ts';
import { type Line, news, note, type View } from '../report.ts';

/** Whose certificate is on record again. */
export function renderAdopt(
  { client, newClient, serial, notAfter }: AdoptResult,
  { dryRun }: View & { readonly dryRun: boolean },
): readonly Line[] {
  const whose = newClient ? `${client}, a client that the ledger did not know` : client;
  const text = `${serial} of ${whose}, valid until ${formatDay(notAfter)}`;
  if (dryRun) return [news(`would adopt ${text}`), note('nothing was done')];
  return [
    news(`adopted ${text}`),
    ...(newClient
      ? [note(`nobody knows where its files go: ca issue ${client} --again --out DIR, to have it renewed`)]
      : []),
  ];
}
