import { CaError } from '../../core/ca-error.ts';

/** How a list is written. */
export const listFormats = ['csv', 'json', 'jsonl'] as const;

export type ListFormat = (typeof listFormats)[number];

/** A list of what is to be revoked may also be plain text, one name a line. */
export const revocationFormats = ['txt', ...listFormats] as const;

export type RevocationFormat = (typeof revocationFormats)[number];

/** The format that a file's name tells. Throws `cli/usage`. */
export function formatOf<F extends string>(file: string, formats: readonly F[]): F {
  const format = formats.find((each) => file.toLowerCase().endsWith(`.${each}`));
  if (format !== undefined) return format;
  const what =
    file === '-'
      ? 'standard input has no name that tells its format'
      : `the name "${file}" does not tell a format`;
  throw new CaError('cli/usage', what, { hint: `add --format ${formats.join('|')}` });
}
