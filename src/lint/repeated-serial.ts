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
  const octets = viewOf(entries);
  const words = 2 ** Math.ceil(Math.log2(entries.length / 8 / 32));
  const once = new Int32Array(words);
  const again = new Int32Array(words);
  for (let at = 0; at < entries.length; at += 2 + (entries[at + 1] ?? 0)) {
    const length = entries[at + 3] ?? 0;
    const end = wordBefore(octets, at + 4 + length, length);
    const word = (end >>> 5) & (words - 1);
    const bit = 1 << end;
    const seen = once[word] ?? 0;
    if ((seen & bit) === 0) once[word] = seen | bit;
    else again[word] = (again[word] ?? 0) | bit;
  }
  return again;
}

/**
 * The last eight octets of each serial, as two words; zeros before a shorter one.
 *
 * @param among leaves out those that are like no other: of random serials nine in ten
 */
function lastOctets(entries: Uint8Array, among: Int32Array | undefined): Int32Array<ArrayBuffer> {
  const octets = viewOf(entries);
  // Memory that is not filled is never touched.
  const ends = new Int32Array(2 * Math.ceil(entries.length / leastEntry));
  let word = 0;
  for (let at = 0; at < entries.length; at += 2 + (entries[at + 1] ?? 0)) {
    const length = entries[at + 3] ?? 0;
    const end = at + 4 + length;
    const low = wordBefore(octets, end, length);
    if (among && ((among[(low >>> 5) & (among.length - 1)] ?? 0) & (1 << low)) === 0) continue;
    ends[word++] = low;
    ends[word++] = wordBefore(octets, end - 4, length - 4);
  }
  return ends.subarray(0, word);
}

/** The octets of an entry with a serial of one octet, UTCTime and no extensions. */
const leastEntry = 20;

/** The four octets before there, of which only so many count. */
function wordBefore(octets: DataView, end: number, length: number): number {
  if (length >= 4) return octets.getInt32(end - 4);
  return length > 0 ? octets.getInt32(end - 4) & ((1 << (8 * length)) - 1) : 0;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** The first entry that has the serial of one before it, of those whose serials end in one of these words. */
function findAmong(words: ReadonlySet<number>, entries: Uint8Array): number | undefined {
  const octets = viewOf(entries);
  const serials = new Set<string>();
  const cursor = new CrlEntryCursor(entries);
  for (let index = 0; cursor.next(); index++) {
    const { serialStart, serialLength } = cursor;
    const serialEnd = serialStart + serialLength;
    if (!words.has(wordBefore(octets, serialEnd, serialLength))) continue;
    const serial = Buffer.from(entries.subarray(serialStart, serialEnd)).toString('latin1');
    if (serials.has(serial)) return index;
    serials.add(serial);
  }
  return undefined;
}
