import { generalizedTimeLength, isUtcTime, utcTimeLength, writeTimeDigits } from '../core/asn1-time.ts';

/** Identifier octets of the universal types that are written and read here (X.680 §8.6, X.690 §8.1.2). */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The identifier octet of the primitive context-specific tag `[number]` (X.690 §8.1.2.2). */
export function contextTag(number: number): number {
  return 0x80 | number;
}

/** The identifier octet of the constructed context-specific tag `[number]`. */
export function contextTagConstructed(number: number): number {
  return 0xa0 | number;
}

/** A SEQUENCE or SEQUENCE OF the parts, in their order (X.690 §8.9). */
export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encode(tags.sequence, parts);
}

/** A SET OF the parts, in ascending order of their encodings as DER wants it (X.690 §11.6). */
export function set(...parts: readonly Uint8Array[]): Uint8Array {
  return encode(tags.set, parts.length < 2 ? parts : [...parts].sort(Buffer.compare));
}

/**
 * A non-negative INTEGER in the fewest octets (X.690 §8.3.2), of a number or of the unsigned big-endian octets.
 * Throws `RangeError` for negative and fractional numbers.
 */
export function integer(value: Uint8Array | bigint | number): Uint8Array {
  const octets = value instanceof Uint8Array ? value : unsignedOctets(value);
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const first = octets[start];
  if (first === undefined) return encode(tags.integer, [zeroOctet]);
  const significant = start === 0 ? octets : octets.subarray(start);
  return encode(tags.integer, first >= 0x80 ? [zeroOctet, significant] : [significant]);
}

/** An OBJECT IDENTIFIER of dotted decimal text (X.690 §8.19). Throws `RangeError` for text that is not one. */
export function oid(dotted: string): Uint8Array {
  let encoded = encodedOids.get(dotted);
  if (!encoded) {
    encoded = encode(tags.oid, [oidOctets(dotted)]);
    encodedOids.set(dotted, encoded);
  }
  return encoded;
}

/** An OCTET STRING of the parts joined (X.690 §8.7). */
export function octetString(...parts: readonly Uint8Array[]): Uint8Array {
  return encode(tags.octetString, parts);
}

/** A BIT STRING of whole octets, or of all but the last `unusedBits` bits, which must be zero (X.690 §11.2.1). */
export function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return encode(tags.bitString, [Uint8Array.of(unusedBits), bytes]);
}

/** A BIT STRING with named bits, of which DER drops the trailing zeros (X.690 §11.2.2): bit 0 is the first. */
export function namedBits(...positions: readonly number[]): Uint8Array {
  if (positions.length === 0) return bitString(new Uint8Array(0));
  const last = Math.max(...positions);
  const octets = new Uint8Array((last >> 3) + 1);
  for (const position of positions) {
    octets[position >> 3] = (octets[position >> 3] ?? 0) | (0x80 >> (position & 7));
  }
  return bitString(octets, 7 - (last & 7));
}

/** A UTF8String (X.690 §8.23.10). */
export function utf8String(text: string): Uint8Array {
  return encode(tags.utf8String, [Buffer.from(text, 'utf8')]);
}

/** A PrintableString. Throws `RangeError` for characters beyond its alphabet (X.680 §41.4). */
export function printableString(text: string): Uint8Array {
  if (!isPrintableString(text)) throw new RangeError('no PrintableString holds this text');
  return encode(tags.printableString, [Buffer.from(text, 'latin1')]);
}

/** An IA5String. Throws `RangeError` for characters beyond ASCII. */
export function ia5String(text: string): Uint8Array {
  return encode(tags.ia5String, [asciiOctets(text)]);
}

/** A BOOLEAN, TRUE being all ones (X.690 §11.1). */
export function boolean(value: boolean): Uint8Array {
  return Uint8Array.of(tags.boolean, 1, value ? 0xff : 0);
}

/** NULL (X.690 §8.8). */
export const nullValue: Uint8Array = Uint8Array.of(tags.null, 0);

/**
 * A Time: UTCTime from 1950 through 2049, GeneralizedTime otherwise, without a fraction of a second
 * (RFC 5280 §4.1.2.5). Throws `RangeError` for instants that do not fit.
 */
export function time(instant: Date): Uint8Array {
  const unixSeconds = Math.floor(instant.getTime() / 1000);
  return encodeTime(unixSeconds, !isUtcTime(unixSeconds));
}

