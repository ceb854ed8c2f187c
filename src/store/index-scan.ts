import type { RevocationReason } from '../core/revocation-reason.ts';

/**
 * The facts of one canonical line, found by its octets alone: the keys stand in one order, so nothing is parsed that the
 * index does not need. Positions are of the buffer that was scanned; an absent part begins at −1.
 */
export class LineScan {
  type:
    | 'issued'
    | 'delivered'
    | 'revoked'
    | 'key-compromised'
    | 'client-added'
    | 'crl-published'
    | 'authority-created'
    | 'other' = 'other';
  seq = 0;
  timeMs = 0;
  clientStart = 0;
  clientEnd = 0;
  serialStart = 0;
  serialEnd = 0;
  notBefore = 0;
  notAfter = 0;
  keyStart = 0;
  supersedesStart = -1;
  supersedesEnd = -1;
  reason: RevocationReason = 'unspecified';
  /** Unix seconds. */
  invalidityDate: number | undefined;
  /** True for a `crl-published` of the root. */
  isRoot = false;

  #octets: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** Reads the line at `start`, `end` excluded; false if it is not canonical as far as this looks. */
  read(octets: Buffer, start: number, end: number): boolean {
    this.#octets = octets;
    this.#at = start;
    this.#end = end;
    if (!this.#take(opening)) return false;
    this.seq = this.#number();
    if (!this.#take(timeKey)) return false;
    this.timeMs = this.#instant() + this.#fraction();
    if (Number.isNaN(this.timeMs) || !this.#take(typeKey)) return false;
    const typeStart = this.#at;
    const typeEnd = this.#text();
    const length = typeEnd - typeStart;
    if (!this.#take(prevKey)) return false;
    this.#at += 64;
    if (octets[this.#at++] !== quote) return false;
    // All types differ in length.
    if (length === 6) return this.#issued();
    if (length === 9) return this.#delivered();
    if (length === 7) return this.#revoked();
    if (length === 15) return this.#keyCompromised();
    if (length === 12) return this.#clientAdded();
    if (length === 13) return this.#crlPublished();
    this.type = length === 17 ? 'authority-created' : 'other';
    return true;
  }

  #issued(): boolean {
    this.type = 'issued';
    if (!this.#clientAndSerial() || !this.#take(notBeforeKey)) return false;
    this.notBefore = this.#instant() / 1000;
    if (!this.#take(endOfInstant) || !this.#take(notAfterKey)) return false;
    this.notAfter = this.#instant() / 1000;
    if (!this.#take(endOfInstant) || !this.#take(keyKey)) return false;
    this.keyStart = this.#at;
    this.#at += 64;
    if (!this.#take(profileKey)) return false;
    this.#text();
    if (!this.#take(subjectKey)) return false;
    this.#text();
    this.supersedesStart = -1;
    if (this.#take(supersedesKey)) {
      this.supersedesStart = this.#at;
      this.supersedesEnd = this.#text();
    }
    return this.#take(certificateKey) && !Number.isNaN(this.notBefore + this.notAfter);
  }

  #delivered(): boolean {
    this.type = 'delivered';
    return this.#clientAndSerial() && this.#isOver();
  }

  #revoked(): boolean {
    this.type = 'revoked';
    if (!this.#clientAndSerial() || !this.#take(reasonKey)) return false;
    const start = this.#at;
    this.reason = this.#octets.toString('latin1', start, this.#text()) as RevocationReason;
    this.invalidityDate = undefined;
    if (this.#take(invalidityKey)) {
      this.invalidityDate = this.#instant() / 1000;
      if (!this.#take(endOfInstant)) return false;
    }
    return this.#isOver();
  }

  #keyCompromised(): boolean {
    this.type = 'key-compromised';
    if (!this.#clientAndSerial() || !this.#take(keyKey)) return false;
    this.keyStart = this.#at;
    this.#at += 64;
    return this.#octets[this.#at++] === quote && this.#isOver();
  }

  #clientAdded(): boolean {
    this.type = 'client-added';
    return this.#client();
  }

  #crlPublished(): boolean {
    this.type = 'crl-published';
    if (!this.#take(issuerKey)) return false;
    this.isRoot = this.#octets[this.#at] === 0x72;
    return true;
  }

  #client(): boolean {
    if (!this.#take(clientKey)) return false;
    this.clientStart = this.#at;
    this.clientEnd = this.#text();
    return true;
  }

  #clientAndSerial(): boolean {
    if (!this.#client() || !this.#take(serialKey)) return false;
    this.serialStart = this.#at;
    this.serialEnd = this.#text();
    return true;
  }

  #isOver(): boolean {
    return this.#at === this.#end - 1 && this.#octets[this.#at] === 0x7d;
  }

  /** Goes past the closing quote of a string and gives where it stands. */
  #text(): number {
    const octets = this.#octets;
    let at = this.#at;
    for (; at < this.#end && octets[at] !== quote; at++) if (octets[at] === backslash) at++;
    this.#at = at + 1;
    return at;
  }

  #take(expected: Uint8Array): boolean {
    const octets = this.#octets;
    const at = this.#at;
    for (let index = 0; index < expected.length; index++) {
      if (octets[at + index] !== expected[index]) return false;
    }
    this.#at = at + expected.length;
    return this.#at <= this.#end;
  }

  #number(): number {
    let value = 0;
    for (let digit = this.#digit(); digit <= 9; digit = this.#digit()) value = value * 10 + digit;
    this.#at--;
    return value;
  }

  /** The milliseconds of `2026-11-22T09:30:00`; what follows the seconds is left. */
  #instant(): number {
    const years = this.#digit() * 1000 + this.#digit() * 100 + this.#two();
    const months = this.#two();
    const days = this.#two();
    const hours = this.#two();
    const minutes = this.#two();
    const seconds = this.#two();
    this.#at--;
    return daysSince1970(years, months, days) * 86_400_000 + ((hours * 60 + minutes) * 60 + seconds) * 1000;
  }

  #two(): number {
    const value = this.#digit() * 10 + this.#digit();
    this.#at++;
    return value;
  }

  /** The milliseconds of `.250Z`. */
  #fraction(): number {
    this.#at++;
    const value = this.#digit() * 100 + this.#digit() * 10 + this.#digit();
    return value <= 999 && this.#octets[this.#at++] === 0x5a ? value : Number.NaN;
  }

  /** The next octet as a digit; more than 9 if it is none. */
  #digit(): number {
    return ((this.#octets[this.#at++] ?? 0) - 0x30) >>> 0;
  }
}

/** Days from 1970-01-01 to a day of the Gregorian calendar (years begin with March in between). */
function daysSince1970(years: number, months: number, days: number): number {
  const year = months <= 2 ? years - 1 : years;
  const era = Math.floor(year / 400);
  const yearOfEra = year - era * 400;
  const dayOfYear = Math.floor((153 * (months + (months > 2 ? -3 : 9)) + 2) / 5) + days - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

const quote = 0x22;
const backslash = 0x5c;
const opening = Buffer.from('{"seq":');
const timeKey = Buffer.from(',"time":"');
const typeKey = Buffer.from('","type":"');
const prevKey = Buffer.from(',"prev":"');
const clientKey = Buffer.from(',"client":"');
const serialKey = Buffer.from(',"serial":"');
const notBeforeKey = Buffer.from(',"notBefore":"');
const endOfInstant = Buffer.from('Z"');
const notAfterKey = Buffer.from(',"notAfter":"');
const keyKey = Buffer.from(',"key":"');
const profileKey = Buffer.from('","profile":"');
const subjectKey = Buffer.from(',"subject":"');
const supersedesKey = Buffer.from(',"supersedes":"');
const certificateKey = Buffer.from(',"certificate":"');
const reasonKey = Buffer.from(',"reason":"');
const invalidityKey = Buffer.from(',"invalidityDate":"');
const issuerKey = Buffer.from(',"issuer":"');
