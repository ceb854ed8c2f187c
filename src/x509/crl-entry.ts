import { readTimeDigits } from '../core/asn1-time.ts';
import type { Revocation } from '../core/revocation-page.ts';
import { reasonOfCode } from '../core/revocation-reason.ts';
import { readSerial } from './certificate.ts';
import { malformed } from './der-reader.ts';
import { tags } from './der-writer.ts';

/**
 * A cursor over the entries of a CRL, which it reads in place: after each `next()` that returned true, the fields
 * are those of one entry. Strict as `DerReader`, without an object for each element.
 */
export class CrlEntryCursor {
  /** Where the serial's content octets lie in `bytes`. */
  serialStart = 0;
  serialLength = 0;
  /** Unix seconds. */
  revokedAt = 0;
  /** Whether revocationDate is written as UTCTime. */
  isUtcTime = true;
  hasExtensions = false;
  /** The CRLReason code; -1 without a reasonCode extension. */
  reasonCode = -1;
  /** Unix seconds; `NaN` without an invalidityDate extension. */
  invalidityDate = Number.NaN;
  hasCriticalExtension = false;
  hasUnknownExtension = false;
  readonly bytes: Uint8Array;
  readonly #words: DataView;
  /** Where the entry begins. */
  #start = 0;
  #at = 0;
  /** Where the last entry's octets behind its serial lie. */
  #restStart = 0;
  #restEnd = 0;

