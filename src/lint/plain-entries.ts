/** How many octets are looked at in one go: V8 makes short texts faster than long ones. */
const pieceOctets = 1 << 15;

/** What no plain entry is longer than. */
const longestEntry = 64;

const utcTime =
  octets('17 0d') +
  // 29 February is not plain.
  /\d\d(?:(?:0[13578]|1[02])(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)(?:0[1-9]|[12]\d|30)|02(?:0[1-9]|1\d|2[0-8]))/
    .source +
  /(?:[01]\d|2[0-3])[0-5]\d[0-5]\dZ/.source;

const reason = `${octets('30 0c 30 0a 06 03 55 1d 15 04 03 0a 01')}[\\x01-\\x06\\x09\\x0a]`;

/**
 * Finds the entries of a CRL in which no rule for entries finds anything, whatever stands in the others: nearly all
 * of them. One regular expression passes over thousands in the time in which they take a rule each to a few, and is at
 * its full speed from the first ones on, as JavaScript is not. Entries that are not plain need not be wrong.
 *
 * Plain is: a positive serial of at most 20 octets, minimal (RFC 5280 §4.1.2.2); UTCTime (§5.1.2.6); and no extensions, or
 * one reason code that a full CRL has, not "unspecified", not critical (§5.3.1).
 */
export class PlainEntries {
  readonly #bytes: Buffer;
  /** By the octets of a serial. */
  readonly #patterns = new Map<number, RegExp>();
  #text = '';
  #textStart = 0;

  /** @param bytes the content of revokedCertificates */
  constructor({ buffer, byteOffset, length }: Uint8Array) {
    this.#bytes = Buffer.from(buffer, byteOffset, length);
  }

  /** Where the first entry from `start` on begins that is not plain, or the end. An entry must begin at `start`. */
  pass(start: number): number {
    const bytes = this.#bytes;
    for (let at = start; ; ) {
      const length = bytes[at + 3] ?? 0;
      const significant = bytes[at + 4] === 0 ? length - 1 : length;
      if (!(significant >= 1 && significant <= 20)) return at;
      const pattern = this.#patterns.get(significant) ?? this.#addPattern(significant);
      pattern.lastIndex = this.#placeInText(at);
      pattern.test(this.#text);
      const end = this.#textStart + pattern.lastIndex;
      if (end === at) return at;
      at = end;
    }
  }

  #addPattern(serialOctets: number): RegExp {
    const pattern = plainEntries(serialOctets);
    this.#patterns.set(serialOctets, pattern);
    return pattern;
  }

  #placeInText(at: number): number {
    const place = at - this.#textStart;
    if (place + longestEntry <= this.#text.length) return place;
    this.#text = this.#bytes.toString('latin1', at, at + pieceOctets);
    this.#textStart = at;
    return 0;
  }
}

/** Any number of plain entries with serials of so many octets, not counting one that is there for the sign. */
function plainEntries(serialOctets: number): RegExp {
  const others = `[^]{${serialOctets - 1}}`;
  const serials: [number, string][] = [[serialOctets, `[\\x01-\\x7f]${others}`]];
  if (serialOctets < 20) serials.push([serialOctets + 1, `\\x00[\\x80-\\xff]${others}`]);
  const entries = serials.flatMap(([length, serial]) => {
    const start = `${octet(0x02)}${octet(length)}${serial}${utcTime}`;
    const short = 2 + length + 15;
    return [`${octet(short + 14)}${start}${reason}`, `${octet(short)}${start}`];
  });
  return new RegExp(`(?:${octet(0x30)}(?:${entries.join('|')}))*`, 'y');
}

function octets(hex: string): string {
  return hex.replace(/(..) ?/g, '\\x$1');
}

function octet(value: number): string {
  return octets(value.toString(16).padStart(2, '0'));
}
