import {
  type Attribute,
  type AttributeType,
  attributeTypes,
  type DistinguishedName,
  formatDistinguishedName,
} from '../core/distinguished-name.ts';
import { printable } from '../core/printable.ts';
import { latin1, malformed, readDer } from './der-reader.ts';
import {
  ia5String,
  isPrintableString,
  oid,
  printableString,
  sequence,
  set,
  tags,
  utf8String,
} from './der-writer.ts';

/** One AttributeTypeAndValue as it was read, whatever its type; `text` is missing where the value is no string. */
export interface RawAttribute {
  readonly oid: string;
  readonly tag: number;
  /** The value's whole encoding. */
  readonly value: Uint8Array;
  readonly text: string | undefined;
}

/**
 * The name in DER, an RDN for each attribute. C and serialNumber are PrintableString, DC IA5String (RFC 5280
 * appendix A.1, RFC 4519 §2.4), all others UTF8String (RFC 5280 §4.1.2.4). Throws `RangeError` for a value that
 * its string type does not hold.
 */
export function encodeName(name: DistinguishedName): Uint8Array {
  return sequence(
    ...name.map(({ type, value }) =>
      set(sequence(oid(attributeTypes[type].oid), encodeValue(stringTagOf(type), value))),
    ),
  );
}

/**
 * The attributes of a name in DER, in their order.
 *
 * Throws `x509/malformed`, also for attribute types and multi-valued RDNs that we do not make; {@link formatName}
 * shows those.
 */
export function decodeName(bytes: Uint8Array): DistinguishedName {
  return readRdns(bytes).map((rdn) => {
    const [attribute, second] = rdn;
    if (!attribute || second) throw malformed('name has an RDN of several attributes');
    const type = typeOfOid(attribute.oid);
    if (!type) throw malformed(`name has an attribute of the unsupported type ${attribute.oid}`);
    if (attribute.text === undefined) throw malformed(`name attribute ${type} is not a string`);
    return { type, value: attribute.text } satisfies Attribute;
  });
}

/**
 * The text of any name, for people to read: like `formatDistinguishedName`, with attributes of other types as
 * `1.2.3=#04…` (RFC 4514 §2.4), several in an RDN joined by `+`, and control characters made visible. Throws
 * `x509/malformed` for bytes that are no name.
 */
export function formatName(bytes: Uint8Array): string {
  return readRdns(bytes)
    .map((rdn) => rdn.map(formatAttribute).join('+'))
    .reverse()
    .join(',');
}

/** The RDNs of a name in DER, most significant first. Throws `x509/malformed`. */
export function readRdns(bytes: Uint8Array): RawAttribute[][] {
  return readDer(bytes, 'name', (reader) => {
    const name = reader.sequence('name');
    const rdns: RawAttribute[][] = [];
    while (!name.isAtEnd) {
      const rdn = name.set('RDN');
      const attributes: RawAttribute[] = [];
      do {
        const pair = rdn.sequence('name attribute');
        const type = pair.oid('name attribute type');
        const { nextTag: tag, offset } = pair;
        const value = pair.element('name attribute value');
        pair.end('name attribute value');
        const content = readDer(value, 'name attribute value', (inner) => inner.content(tag, 'value'));
        attributes.push({ oid: type, tag, value, text: decodeString(tag, content, offset) });
      } while (!rdn.isAtEnd);
      rdns.push(attributes);
    }
    return rdns;
  });
}

/** The string type that {@link encodeName} gives to an attribute type, as an identifier octet. */
export function stringTagOf(type: AttributeType): number {
  if (type === 'C' || type === 'serialNumber') return tags.printableString;
  return type === 'DC' ? tags.ia5String : tags.utf8String;
}

/** The attribute type of that OID, if it is one of ours. */
export function typeOfOid(dotted: string): AttributeType | undefined {
  return typesByOid.get(dotted);
}

const typesByOid: ReadonlyMap<string, AttributeType> = new Map(
  (Object.keys(attributeTypes) as AttributeType[]).map((type) => [attributeTypes[type].oid, type]),
);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function encodeValue(tag: number, value: string): Uint8Array {
  if (tag === tags.printableString) return printableString(value);
  return tag === tags.ia5String ? ia5String(value) : utf8String(value);
}

/** The text of a DirectoryString or IA5String; undefined for values of other types. */
function decodeString(tag: number, content: Uint8Array, offset: number): string | undefined {
  switch (tag) {
    case tags.utf8String:
      try {
        return utf8.decode(content);
      } catch {
        throw malformed('name attribute is not UTF-8', offset);
      }
    case tags.printableString: {
      const text = latin1(content);
      if (!isPrintableString(text)) throw malformed('name attribute is not a PrintableString', offset);
      return text;
    }
    case tags.ia5String: {
      const text = latin1(content);
      if (/[^\0-\x7f]/.test(text)) throw malformed('name attribute is not an IA5String', offset);
      return text;
    }
    case tags.teletexString:
      // T.61 proper is read by nobody: writers meant Latin-1.
      return latin1(content);
    case tags.bmpString:
      if (content.length % 2 !== 0) throw malformed('name attribute is not a BMPString', offset);
      return Buffer.from(content).swap16().toString('utf16le');
    default:
      return undefined;
  }
}

function formatAttribute(attribute: RawAttribute): string {
  const type = typeOfOid(attribute.oid);
  if (type && attribute.text !== undefined) {
    return printable(formatDistinguishedName([{ type, value: attribute.text }]));
  }
  return `${attribute.oid}=#${Buffer.from(attribute.value).toString('hex')}`;
}
