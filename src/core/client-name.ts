import { CaError } from './ca-error.ts';
import { beginning, printable } from './printable.ts';

/**
 * The name a team calls one of its callers by: `billing`, `acme-corp`, `jörg.müller@example.com`. It becomes a
 * file name and the subject's CN, so it is letters, digits, marks and `. _ - @ +` alone, in NFC.
 */
export type ClientName = string & { readonly __brand: 'ClientName' };

/** The upper bound of a common name (RFC 5280 appendix A.1, ub-common-name), in characters. */
export const maxClientNameLength = 64;

/** The name, unchanged, if it is one. Throws `core/invalid-client-name`. */
export function parseClientName(text: string): ClientName {
  const fault = findFault(text);
  if (fault) {
    throw new CaError('core/invalid-client-name', `client name ${show(text)} ${fault}`, {
      hint: `use 1 to ${maxClientNameLength} letters, digits and . _ - @ + inside, for example: acme-billing`,
    });
  }
  return text as ClientName;
}

/**
 * The key under which two names collide: equal for names that differ in case or Unicode form alone, which one
 * directory on macOS or Windows could not hold apart, nor a person reading a list.
 */
export function clientNameKey(name: string): string {
  // Through capitals: Σ has two small forms, and ß is SS there. Only ẞ has to be made small before.
  return name.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase().normalize('NFKC');
}

function findFault(text: string): string | undefined {
  const length = [...text].length;
  if (length === 0) return 'is empty';
  if (length > maxClientNameLength) return `has ${length} characters > ${maxClientNameLength} allowed`;
  if (text !== text.normalize('NFC'))
    return `is not in Unicode form NFC (write ${JSON.stringify(text.normalize('NFC'))})`;
  // Nearly all names are plain, and the first use of Unicode classes costs three milliseconds.
  if (!/^[A-Za-z0-9][A-Za-z0-9._@+-]*$/.test(text)) {
    // Some letters and marks are invisible (variation selectors, Hangul fillers): two names would look like one.
    const wrong = /[^\p{L}\p{M}\p{Nd}._@+-]|\p{Default_Ignorable_Code_Point}/u.exec(text);
    if (wrong) return `holds ${visible(wrong[0])}`;
    if (!/^[\p{L}\p{Nd}]/u.test(text)) return 'does not start with a letter or digit';
  }
  if (text.endsWith('.')) return 'ends with a dot';
  if (text.includes('..')) return 'holds two dots in a row';
  if (Buffer.byteLength(text) > 200) return `has ${Buffer.byteLength(text)} octets in UTF-8 > 200 allowed`;
  if (/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(text)) return 'is a device name on Windows';
  return undefined;
}

function visible(character: string): string {
  return /^[!-~]$/.test(character)
    ? JSON.stringify(character)
    : `the character U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

function show(text: string): string {
  return `"${printable(beginning(text))}"`;
}