/** A GeneralizedTime without a fraction of a second (RFC 5280 §4.1.2.5.2). Throws `RangeError` as {@link time}. */
export function generalizedTime(instant: Date): Uint8Array {
  return encodeTime(Math.floor(instant.getTime() / 1000), true);
}

/** `[number] EXPLICIT`: the parts inside a constructed context-specific tag (X.690 §8.14). */
export function explicit(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return encode(contextTagConstructed(number), parts);
}

/** `[number] IMPLICIT`: `element` with its identifier replaced by a context-specific one (X.690 §8.14). */
export function implicit(number: number, element: Uint8Array): Uint8Array {
  const encoded = Uint8Array.from(element);
  encoded[0] = ((element[0] ?? 0) & 0x20) | contextTag(number);
  return encoded;
}

/** ASCII text as octets. Throws `RangeError` for anything beyond ASCII, NUL included among the refused. */
export function asciiOctets(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0 || code > 0x7f) throw new RangeError('no IA5String of ours holds this text');
    octets[index] = code;
  }
  return octets;
}

/** True for text in the alphabet of PrintableString (X.680 §41.4). */
export function isPrintableString(text: string): boolean {
  return /^[A-Za-z0-9 '()+,./:=?-]*$/.test(text);
}

/** The octets that an element of `contentLength` content octets takes: identifier, length, content. */
export function encodedLength(contentLength: number): number {
  return 1 + lengthOctets(contentLength) + contentLength;
}

/**
 * Writes identifier and length octets, the length in its shortest definite form (X.690 §10.1), and returns the
 * position behind them.
 */
export function writeHeader(target: Uint8Array, at: number, identifier: number, length: number): number {
  target[at] = identifier;
  if (length < 0x80) {
    target[at + 1] = length;
    return at + 2;
  }
  const octets = lengthOctets(length) - 1;
  target[at + 1] = 0x80 | octets;
  for (let index = octets, rest = length; index > 0; index--, rest = Math.floor(rest / 256)) {
    target[at + 1 + index] = rest % 256;
  }
  return at + 2 + octets;
}

/** Copies `octets` to `position` and returns the position behind them. */
export function copyInto(target: Uint8Array, position: number, octets: Uint8Array): number {
  // For the few octets of most elements a loop takes a quarter of the time of `set`.
  if (octets.length > 64) target.set(octets, position);
  else for (let index = 0; index < octets.length; index++) target[position + index] = octets[index] ?? 0;
  return position + octets.length;
}

const zeroOctet = Uint8Array.of(0);
/** Encodings by dotted text; those asked for are the program's own constants and a few from the settings. */
const encodedOids = new Map<string, Uint8Array>();

function encode(identifier: number, parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const encoded = new Uint8Array(encodedLength(length));
  let at = writeHeader(encoded, 0, identifier, length);
  for (const part of parts) at = copyInto(encoded, at, part);
  return encoded;
}

function encodeTime(unixSeconds: number, generalized: boolean): Uint8Array {
  const length = generalized ? generalizedTimeLength : utcTimeLength;
  const encoded = new Uint8Array(2 + length);
  const identifier = generalized ? tags.generalizedTime : tags.utcTime;
  writeTimeDigits(encoded, writeHeader(encoded, 0, identifier, length), unixSeconds, generalized);
  return encoded;
}

function lengthOctets(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x100) return 2;
  if (length < 0x1_0000) return 3;
  if (length < 0x100_0000) return 4;
  return 5;
}

function unsignedOctets(value: bigint | number): Uint8Array {
  const number = BigInt(value);
  if (number < 0n) throw new RangeError(`no unsigned INTEGER holds ${number}`);
  const hex = number.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

function oidOctets(dotted: string): Uint8Array {
  if (!/^[0-2](\.(0|[1-9]\d{0,15}))+$/.test(dotted)) throw new RangeError(`${dotted} is not an OID`);
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  if (first < 2 && second > 39) throw new RangeError(`${dotted} is not an OID`);
  return Uint8Array.from([first * 40 + second, ...rest].flatMap(base128));
}

/** The arc in groups of seven bits, each but the last marked by its top bit (X.690 §8.19.2). */
function base128(arc: number): number[] {
  const groups = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    groups.unshift(0x80 | (rest % 128));
  }
  return groups;
}
