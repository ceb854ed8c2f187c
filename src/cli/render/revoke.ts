import type { RevokeResult } from '../../authority/revoke.ts';
import { type Line, news, note, type View } from '../report.ts';
import { describeAdopted } from './adopt.ts';
import { crlLines } from './crl.ts';
import { firstOf, shownItems } from './first-of.ts';
import { counted, relativeTime } from './relative-time.ts';

/** Which certificates are cut off, which were before, and the CRL that says so. */
export function renderRevoke(
  { revoked, already, barred = [], adopted = [], crl }: RevokeResult,
  view: View & { readonly dryRun: boolean },
): readonly Line[] {
  const verb = view.dryRun ? 'would revoke' : 'revoked';
  return [
    ...firstOf(
      adopted,
      ({ serial, client, revoked: before }) =>
        `${view.dryRun ? 'would take' : 'took'} ${serial} of ${client} into the ledger, which did not know it: it is ours${before ? `; ${describeAdopted(before)}` : ''}`,
    ).map(news),
    ...firstOf(revoked, ({ client, serial, reason }) => `${verb} ${serial} of ${client} (${reason})`).map(
      news,
    ),
    ...firstOf(
      already,
      ({ client, serial, reason, at }) =>
        `${serial} of ${client} was revoked already, ${relativeTime(at, view.now)} (${reason})`,
    ).map(news),
    ...firstOf(
      barred,
      ({ client, serial }) =>
        `${view.dryRun ? 'would bar' : 'barred'} the key of ${serial} of ${client}, which was revoked for another reason`,
    ).map(news),
    ...(revoked.length > shownItems ? [news(`${verb} ${counted(revoked.length, 'certificate')}`)] : []),
    ...(revoked.length + already.length === 0 ? [news('there is no live certificate to revoke')] : []),
    ...(view.dryRun
      ? [note('nothing was done')]
      : [...crlLines(crl, view), note('servers refuse it once they have read this CRL: reload them')]),
  ];
}
