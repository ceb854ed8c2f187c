import { printable } from '../core/printable.ts';
import { formatIp, ipOctets, type San } from '../core/san.ts';
import { type DerReader, malformed, readDer } from './der-reader.ts';
import { asciiOctets, contextTag, implicit, octetString, sequence } from './der-writer.ts';

/** The tags of GeneralName's CHOICE (RFC 5280 §4.2.1.6) that are made and read. */
export const generalNameTags = { email: 1, dns: 2, uri: 6, ip: 7 } as const;

/** One GeneralName. Throws `RangeError` for text beyond ASCII, which `parseSan` lets nobody make. */
export function encodeGeneralName(san: San): Uint8Array {
  const value = san.type === 'ip' ? ipOctets(san.value) : asciiOctets(san.value);
  return implicit(generalNameTags[san.type], octetString(value));
}

/** GeneralNames: the content of a SubjectAltName extension (RFC 5280 §4.2.1.6). */
export function encodeGeneralNames(sans: readonly San[]): Uint8Array {
  return sequence(...sans.map(encodeGeneralName));
}

/**
 * The names of GeneralNames, each as its bytes have it (IP addresses in canonical text).
 *
 * Throws `x509/malformed` for an empty list, and for names of types that the tool does not make (otherName,
 * directoryName, …): to pass over one would let a CSR or an imported certificate say more than we show.
 */
export function decodeGeneralNames(bytes: Uint8Array): San[] {
  return readDer(bytes, 'general names', (reader) => {
    const list = reader.sequence('general names');
    const names: San[] = [];
    do names.push(readGeneralName(list));
    while (!list.isAtEnd);
    return names;
  });
}

/** The next GeneralName. Throws as {@link decodeGeneralNames}. */
export function readGeneralName(reader: DerReader): San {
  const { nextTag, offset } = reader;
  switch (nextTag) {
    case contextTag(generalNameTags.email):
      return { type: 'email', value: readText(reader, nextTag, 'rfc822Name') };
    case contextTag(generalNameTags.dns):
      return { type: 'dns', value: readText(reader, nextTag, 'dNSName') };
    case contextTag(generalNameTags.uri):
      return { type: 'uri', value: readText(reader, nextTag, 'uniformResourceIdentifier') };
    case contextTag(generalNameTags.ip): {
      const octets = reader.content(nextTag, 'iPAddress');
      if (octets.length !== 4 && octets.length !== 16) {
        throw malformed(`iPAddress has ${octets.length} octets, not 4 or 16 (RFC 5280 §4.2.1.6)`, offset);
      }
      return { type: 'ip', value: formatIp(octets) };
    }
    default:
      reader.element('general name');
      throw malformed(`general name [${nextTag & 0x1f}] is not an e-mail, DNS, URI or IP name`, offset);
  }
}

function readText(reader: DerReader, tag: number, what: string): string {
  const { offset } = reader;
  const text = reader.ascii(what, tag);
  if (text === '' || printable(text) !== text) {
    throw malformed(`${what} is empty or holds a control character`, offset);
  }
  return text;
}
