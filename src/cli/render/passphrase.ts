import type { PassphraseResult } from '../../authority/change-passphrase.ts';
import { type Line, news, note, type View } from '../report.ts';

/** Which key has a new passphrase, or none. */
export function renderPassphrase(
  { issuer, encrypted }: PassphraseResult,
  { dryRun }: View & { readonly dryRun: boolean },
): readonly Line[] {
  const key = `the key of the ${issuer} CA`;
  if (dryRun) return [news(`would change the passphrase of ${key}`), note('nothing was done')];
  return encrypted
    ? [
        news(`${key} has a new passphrase`),
        note('change it where ca renew reads it, too; old backups keep the old one'),
      ]
    : [news(`${key} is not encrypted any more`)];
}
