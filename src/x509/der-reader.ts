import { readTimeDigits } from '../core/asn1-time.ts';
import { CaError } from '../core/ca-error.ts';
import { tags } from './der-writer.ts';

/** How many constructed elements may lie within one another; our deepest structure has nine. */
const maxDepth = 32;

/** An ASN.1 Time as it was written: the form matters to RFC 5280 §4.1.2.5, the instant to everybody. */
export interface Asn1Time {
  readonly form: 'UTCTime' | 'GeneralizedTime';
  readonly instant: Date;
}

/** The value that `read` makes of the one element in `bytes`. Throws `x509/malformed` if anything follows it. */
export function readDer<Value>(bytes: Uint8Array, what: string, read: (reader: DerReader) => Value): Value {
  const reader = new DerReader(bytes);
  const value = read(reader);
  reader.end(what);
  return value;
}

/**
 * A cursor over DER that takes the one canonical encoding of each value and refuses every other one: lengths are
 * definite and minimal, INTEGERs minimal, booleans 00 or FF, nothing follows (X.690 §10 and §11).
 *
 * Every method throws `x509/malformed` with the offset. What is returned are views, not copies. `what` names the
 * field in messages, in the words of its standard.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #depth: number;
  #at: number;
  #contentStart = 0;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length, depth = 0) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#depth = depth;
  }

  /** The position of the next element in the bytes that the outermost reader was given. */
  get offset(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** The identifier octet of the next element, or -1 at the end: how OPTIONAL fields are told apart. */
  get nextTag(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] ?? -1) : -1;
  }

  /** Refuses anything that is left. */
  end(what: string): void {
    if (this.#at < this.#end) this.#fail(`${this.#end - this.#at} octets follow ${what}`);
  }

  /** The next element whole: identifier, length and content. */
  element(what: string, tag?: number): Uint8Array {
    const start = this.#at;
    this.#advance(what, tag);
    return this.#bytes.subarray(start, this.#at);
  }

  /** The content octets of the next element, which bears that identifier octet. */
  content(tag: number, what: string): Uint8Array {
    this.#advance(what, tag);
    return this.#bytes.subarray(this.#contentStart, this.#at);
  }

  /** A reader of the elements inside the next one. */
  open(tag: number, what: string): DerReader {
    if (this.#depth >= maxDepth) this.#fail(`${what} lies deeper than ${maxDepth} elements`);
    this.#advance(what, tag);
    return new DerReader(this.#bytes, this.#contentStart, this.#at, this.#depth + 1);
  }

  sequence(what: string): DerReader {
    return this.open(tags.sequence, what);
  }

  set(what: string): DerReader {
    return this.open(tags.set, what);
  }

  /** An INTEGER's content octets: big-endian two's complement, minimal (X.690 §8.3.2), sign not judged. */
  integer(what: string, tag: number = tags.integer): Uint8Array {
    const octets = this.content(tag, what);
    const first = octets[0] ?? 0;
    const second = octets[1] ?? 0;
    if (octets.length === 0) this.#failInside(`${what} has no octets`);
    if (octets.length > 1 && (first === 0 ? second < 0x80 : first === 0xff && second >= 0x80)) {
      this.#failInside(`${what} is not in its fewest octets`);
    }
    return octets;
  }

  /** An INTEGER from 0 to 2^31 - 1. */
  smallInteger(what: string, tag: number = tags.integer): number {
    const octets = this.integer(what, tag);
    if (octets.length > 4 || (octets[0] ?? 0) >= 0x80) {
      this.#failInside(`${what} is not between 0 and ${0x7fff_ffff}`);
    }
    return octets.reduce((value, octet) => value * 256 + octet, 0);
  }

  /** An OBJECT IDENTIFIER as dotted decimal text. */
  oid(what: string, tag: number = tags.oid): string {
    const octets = this.content(tag, what);
    const dotted = dottedOid(octets);
    if (dotted === undefined) this.#failInside(`${what} is not an object identifier`);
    return dotted;
  }

  /** A BOOLEAN: FF is TRUE, 00 is FALSE, anything else is not DER (X.690 §11.1). */
  boolean(what: string): boolean {
    const octets = this.content(tags.boolean, what);
    if (octets.length !== 1 || (octets[0] !== 0 && octets[0] !== 0xff)) {
      this.#failInside(`${what} is neither 00 nor FF`);
    }
    return octets[0] === 0xff;
  }

  /** A `BOOLEAN DEFAULT FALSE`, whose default DER leaves out (X.690 §11.5). */
  defaultFalse(what: string): boolean {
    if (this.nextTag !== tags.boolean) return false;
    if (!this.boolean(what)) this.#failInside(`${what} spells out its default`);
    return true;
  }

  null(what: string): void {
    if (this.content(tags.null, what).length > 0) this.#failInside(`${what} has content`);
  }

  octetString(what: string): Uint8Array {
    return this.content(tags.octetString, what);
  }

  /** A BIT STRING of whole octets: keys and signatures. */
  bitString(what: string): Uint8Array {
    const { bytes, unusedBits } = this.bits(what);
    if (unusedBits !== 0) this.#failInside(`${what} ends within an octet`);
    return bytes;
  }

  /** A BIT STRING and how many bits of its last octet are unused; those must be zero (X.690 §11.2.1). */
  bits(what: string, tag: number = tags.bitString): { bytes: Uint8Array; unusedBits: number } {
    const octets = this.content(tag, what);
    const unusedBits = octets[0] ?? 8;
    const last = octets.length > 1 ? (octets[octets.length - 1] ?? 0) : 0;
    if (
      unusedBits > 7 ||
      (octets.length === 1 && unusedBits !== 0) ||
      (last & ((1 << unusedBits) - 1)) !== 0
    ) {
      this.#failInside(`${what} is not a BIT STRING in DER`);
    }
    return { bytes: octets.subarray(1), unusedBits };
  }

  /** The positions of a BIT STRING's named bits, whose trailing zeros DER drops (X.690 §11.2.2). */
  namedBits(what: string, tag: number = tags.bitString): number[] {
    const { bytes, unusedBits } = this.bits(what, tag);
    const length = bytes.length * 8 - unusedBits;
    const positions: number[] = [];
    for (let position = 0; position < length; position++) {
      if ((bytes[position >> 3] ?? 0) & (0x80 >> (position & 7))) positions.push(position);
    }
    if (length > 0 && positions.at(-1) !== length - 1) this.#failInside(`${what} ends in zero bits`);
    return positions;
  }

  /** ASCII text under that identifier octet: an IA5String, or an implicitly tagged one. */
  ascii(what: string, tag: number = tags.ia5String): string {
    const octets = this.content(tag, what);
    for (const octet of octets) {
      if (octet === 0 || octet > 0x7f) this.#failInside(`${what} is not ASCII`);
    }
    return latin1(octets);
  }

  /** A Time: UTCTime or GeneralizedTime with seconds, without a fraction, in Z (RFC 5280 §4.1.2.5). */
  time(what: string): Asn1Time {
    if (this.nextTag !== tags.utcTime)
      return { form: 'GeneralizedTime', instant: this.generalizedTime(what) };
    this.#advance(what, tags.utcTime);
    return { form: 'UTCTime', instant: this.#instant(what, false) };
  }

  generalizedTime(what: string): Date {
    this.#advance(what, tags.generalizedTime);
    return this.#instant(what, true);
  }

  #instant(what: string, generalized: boolean): Date {
    const length = this.#at - this.#contentStart;
    const unixSeconds = readTimeDigits(this.#bytes, this.#contentStart, length, generalized);
    if (Number.isNaN(unixSeconds)) {
      this.#failInside(`${what} is not a time of the form ${generalized ? 'YYYY' : 'YY'}MMDDHHMMSSZ`);
    }
    return new Date(unixSeconds * 1000);
  }

  #advance(what: string, tag: number | undefined): void {
    const bytes = this.#bytes;
    const start = this.#at;
    if (start + 2 > this.#end) this.#fail(`${what} is missing or cut off`);
    const identifier = bytes[start] ?? 0;
    if (tag !== undefined && identifier !== tag) {
      this.#fail(`${what} has tag ${hexOctet(identifier)}, not ${hexOctet(tag)}`);
    }
    if ((identifier & 0x1f) === 0x1f || identifier === 0) {
      this.#fail(`${what} has the unsupported tag ${hexOctet(identifier)}`);
    }
    let length = bytes[start + 1] ?? 0;
    let content = start + 2;
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0) this.#fail(`${what} has an indefinite length`);
      if (octets > 4) this.#fail(`${what} has a length of ${octets} octets > 4 allowed`);
      if (content + octets > this.#end) this.#fail(`${what} is cut off`);
      length = 0;
      for (let index = 0; index < octets; index++) length = length * 256 + (bytes[content + index] ?? 0);
      if (length < 0x80 || bytes[content] === 0) this.#fail(`${what} has a length that is not minimal`);
      content += octets;
    }
    if (content + length > this.#end) this.#fail(`${what} is cut off`);
    this.#contentStart = content;
    this.#at = content + length;
  }

  #failInside(fault: string): never {
    throw malformed(fault, this.#contentStart);
  }

  #fail(fault: string): never {
    throw malformed(fault, this.#at);
  }
}

/** The refusal of bytes that are not what they should be, with where. */
export function malformed(fault: string, offset?: number): CaError {
  return new CaError('x509/malformed', offset === undefined ? fault : `${fault} (at offset ${offset})`);
}

/** Octets as text, one character each. */
export function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1');
}

/** X.690 §8.19; arcs above 2^53 (as in 2.25 UUIDs) and OIDs of more than 64 octets are not taken. */
function dottedOid(octets: Uint8Array): string | undefined {
  if (octets.length === 0 || octets.length > 64 || (octets[octets.length - 1] ?? 0) >= 0x80) return undefined;
  let dotted = '';
  let arc = 0;
  let isArcStart = true;
  for (const octet of octets) {
    if (isArcStart && octet === 0x80) return undefined;
    arc = arc * 128 + (octet & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) return undefined;
    isArcStart = octet < 0x80;
    if (!isArcStart) continue;
    if (dotted === '') {
      const first = arc < 80 ? Math.floor(arc / 40) : 2;
      dotted = `${first}.${arc - first * 40}`;
    } else {
      dotted += `.${arc}`;
    }
    arc = 0;
  }
  return dotted;
}

function hexOctet(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}
