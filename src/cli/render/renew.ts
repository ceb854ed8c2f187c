import type { RenewResult } from '../../authority/renew.ts';
import { printable } from '../../core/printable.ts';
import { type Line, news, note, type View, warning } from '../report.ts';
import { dayAndDistance } from './relative-time.ts';

/** What was renewed and delivered, what failed and what to do about it. Quiet when all went well and `--quiet` was given. */
export function renderRenew(
  { renewed, delivered, failed, skipped, restored, crl, crlDue }: RenewResult,
  view: View & { readonly dryRun: boolean },
): readonly Line[] {
  const would = view.dryRun ? 'would have ' : '';
  const done = [renewed, delivered, failed, restored].reduce((sum, { length }) => sum + length, 0);
  const idle = done === 0 && crlDue === undefined && crl?.why === undefined;
  return [
    // Nobody but `ca` has reason to touch what servers trust: said even to cron.
    ...restored.map(({ file, why }) =>
      warning(`ca: ${printable(file)} was ${why}: ${view.dryRun ? 'would be ' : ''}put back from the ledger`),
    ),
    ...renewed.map(({ client, notAfter, files }) =>
      news(
        `${would}renewed ${client}, until ${dayAndDistance(notAfter, view.now)}${files.directory === undefined ? '' : `, in ${files.directory}`}`,
      ),
    ),
    ...delivered.map(({ client, serial }) => news(`${would}delivered ${serial} to ${client}`)),
    ...skipped.map(({ client, why }) => news(`left ${client} as it is: ${why}`)),
    ...failed.flatMap(({ client, message, hint }) => [
      warning(`ca: ${client === undefined ? '' : `${client}: `}${printable(message)}`),
      ...(hint === undefined ? [] : [warning(`  hint: ${printable(hint)}`)]),
    ]),
    ...(idle ? [news('nothing was due')] : []),
    ...(crlDue === undefined ? [] : [news(`would have published a CRL: ${crlDue}`)]),
    ...(crl?.why === undefined ? [] : [news(`signed the CRL anew: ${crl.why}`)]),
    ...(crl && crlDue === undefined
      ? [news(`the CRL is good until ${dayAndDistance(crl.nextUpdate, view.now)}`)]
      : []),
    ...(view.dryRun ? [note('nothing was done')] : []),
  ];
}
