/** Unix seconds of 0001-01-01, 1950-01-01, 2050-01-01 and 10000-01-01: the bounds of what is written, and how. */
const timeFrom = -62_135_596_800;
const utcTimeFrom = -631_152_000;
const utcTimeUntil = 2_524_608_000;
const timeUntil = 253_402_300_800;
const secondsPerDay = 86_400;

/** Octets of `YYMMDDHHMMSSZ`. */
export const utcTimeLength = 13;

/** Octets of `YYYYMMDDHHMMSSZ`. */
export const generalizedTimeLength = 15;

/** True if RFC 5280 §4.1.2.5 has the instant written as UTCTime: from 1950 through 2049. */
export function isUtcTime(unixSeconds: number): boolean {
  return unixSeconds >= utcTimeFrom && unixSeconds < utcTimeUntil;
}

/**
 * Writes the digits and `Z` of an instant (whole seconds, UTC, no fraction: RFC 5280 §4.1.2.5.1 and .2) into
 * `target` from `at` on, with a year of four digits if `generalized`, and returns the position behind them.
 *
 * Throws `RangeError` for what neither form can hold: years before 1 or after 9999.
 */
export function writeTimeDigits(
  target: Uint8Array,
  at: number,
  unixSeconds: number,
  generalized: boolean,
): number {
  if (!(unixSeconds >= timeFrom && unixSeconds < timeUntil)) {
    throw new RangeError(`no ASN.1 time holds ${unixSeconds} Unix seconds`);
  }
  const days = Math.floor(unixSeconds / secondsPerDay);
  const second = (unixSeconds - days * secondsPerDay) | 0;
  const date = calendarDay(days | 0);
  const year = date >> 9;
  let position = generalized ? writeTwoDigits(target, at, (year / 100) | 0) : at;
  position = writeTwoDigits(target, position, year % 100);
  position = writeTwoDigits(target, position, (date >> 5) & 15);
  position = writeTwoDigits(target, position, date & 31);
  position = writeTwoDigits(target, position, (second / 3600) | 0);
  position = writeTwoDigits(target, position, ((second / 60) | 0) % 60);
  position = writeTwoDigits(target, position, second % 60);
  target[position] = 0x5a;
  return position + 1;
}

/**
 * The Unix seconds of such digits in `bytes[at, at + length)`, or `NaN` unless they are exactly a time that
 * exists, with seconds, without a fraction and in `Z` (RFC 5280 §4.1.2.5.1 and .2).
 */
export function readTimeDigits(bytes: Uint8Array, at: number, length: number, generalized: boolean): number {
  if (length !== (generalized ? generalizedTimeLength : utcTimeLength)) return Number.NaN;
  if (bytes[at + length - 1] !== 0x5a) return Number.NaN;
  const first = readTwoDigits(bytes, at);
  const rest = generalized ? at + 2 : at;
  const short = readTwoDigits(bytes, rest);
  // RFC 5280 §4.1.2.5.1: YY of 50 and above is 19YY, below it is 20YY.
  const year = generalized ? first * 100 + short : short >= 50 ? 1900 + short : 2000 + short;
  const month = readTwoDigits(bytes, rest + 2);
  const day = readTwoDigits(bytes, rest + 4);
  const hour = readTwoDigits(bytes, rest + 6);
  const minute = readTwoDigits(bytes, rest + 8);
  const second = readTwoDigits(bytes, rest + 10);
  const exists =
    month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month) && hour < 24 && minute < 60;
  if (!exists || !(second < 60)) return Number.NaN;
  return daysSinceEpoch(year, month, day) * secondsPerDay + hour * 3600 + minute * 60 + second;
}

/**
 * The proleptic Gregorian date of a day number, packed as year, month and day into 23, 4 and 5 bits: a CRL asks
 * for millions. It counts in 400-year eras of 146,097 days that start on 1 March, and in 32-bit integers.
 */
function calendarDay(daysSince1970: number): number {
  const shifted = daysSince1970 + 719_468;
  const era = (shifted / 146_097) | 0;
  const dayOfEra = shifted - era * 146_097;
  const leapDays = ((dayOfEra / 1460) | 0) - ((dayOfEra / 36_524) | 0) + ((dayOfEra / 146_096) | 0);
  const yearOfEra = ((dayOfEra - leapDays) / 365) | 0;
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0));
  const monthFromMarch = ((5 * dayOfYear + 2) / 153) | 0;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const day = dayOfYear - (((153 * monthFromMarch + 2) / 5) | 0) + 1;
  return (year << 9) | (month << 5) | day;
}

/** The inverse of {@link calendarDay}. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = (((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) | 0) + day - 1;
  const dayOfEra = yearOfEra * 365 + (yearOfEra >> 2) - ((yearOfEra / 100) | 0) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function writeTwoDigits(target: Uint8Array, at: number, value: number): number {
  const tens = (value / 10) | 0;
  target[at] = 0x30 + tens;
  target[at + 1] = 0x30 + value - tens * 10;
  return at + 2;
}

function readTwoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - 0x30;
  const units = (bytes[at + 1] ?? 0) - 0x30;
  return tens >= 0 && tens <= 9 && units >= 0 && units <= 9 ? tens * 10 + units : Number.NaN;
}
