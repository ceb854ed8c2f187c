import type { RevokeResult } from '../../authority/revoke.ts';
import { type Line, news, note, type View } from '../report.ts';
import { crlLines } from './crl.ts';
import { relativeTime } from './relative-time.ts';

/** Which certificates are cut off, which were before, and the CRL that says so. */
export function renderRevoke(
  { revoked, already, barred = [], adopted = [], crl }: RevokeResult,
  view: View & { readonly dryRun: boolean },
): readonly Line[] {
  const verb = view.dryRun ? 'would revoke' : 'revoked';
  return [
    ...adopted.map(({ serial, client }) =>
      news(
        `${view.dryRun ? 'would take' : 'took'} ${serial} of ${client} into the ledger, which did not know it: it is ours`,
      ),
    ),
    ...revoked.map(({ client, serial, reason }) => news(`${verb} ${serial} of ${client} (${reason})`)),
    ...already.map(({ client, serial, reason, at }) =>
      news(`${serial} of ${client} was revoked already, ${relativeTime(at, view.now)} (${reason})`),
    ),
    ...barred.map(({ client, serial }) =>
      news(
        `${view.dryRun ? 'would bar' : 'barred'} the key of ${serial} of ${client}, which was revoked for another reason`,
      ),
    ),
    ...(revoked.length + already.length === 0 ? [news('there is no live certificate to revoke')] : []),
    ...(view.dryRun
      ? [note('nothing was done')]
      : [...crlLines(crl, view), note('servers refuse it once they have read this CRL: reload them')]),
  ];
}
