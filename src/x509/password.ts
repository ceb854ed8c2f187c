import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';

/** The longest passphrase in octets of UTF-8: what OpenSSL's own programs and Node still take. */
export const maxPasswordOctets = 1024;

/**
 * The password in Unicode form NFC, so that `ü` is one password on every keyboard (RFC 8265 §4.2).
 *
 * Throws `x509/unusable-password` for one that is empty (macOS, Java and Windows refuse such a PKCS#12), holds a
 * control character (programs in C stop at NUL, and a line break is a file that was read wrongly), or is too long.
 */
export function checkPassword(password: string): string {
  const normal = password.normalize('NFC');
  const fault = findFault(normal);
  if (fault)
    throw new CaError('x509/unusable-password', `the password ${fault}`, { hint: 'choose another one' });
  return normal;
}

function findFault(password: string): string | undefined {
  const octets = Buffer.byteLength(password);
  if (octets === 0) return 'is empty';
  if (octets > maxPasswordOctets) return `has ${octets} octets > ${maxPasswordOctets} allowed`;
  const wrong = /[\p{Cc}\p{Cs}]/u.exec(password);
  return wrong ? `holds the control character ${printable(wrong[0])}` : undefined;
}
