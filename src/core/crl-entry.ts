import { generalizedTimeLength, isUtcTime, utcTimeLength, writeTimeDigits } from './asn1-time.ts';

const sequence = 0x30;
const integer = 0x02;
const utcTime = 0x17;
const generalizedTime = 0x18;
/** Extension { reasonCode, OCTET STRING { ENUMERATED … (RFC 5280 §5.3.1), up to the code. */
const reasonPrefix = Buffer.from('300a0603551d1504030a01', 'hex');
/** Extension { invalidityDate, OCTET STRING { GeneralizedTime … (RFC 5280 §5.3.2), up to the digits. */
const invalidityPrefix = Buffer.from('30180603551d180411180f', 'hex');

/** The octets up to a serial of 20 octets with one for its sign, and with it. */
const longestStart = 2 + 2 + 21;

/** The octets of the longest entry: that serial, GeneralizedTime, reason and invalidity date. */
export const maxCrlEntryLength =
  longestStart +
  (2 + generalizedTimeLength) +
  2 +
  (reasonPrefix.length + 1) +
  (invalidityPrefix.length + generalizedTimeLength);

/** What an entry says beside its serial. Instants in Unix seconds. */
export interface CrlEntryFacts {
  readonly revokedAt: number;
  /** The CRLReason code. */
  readonly reason: number;
  readonly invalidityDate: number | undefined;
}

/**
 * Encodes the entries of a CRL in DER (RFC 5280 §5.1.2.6, §5.3): no extensions without a reason or invalidity date, and no
 * reason for `unspecified`. What is revoked in a row is often revoked in one second: what follows the serial is then
 * there already.
 */
export class CrlEntryEncoder {
  /** An entry: what follows the serial begins at {@link longestStart}, and the rest ends there. */
  readonly #entry = Buffer.alloc(maxCrlEntryLength);
  #end = longestStart;
  #last: CrlEntryFacts | undefined;

  /** The entry, until the next one is encoded. Throws `RangeError` for a serial that is not canonical. */
  encode(serial: Uint8Array, facts: CrlEntryFacts): Uint8Array {
    const last = this.#last;
    const isLikeLast =
      last?.revokedAt === facts.revokedAt &&
      last.reason === facts.reason &&
      last.invalidityDate === facts.invalidityDate;
    if (!isLikeLast) {
      this.#last = undefined;
      this.#end = this.#writeFacts(facts);
      this.#last = facts;
    }
    const start = this.#writeSerial(serial) - 2;
    this.#entry[start] = sequence;
    this.#entry[start + 1] = this.#end - start - 2;
    return this.#entry.subarray(start, this.#end);
  }

  /** Writes the INTEGER before the facts and gives where it begins. */
  #writeSerial(serial: Uint8Array): number {
    const entry = this.#entry;
    const first = serial[0] ?? 0;
    if (serial.length > 20 || first === 0) throw new RangeError('a revocation has no canonical serial');
    let start = longestStart - serial.length;
    entry.set(serial, start);
    if (first >= 0x80) entry[--start] = 0;
    entry[start - 1] = longestStart - start;
    entry[start - 2] = integer;
    return start - 2;
  }

  /** Writes the revocation date and the extensions, and gives where they end. */
  #writeFacts({ revokedAt, reason, invalidityDate }: CrlEntryFacts): number {
    const entry = this.#entry;
    const isLate = !isUtcTime(revokedAt);
    entry[longestStart] = isLate ? generalizedTime : utcTime;
    entry[longestStart + 1] = isLate ? generalizedTimeLength : utcTimeLength;
    const extensions = writeTimeDigits(entry, longestStart + 2, revokedAt, isLate);
    let end = extensions + 2;
    if (reason !== 0) {
      end += reasonPrefix.copy(entry, end);
      entry[end++] = reason;
    }
    if (invalidityDate !== undefined) {
      end += invalidityPrefix.copy(entry, end);
      end = writeTimeDigits(entry, end, invalidityDate, true);
    }
    if (end === extensions + 2) return extensions;
    entry[extensions] = sequence;
    entry[extensions + 1] = end - extensions - 2;
    return end;
  }
}
