import { CaError } from './ca-error.ts';
import { beginning, quoted } from './printable.ts';

/**
 * A certificate's serial number in its one canonical form: lower-case hex of the positive integer, two digits
 * an octet, without leading zero octets. `'0a1b…'`, never `'A1B'`, `'0x…'` or `'0A:1B'`.
 */
export type Serial = string & { readonly __brand: 'Serial' };

/** The longest serial allowed, in octets, sign octet included (RFC 5280 §4.1.2.2). */
export const maxSerialOctets = 20;

/**
 * The serial in any spelling that tools print: upper case, colons or spaces between octets, `0x`, leading zeros,
 * `serial=`. Throws `core/invalid-serial`.
 */
export function parseSerial(text: string): Serial {
  const hex = text
    .trim()
    .replace(/^serial=/i, '')
    .replace(/^0x/i, '')
    .replace(/[: ]/g, '')
    .toLowerCase();
  if (!/^[0-9a-f]+$/.test(hex)) {
    throw new CaError('core/invalid-serial', `serial ${quoted(text)} is not hexadecimal`, {
      hint: 'list the serials with: ca list',
    });
  }
  const digits = hex.replace(/^0+/, '');
  return checkSerial(digits.length % 2 === 0 ? digits : `0${digits}`, text);
}

/**
 * True for hexadecimal text of 8 octets or more in one of the spellings of {@link parseSerial}, also with the first
 * digit left out when it is zero, as keytool prints it.
 */
export function looksLikeSerial(text: string): boolean {
  return /^(serial=)?(0x)?[0-9a-f]{1,2}([: ]?[0-9a-f]{2}){7,}$/i.test(text.trim());
}

/** The serial of an INTEGER's content octets (big-endian). Throws `core/invalid-serial` if not positive. */
export function serialFromOctets(octets: Uint8Array): Serial {
  const hex = Buffer.from(octets)
    .toString('hex')
    .replace(/^(00)+/, '');
  if (octets.length > 0 && ((octets[0] ?? 0) & 0x80) !== 0) {
    throw new CaError('core/invalid-serial', `serial ${beginning(hex)} is negative`, {
      hint: 'ask who issued it for another: no serial may be (RFC 5280 §4.1.2.2)',
    });
  }
  return checkSerial(hex, hex);
}

/** The serial's octets without leading zeros, as an unsigned big-endian integer. */
export function serialOctets(serial: Serial): Uint8Array {
  return Buffer.from(serial, 'hex');
}

function checkSerial(hex: string, shown: string): Serial {
  if (hex === '') {
    throw new CaError('core/invalid-serial', `serial ${quoted(shown)} is not positive`, {
      hint: 'list the serials with: ca list',
    });
  }
  const signOctet = Number.parseInt(hex.slice(0, 2), 16) >= 0x80 ? 1 : 0;
  const octets = hex.length / 2 + signOctet;
  if (octets > maxSerialOctets) {
    throw new CaError(
      'core/invalid-serial',
      `serial has ${octets} octets > ${maxSerialOctets} allowed (RFC 5280 §4.1.2.2)`,
      { hint: 'list the serials with: ca list' },
    );
  }
  return hex as Serial;
}
