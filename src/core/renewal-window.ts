import { CaError } from './ca-error.ts';
import { parseDuration } from './duration.ts';
import { quoted } from './printable.ts';

/** When a certificate is due: with less than this share of its life left, or less than this time. */
export type RenewalWindow = { readonly share: number } | { readonly ms: number };

/** What {@link parseRenewalWindow} takes, but for the limits of a duration. */
export const renewalWindowPattern = '^(1/[2-9]|[1-9][0-9]?%|[1-9][0-9]{0,8}[smhdwy])$';

/** The window of text like `1/3` or `33%`, which are shares, or `30d`. Throws `core/invalid-duration`. */
export function parseRenewalWindow(text: string): RenewalWindow {
  if (!new RegExp(renewalWindowPattern).test(text)) {
    throw new CaError(
      'core/invalid-duration',
      `${quoted(text)} is neither a share of a certificate's life nor a duration`,
      { hint: 'write 1/3, 33% or 30d' },
    );
  }
  if (text.endsWith('%')) return { share: Number(text.slice(0, -1)) / 100 };
  return text.startsWith('1/') ? { share: 1 / Number(text.slice(2)) } : { ms: parseDuration(text) };
}
