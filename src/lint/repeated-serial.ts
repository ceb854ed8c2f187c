import { CrlEntryCursor } from '../x509/crl-entry.ts';

/** What is shorter is sorted sooner than sifted. */
const longOctets = 1 << 21;

/**
 * Which entry of a CRL, counted from 0, has the serial of one before it; undefined if none has. The last eight octets of
 * each are compared, sorted, and where two are equal, which by chance they are not, the whole serials: of a million no
 * text or object is made, and they take 4 MiB.
 *
 * @param entries the content of revokedCertificates; the linter has found nothing in any entry for itself
 */
export function findRepeatedSerial(entries: Uint8Array): number | undefined {
  const ends = lastOctets(entries, entries.length < longOctets ? undefined : repeatedEnds(entries));
  // V8 sorts numbers of 64 bits itself, at its full speed from the first on; to look at them none is made.
  new BigInt64Array(ends.buffer, 0, ends.length / 2).sort();
  const repeated = new Set<number>();
  for (let at = 2; at < ends.length; at += 2) {
    if (ends[at] === ends[at - 2] && ends[at + 1] === ends[at - 1]) repeated.add(ends[at] ?? 0);
  }
  return repeated.size === 0 ? undefined : findAmong(repeated, entries);
}

/** A bit for each end that a serial can have, in which only some bits of it count; true where two or more have one. */
function repeatedEnds(entries: Uint8Array): Int32Array {
  const words = 2 ** Math.ceil(Math.log2(entries.length / 8 / 32));
  const once = new Int32Array(words);
  const again = new Int32Array(words);
  for (let at = 0; at < entries.length; at += 2 + (entries[at + 1] ?? 0)) {
    const length = entries[at + 3] ?? 0;
    const end = wordBefore(entries, at + 4 + length) & maskOf(length);
    const word = (end >>> 5) & (words - 1);
    const seen = once[word] ?? 0;
    if ((seen & (1 << end)) === 0) once[word] = seen | (1 << end);
    else again[word] = (again[word] ?? 0) | (1 << end);
  }
  return again;
}

/**
 * The last eight octets of each serial, as two words; zeros before a shorter one.
 *
 * @param among leaves out those that are like no other: of random serials nine in ten
 */
function lastOctets(entries: Uint8Array, among: Int32Array | undefined): Int32Array<ArrayBuffer> {
  // Memory that is not filled is never touched.
  const ends = new Int32Array(2 * Math.ceil(entries.length / leastEntry));
  let word = 0;
  for (let at = 0; at < entries.length; at += 2 + (entries[at + 1] ?? 0)) {
    const length = entries[at + 3] ?? 0;
    const end = at + 4 + length;
    const low = wordBefore(entries, end) & maskOf(length);
    if (among && ((among[(low >>> 5) & (among.length - 1)] ?? 0) & (1 << low)) === 0) continue;
    ends[word++] = low;
    ends[word++] = wordBefore(entries, end - 4) & maskOf(length - 4);
  }
  return ends.subarray(0, word);
}

/** The octets of an entry with a serial of one octet, UTCTime and no extensions. */
const leastEntry = 20;

function wordBefore(bytes: Uint8Array, end: number): number {
  return (
    ((bytes[end - 4] ?? 0) << 24) |
    ((bytes[end - 3] ?? 0) << 16) |
    ((bytes[end - 2] ?? 0) << 8) |
    (bytes[end - 1] ?? 0)
  );
}

/** The bits of a word that belong to so many octets. */
function maskOf(octets: number): number {
  if (octets >= 4) return -1;
  return octets > 0 ? (1 << (8 * octets)) - 1 : 0;
}

/** The first entry that has the serial of one before it, of those whose serials end in one of these words. */
function findAmong(words: ReadonlySet<number>, entries: Uint8Array): number | undefined {
  const serials = new Set<string>();
  const cursor = new CrlEntryCursor(entries);
  for (let index = 0; cursor.next(); index++) {
    const { serialStart, serialLength } = cursor;
    const serialEnd = serialStart + serialLength;
    if (!words.has(wordBefore(entries, serialEnd) & maskOf(serialLength))) continue;
    const serial = Buffer.from(entries.subarray(serialStart, serialEnd)).toString('latin1');
    if (serials.has(serial)) return index;
    serials.add(serial);
  }
  return undefined;
}
