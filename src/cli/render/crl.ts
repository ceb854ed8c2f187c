import type { CrlResult } from '../../authority/publish-crl.ts';
import { printable } from '../../core/printable.ts';
import { type Line, news, note, type View, warning } from '../report.ts';
import { counted, dayAndDistance } from './relative-time.ts';
import { renderFacts } from './table.ts';

/** The CRL, and why it was signed anew or not. */
export function renderCrl(
  { crl, why }: { readonly crl: CrlResult | undefined; readonly why: string | undefined },
  view: View & { readonly dryRun: boolean; readonly copyTo: string | undefined },
): readonly Line[] {
  const copied = view.copyTo === undefined ? [] : [news(`copied to ${view.copyTo}`)];
  if (view.dryRun) {
    return [
      news(why === undefined ? 'would leave the CRL as it is' : `would publish a new CRL: ${why}`),
      note('nothing was done'),
    ];
  }
  if (why === undefined) return [news('the CRL is not due'), ...crlLines(crl, view), ...copied];
  return [news('published the CRL'), ...crlLines(crl, view), ...copied];
}

/** The facts of a CRL, indented. */
export function crlLines(crl: CrlResult | undefined, { now }: View): readonly Line[] {
  if (!crl) return [];
  const facts = renderFacts(
    [
      ['number', crl.number],
      ['entries', counted(crl.entries, 'revoked certificate')],
      ['good until', dayAndDistance(crl.nextUpdate, now)],
      ['DER', crl.files.der],
      ['PEM', crl.files.pem],
    ],
    '  ',
  ).map(news);
  if (!crl.rollback) return facts;
  const { message, hint } = crl.rollback;
  return [...facts, warning(`ca: ${printable(message)}`), warning(`  hint: ${printable(hint)}`)];
}