  /** @param bytes the content of revokedCertificates */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#words = viewOf(bytes);
  }

  /** Where the entry ends, and the next one begins. */
  get end(): number {
    return this.#at;
  }

  /** Which entry of the list this is, counted from 0: for messages, as those before it are counted. */
  get index(): number {
    const before = new CrlEntryCursor(this.bytes.subarray(0, this.#start));
    let count = 0;
    while (before.next()) count++;
    return count;
  }

  /** Goes to where an entry begins, or the end, without reading those before it. */
  skipTo(start: number): this {
    this.#at = start;
    return this;
  }

  /** Moves on to the next entry; false at the end. Throws `x509/malformed`. */
  next(): boolean {
    const { bytes } = this;
    if (this.#at >= bytes.length) return false;
    this.#start = this.#at;
    const end = this.#enter(tags.sequence, bytes.length);
    const serialEnd = this.#enter(tags.integer, end);
    this.serialStart = this.#at;
    this.serialLength = serialEnd - this.#at;
    const first = bytes[this.#at] ?? 0;
    const second = bytes[this.#at + 1] ?? 0;
    const isPadded = first === 0 ? second < 0x80 : first === 0xff && second >= 0x80;
    if (this.serialLength === 0 || (this.serialLength > 1 && isPadded))
      this.#fail('a serial that is not minimal');
    this.#at = serialEnd;
    // What is octet for octet what the entry before has says the same.
    if (!this.#isLikeLast(serialEnd, end)) this.#rest(end);
    this.#at = end;
    return true;
  }

  #isLikeLast(start: number, end: number): boolean {
    const length = end - start;
    if (length !== this.#restEnd - this.#restStart || length < 4) return false;
    for (let index = 0; index < length; index += 4) {
      const word = Math.min(index, length - 4);
      if (this.#words.getUint32(start + word) !== this.#words.getUint32(this.#restStart + word)) return false;
    }
    return true;
  }

  /** Reads the revocation date and the extensions. */
  #rest(end: number): void {
    const start = this.#at;
    this.reasonCode = -1;
    this.invalidityDate = Number.NaN;
    this.hasCriticalExtension = false;
    this.hasUnknownExtension = false;
    this.isUtcTime = this.bytes[start] === tags.utcTime;
    this.revokedAt = this.#time(this.isUtcTime ? tags.utcTime : tags.generalizedTime, end);
    this.hasExtensions = this.#at < end;
    if (this.hasExtensions) this.#extensions(end);
    if (this.#at !== end) this.#fail('something behind its extensions');
    this.#restStart = start;
    this.#restEnd = end;
  }

  /** True if the entry's serial has these content octets. */
  hasSerial(octets: Uint8Array): boolean {
    if (octets.length !== this.serialLength) return false;
    // The last octets differ most, since issuers that count up share the first ones.
    for (let index = octets.length - 1; index >= 0; index--) {
      if (octets[index] !== this.bytes[this.serialStart + index]) return false;
    }
    return true;
  }

  /** The entry as a value. Throws `x509/malformed` for a serial or reason that no certificate of ours can have. */
  revocation(): Revocation {
    const serial = readSerial(this.bytes.subarray(this.serialStart, this.serialStart + this.serialLength));
    const reason = this.reasonCode < 0 ? 'unspecified' : reasonOfCode(this.reasonCode);
    if (!reason) this.#fail(`the reason code ${this.reasonCode}`);
    const revokedAt = new Date(this.revokedAt * 1000);
    if (Number.isNaN(this.invalidityDate)) return { serial, revokedAt, reason };
    return { serial, revokedAt, reason, invalidityDate: new Date(this.invalidityDate * 1000) };
  }

  #extensions(end: number): void {
    const listEnd = this.#enter(tags.sequence, end);
    if (this.#at === listEnd) this.#fail('an empty list of extensions (RFC 5280 §5.1.2.6)');
    while (this.#at < listEnd) this.#extension(listEnd);
  }

  #extension(limit: number): void {
    const { bytes } = this;
    const end = this.#enter(tags.sequence, limit);
    const oidEnd = this.#enter(tags.oid, end);
    // 2.5.29.x in three octets (id-ce)
    const isIdCe = oidEnd - this.#at === 3 && bytes[this.#at] === 0x55 && bytes[this.#at + 1] === 0x1d;
    const arc = isIdCe ? bytes[this.#at + 2] : undefined;
    this.#at = oidEnd;
    const isCritical = bytes[this.#at] === tags.boolean;
    if (isCritical) {
      const booleanEnd = this.#enter(tags.boolean, end);
      if (booleanEnd - this.#at !== 1 || bytes[this.#at] !== 0xff) this.#fail('a malformed critical flag');
      this.#at = booleanEnd;
      this.hasCriticalExtension = true;
    }
    const valueEnd = this.#enter(tags.octetString, end);
    if (valueEnd !== end) this.#fail('a malformed extension');
    if (arc === 0x15) {
      if (this.reasonCode >= 0) this.#fail('two reason codes');
      const codeEnd = this.#enter(tags.enumerated, end);
      const code = bytes[this.#at] ?? 0xff;
      if (codeEnd !== end || codeEnd - this.#at !== 1 || code > 0x7f) this.#fail('a malformed reason code');
      this.reasonCode = code;
    } else if (arc === 0x18) {
      if (!Number.isNaN(this.invalidityDate)) this.#fail('two invalidity dates');
      this.invalidityDate = this.#time(tags.generalizedTime, end);
      if (this.#at !== end) this.#fail('a malformed invalidity date');
    } else {
      // An entry with a critical extension that we do not know must not be passed over (RFC 5280 §5.3).
      if (isCritical) this.#fail('an unknown critical extension');
      this.hasUnknownExtension = true;
    }
    this.#at = end;
  }

  #time(tag: number, limit: number): number {
    const end = this.#enter(tag, limit);
    const seconds = readTimeDigits(this.bytes, this.#at, end - this.#at, tag === tags.generalizedTime);
    if (Number.isNaN(seconds)) this.#fail('a malformed time');
    this.#at = end;
    return seconds;
  }

  /** Steps into an element with that identifier octet and returns where its content ends, at most at `limit`. */
  #enter(tag: number, limit: number): number {
    const { bytes } = this;
    if (this.#at + 2 > limit || bytes[this.#at] !== tag) this.#fail('a missing or unexpected element');
    let length = bytes[this.#at + 1] ?? 0;
    this.#at += 2;
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0 || octets > 2 || this.#at + octets > limit) this.#fail('a malformed length');
      length =
        octets === 1 ? (bytes[this.#at] ?? 0) : (bytes[this.#at] ?? 0) * 256 + (bytes[this.#at + 1] ?? 0);
      if (length < (octets === 1 ? 0x80 : 0x100)) this.#fail('a length that is not minimal');
      this.#at += octets;
    }
    if (this.#at + length > limit) this.#fail('an element that is cut off');
    return this.#at + length;
  }

  #fail(fault: string): never {
    throw malformed(`CRL entry ${this.index} has ${fault}`, this.#at);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
