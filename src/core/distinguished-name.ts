import { CaError } from './ca-error.ts';
import { beginning, printable } from './printable.ts';

/** The attribute types of a subject that are written and read by name (RFC 4514 §3, RFC 5280 §4.1.2.4). */
export const attributeTypes = {
  CN: { oid: '2.5.4.3', maxLength: 64 },
  serialNumber: { oid: '2.5.4.5', maxLength: 64 },
  C: { oid: '2.5.4.6', maxLength: 2 },
  L: { oid: '2.5.4.7', maxLength: 128 },
  ST: { oid: '2.5.4.8', maxLength: 128 },
  O: { oid: '2.5.4.10', maxLength: 64 },
  OU: { oid: '2.5.4.11', maxLength: 64 },
  DC: { oid: '0.9.2342.19200300.100.1.25', maxLength: 63 },
  UID: { oid: '0.9.2342.19200300.100.1.1', maxLength: 256 },
} as const;

export type AttributeType = keyof typeof attributeTypes;

/** One AttributeTypeAndValue; multi-valued RDNs are not made. */
export interface Attribute {
  readonly type: AttributeType;
  readonly value: string;
}

/** A Name: its attributes in the order they are encoded, most significant first (`C`, `O`, …, `CN`). */
export type DistinguishedName = readonly Attribute[];

/**
 * The name that text like `CN=billing,O=Acme\, Inc.,C=DE` gives. As in RFC 4514 the text is read most specific
 * attribute first, and encoded in the opposite order. The empty text is the empty name.
 *
 * Throws `core/invalid-name`, also for several attributes joined by `+` and for an escape that RFC 4514 §2.4 lacks.
 */
export function parseDistinguishedName(text: string): DistinguishedName {
  if (text.trim() === '') return [];
  return splitUnescaped(text).map(parseAttribute).reverse();
}

/** The text of a name, most specific attribute first (RFC 4514 §2). */
export function formatDistinguishedName(name: DistinguishedName): string {
  return name
    .map(({ type, value }) => `${type}=${escapeValue(value)}`)
    .reverse()
    .join(',');
}

/** The attribute, if its value may be encoded. Throws `core/invalid-name`. */
export function checkAttribute(type: AttributeType, value: string): Attribute {
  const { maxLength } = attributeTypes[type];
  const length = [...value].length;
  const shown = printable(beginning(value));
  if (length === 0)
    throw new CaError('core/invalid-name', `subject attribute ${type} is empty`, {
      hint: `give it a value, or leave ${type}= out`,
    });
  if (length > maxLength) {
    throw new CaError(
      'core/invalid-name',
      `subject attribute ${type}="${shown}" has ${length} characters > ${maxLength} allowed (RFC 5280 appendix A.1)`,
      { hint: type === 'C' ? 'write two capital letters: C=DE' : 'shorten it' },
    );
  }
  if (printable(value) !== value) {
    throw new CaError('core/invalid-name', `subject attribute ${type}="${shown}" holds a control character`, {
      hint: 'write it on one line of visible characters',
    });
  }
  if (type === 'C' && !/^[A-Z]{2}$/.test(value)) {
    throw new CaError('core/invalid-name', `subject attribute C="${shown}" is not an ISO 3166 country code`, {
      hint: 'write two capital letters: C=DE',
    });
  }
  // What the attribute's ASN.1 string type holds: PrintableString (RFC 5280 appendix A.1), IA5String (RFC 4519 §2.4).
  if (type === 'serialNumber' && !/^[A-Za-z0-9 '()+,./:=?-]*$/.test(value)) {
    throw new CaError(
      'core/invalid-name',
      `subject attribute serialNumber="${shown}" holds more than letters, digits, space and ' ( ) + , - . / : = ?`,
      { hint: 'write it with these alone' },
    );
  }
  if (type === 'DC' && !/^[ -~]*$/.test(value)) {
    throw new CaError('core/invalid-name', `subject attribute DC="${shown}" is not ASCII`, {
      hint: 'write an internationalised name in its A-label form (xn--…)',
    });
  }
  return { type, value };
}

function parseAttribute(text: string): Attribute {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(equals, 0)).trim();
  const type = (Object.keys(attributeTypes) as AttributeType[]).find(
    (known) => known.toLowerCase() === name.toLowerCase(),
  );
  if (equals < 0 || !type) {
    throw new CaError(
      'core/invalid-name',
      `subject part "${printable(beginning(text.trim()))}" is not TYPE=value`,
      {
        hint: `write it as CN=billing,O=Acme,C=DE with types of: ${Object.keys(attributeTypes).join(', ')}`,
      },
    );
  }
  return checkAttribute(type, unescapeValue(text.slice(equals + 1)));
}

/** The parts between the commas that no backslash precedes; a backslash at the very end stays, to be refused. */
function splitUnescaped(text: string): string[] {
  const parts = [''];
  for (const [token] of text.matchAll(/\\[\s\S]|[\s\S]/g)) {
    if (token === ',') parts.push('');
    else parts[parts.length - 1] += token;
  }
  return parts;
}

/** The value that RFC 4514 §3 text stands for. Spaces around it are not part of it unless they are escaped. */
function unescapeValue(text: string): string {
  const trimmed = text.replace(/^ +/, '').replace(/^((?:\\[\s\S]|[^\\])*?) +$/, '$1');
  if (trimmed.startsWith('#')) throw badEscape(text, 'starts with #', '\\#');
  return trimmed.replace(/((?:\\[0-9a-f]{2})+)|\\([\s\S]?)|["+;<>]/gi, (found, octets, escaped) => {
    if (octets !== undefined) return decodeOctets(octets, text);
    if (escaped === undefined) throw badEscape(text, `holds ${found} as it is`, `\\${found}`);
    if (escaped === '' || !' "#+,;<=>\\'.includes(escaped)) {
      throw badEscape(text, 'holds a backslash that escapes nothing', '\\\\');
    }
    return escaped;
  });
}

function decodeOctets(escaped: string, text: string): string {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return utf8.decode(Buffer.from(escaped.replaceAll('\\', ''), 'hex'));
  } catch {
    throw badEscape(text, 'holds octets that are not UTF-8', '\\C3\\BC for ü');
  }
}

function badEscape(text: string, fault: string, instead: string): CaError {
  return new CaError(
    'core/invalid-name',
    `subject value "${printable(beginning(text.trim()))}" ${fault} (RFC 4514 §2.4)`,
    {
      hint: `write it as ${instead}`,
    },
  );
}

function escapeValue(value: string): string {
  return value.replace(/[\\,+"<>;=]|^[ #]| $/g, '\\$&');
}
