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
  /** The buffer, and the same memory to be read as words wherever they begin. */
  octets: Buffer = Buffer.alloc(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the line's newline stands. */
  end = 0;
  seq = 0;
  timeMs = 0;
  clientStart = 0;
  clientEnd = 0;
  serialStart = 0;
  serialEnd = 0;
  /** Unix seconds. */
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

  #at = 0;
  readonly #days = { time: new KnownDay(), notBefore: new KnownDay(), notAfter: new KnownDay() };

  /** Reads the line that begins at `start` and ends in a newline; false if it is not canonical as far as this looks. */
  read(octets: Buffer, start: number): boolean {
    if (this.octets !== octets) {
      this.octets = octets;
      this.view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    }
    this.#at = start;
    if (!this.#take(opening)) return false;
    this.seq = this.#number();
    if (!this.#take(timeKey)) return false;
    this.timeMs = this.#instant(this.#days.time) + this.#fraction();
    if (!this.#take(typeKey)) return false;
    const typeStart = this.#at;
    this.#skipText();
    const length = this.#at - typeStart;
    if (!this.#take(prevKey)) return false;
    this.#at += 64;
    // All types differ in length.
    if (length === 6) return this.#issued();
    if (length === 9) return this.#delivered();
    if (length === 7) return this.#revoked();
    if (length === 15) return this.#keyCompromised();
    if (length === 12) return this.#clientAdded();
    if (length === 13) return this.#crlPublished();
    this.type = length === 17 ? 'authority-created' : 'other';
    return this.#skipLine();
  }

  #issued(): boolean {
    this.type = 'issued';
    if (!this.#clientAndSerial() || !this.#take(notBeforeKey)) return false;
    this.notBefore = this.#instant(this.#days.notBefore) / 1000;
    if (!this.#take(notAfterKey)) return false;
    this.notAfter = this.#instant(this.#days.notAfter) / 1000;
    if (!this.#take(keyAfterInstant)) return false;
    this.keyStart = this.#at;
    this.#at += 64;
    if (!this.#take(profileKey)) return false;
    this.#skipText();
    if (!this.#take(subjectKey)) return false;
    this.#skipText();
    this.supersedesStart = -1;
    if (this.#take(supersedesKey)) {
      this.supersedesStart = this.#at;
      this.supersedesEnd = this.#skipText();
    }
    return this.#take(certificateKey) && this.#skipLine();
  }

  #delivered(): boolean {
    this.type = 'delivered';
    return this.#clientAndSerial() && this.#isOver();
  }

  #revoked(): boolean {
    this.type = 'revoked';
    if (!this.#clientAndSerial() || !this.#take(reasonKey)) return false;
    const start = this.#at;
    this.reason = this.octets.toString('latin1', start, this.#skipText()) as RevocationReason;
    this.invalidityDate = undefined;
    if (this.#take(invalidityKey)) {
      this.invalidityDate = this.#instant(this.#days.notBefore) / 1000;
      if (this.octets[this.#at++] !== 0x5a) return false;
    }
    return this.#isOver();
  }

  #keyCompromised(): boolean {
    this.type = 'key-compromised';
    if (!this.#clientAndSerial() || !this.#take(keyAfterText)) return false;
    this.keyStart = this.#at;
    this.#at += 64;
    return this.#isOver();
  }

  #clientAdded(): boolean {
    this.type = 'client-added';
    return this.#client() && this.#skipLine();
  }

  #crlPublished(): boolean {
    this.type = 'crl-published';
    if (!this.#take(issuerKey)) return false;
    this.isRoot = this.octets[this.#at] === 0x72;
    return this.#skipLine();
  }

  #client(): boolean {
    if (!this.#take(clientKey)) return false;
    this.clientStart = this.#at;
    this.clientEnd = this.#skipText();
    return true;
  }

  #clientAndSerial(): boolean {
    if (!this.#client() || !this.#take(serialKey)) return false;
    this.serialStart = this.#at;
    this.serialEnd = this.#skipText();
    return true;
  }

  /** True at `"}` and the newline. */
  #isOver(): boolean {
    const { octets } = this;
    const at = this.#at;
    this.end = at + 2;
    return octets[at] === quote && octets[at + 1] === 0x7d && octets[at + 2] === newline;
  }

  #skipLine(): boolean {
    this.end = this.octets.indexOf(newline, this.#at);
    return this.end >= 0;
  }

  /** Goes to the closing quote of a string, and gives where that is. */
  #skipText(): number {
    const octets = this.octets;
    let at = this.#at;
    // Not beyond the line: a control character would be escaped.
    for (let octet = octets[at] ?? 0; octet !== quote && octet >= 0x20; octet = octets[++at] ?? 0) {
      if (octet === backslash) at++;
    }
    this.#at = at;
    return at;
  }

  #take({ length, words }: Key): boolean {
    const at = this.#at;
    const view = this.view;
    const next = at + length;
    if (next > view.byteLength) return false;
    const last = words.length - 1;
    if (view.getInt32(next - 4) !== words[last]) return false;
    for (let index = 0; index < last; index++) {
      if (view.getInt32(at + 4 * index) !== words[index]) return false;
    }
    this.#at = next;
    return true;
  }

  #number(): number {
    let value = 0;
    for (let digit = this.#digit(this.#at); digit <= 9; digit = this.#digit(this.#at)) {
      value = value * 10 + digit;
      this.#at++;
    }
    return value;
  }

  /** The milliseconds of `2026-11-22T09:30:00`; what follows the seconds is left. */
  #instant(day: KnownDay): number {
    const at = this.#at;
    this.#at += 19;
    if (this.#at > this.view.byteLength) return Number.NaN;
    const seconds = (this.#two(at + 11) * 60 + this.#two(at + 14)) * 60 + this.#two(at + 17);
    return day.milliseconds(this.view, at) + seconds * 1000;
  }

  #two(at: number): number {
    return this.#digit(at) * 10 + this.#digit(at + 1);
  }

  /** The milliseconds of `.250`. */
  #fraction(): number {
    const at = this.#at + 1;
    this.#at += 4;
    return this.#two(at) * 10 + this.#digit(at + 2);
  }

  /** The octet there as a digit; more than 9 if it is none. */
  #digit(at: number): number {
    return ((this.octets[at] ?? 0) - 0x30) >>> 0;
  }
}

/** The day that was read last in a place where days are mostly the same: to compare it is quicker than to work it out. */
class KnownDay {
  #milliseconds = Number.NaN;
  #yearWord = 0;
  #monthWord = 0;
  #dayWord = 0;

  /** The milliseconds of `2026-11-22`. */
  milliseconds(view: DataView, at: number): number {
    const yearWord = view.getInt32(at);
    const monthWord = view.getInt32(at + 4);
    const dayWord = view.getInt16(at + 8);
    if (yearWord !== this.#yearWord || monthWord !== this.#monthWord || dayWord !== this.#dayWord) {
      this.#yearWord = yearWord;
      this.#monthWord = monthWord;
      this.#dayWord = dayWord;
      const number = (from: number) => (view.getUint8(from) - 0x30) * 10 + view.getUint8(from + 1) - 0x30;
      const days = daysSince1970(number(at) * 100 + number(at + 2), number(at + 5), number(at + 8));
      this.#milliseconds = days * 86_400_000;
    }
    return this.#milliseconds;
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

/** What stands between two values, as words to be compared; the last one overlaps the one before. */
interface Key {
  readonly length: number;
  readonly words: readonly number[];
}

function key(text: string): Key {
  const octets = Buffer.from(text);
  const words: number[] = [];
  for (let at = 0; at + 4 < octets.length; at += 4) words.push(octets.readInt32BE(at));
  return { length: octets.length, words: [...words, octets.readInt32BE(octets.length - 4)] };
}

const quote = 0x22;
const backslash = 0x5c;
const newline = 0x0a;
const opening = key('{"seq":');
const timeKey = key(',"time":"');
const typeKey = key('Z","type":"');
const prevKey = key('","prev":"');
const clientKey = key('","client":"');
const serialKey = key('","serial":"');
const notBeforeKey = key('","notBefore":"');
const notAfterKey = key('Z","notAfter":"');
const keyAfterInstant = key('Z","key":"');
const keyAfterText = key('","key":"');
const profileKey = key('","profile":"');
const subjectKey = key('","subject":"');
const supersedesKey = key('","supersedes":"');
const certificateKey = key('","certificate":"');
const reasonKey = key('","reason":"');
const invalidityKey = key('","invalidityDate":"');
const issuerKey = key('","issuer":"');
