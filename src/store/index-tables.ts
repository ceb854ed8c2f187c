import { hash } from 'node:crypto';
import { clientNameKey } from '../core/client-name.ts';
import { type Serial, serialOctets } from '../core/serial.ts';
import { mix } from './index-hash.ts';
import { writeNumber } from './index-octets.ts';

/** notAfter and seq. */
export const liveKeyOctets = 11;

/** The key by which `byClient` and `byKey` are sorted; seq follows. */
export const postingKeyOctets = 8;
export const postingPlaceAt = 15;

/** notAfter, seq and place: how a row of `byNotAfter` stands in one of `certificates`. */
export const endRowOctets = 24;

/**
 * The tables of a run, in the order they lie in its file, with the width of their rows in octets. Numbers are big-endian,
 * so that rows sort as octets: `seq` 6, seconds 5 (see {@link secondsBias}), milliseconds 8 (float64), a line's place 13:
 * segment 4, offset 5, length without newline 4.
 */
export const tableWidths = {
  /** What this run tells of one serial: see {@link certificateRow}. */
  certificates: 84,
  /** Hash of the client's name 8, a zero, seq, place of the `issued` line. */
  byClient: 28,
  /** First octets of the key's SHA-256 8, a zero, seq, place. */
  byKey: 28,
  /** notAfter, seq, place. */
  byNotAfter: endRowOctets,
  /** notAfter of certificates that were revoked in this run. */
  revokedEnds: 5,
  /** notAfter, seq, place of certificates that were issued in this run and were live at its end; when delivered, 0 if not yet. */
  live: endRowOctets + 8,
  /** notAfter, seq of live certificates of older runs that were superseded or revoked in this one. */
  ended: liveKeyOctets,
  /** seq and place of certificates that were issued in this run and owed a delivery at its end. */
  undelivered: 19,
  /** seq of certificates of older runs whose delivery is owed no more. */
  settled: 6,
  /** seq of the `revoked` entry, notAfter: in the order of their recording. */
  revocations: 11,
  /** Their entries of a CRL, as in a RevocationPage. A block ends in zeros where the next one has no room. */
  crlEntries: 1,
  /** SHA-256 of the name's key 16 and of the name 16, seq and time of its first entry, place of its latest, 0. */
  clients: 60,
} as const;

export type TableName = keyof typeof tableWidths;

export const tableNames = Object.keys(tableWidths) as TableName[];

/** Where the parts of a row of `certificates` begin. Parts whose flag is not set are zeros. */
export const certificateRow = {
  /** 20 octets, left-aligned, then their number. */
  serial: 0,
  flags: 21,
  /** Two zeros before: these three are a row of `byNotAfter`. */
  notAfter: 24,
  seq: 29,
  place: 35,
  deliveredAt: 48,
  supersededAt: 56,
  revokedAt: 64,
  revokedSeq: 72,
  reason: 78,
  invalidityDate: 79,
} as const;

export const serialKeyOctets = 21;

export const flags = { issued: 1, delivered: 2, superseded: 4, revoked: 8, invalidity: 16 } as const;

/** Added to Unix seconds, so that years before 1970 sort first. */
const secondsBias = 2 ** 39;

/** Where a line lies in the journal; `length` without its newline. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

export function writePlace(row: Buffer, at: number, segment: number, offset: number, length: number): void {
  writeNumber(row, at, segment, 4);
  writeNumber(row, at + 4, offset, 5);
  writeNumber(row, at + 9, length, 4);
}

export function readPlace(row: Buffer, at: number): Place {
  return {
    segment: row.readUInt32BE(at),
    offset: row.readUIntBE(at + 4, 5),
    length: row.readUInt32BE(at + 9),
  };
}

export function writeSeconds(row: Buffer, at: number, seconds: number): void {
  writeNumber(row, at, seconds + secondsBias, 5);
}

export function readSeconds(row: Buffer, at: number): number {
  // By hand: a CRL reads a hundred thousand of them, and Buffer.readUIntBE checks its arguments each time.
  const low =
    ((row[at + 1] ?? 0) << 24) | ((row[at + 2] ?? 0) << 16) | ((row[at + 3] ?? 0) << 8) | (row[at + 4] ?? 0);
  return (row[at] ?? 0) * 2 ** 32 + (low >>> 0) - secondsBias;
}

/** The least notAfter that is not before `instant`, as it stands in rows. */
export function endKey(instant: Date): Buffer {
  const seconds = Math.ceil(instant.getTime() / 1000) + secondsBias;
  const key = Buffer.alloc(5);
  key.writeUIntBE(Math.min(Math.max(seconds, 0), 2 ** 40 - 1), 0, 5);
  return key;
}

/** The key of a serial in `certificates`. */
export function serialKey(serial: Serial): Buffer {
  const key = Buffer.alloc(serialKeyOctets);
  const octets = serialOctets(serial);
  key.set(octets);
  key[20] = octets.length;
  return key;
}

/** The key of a client's name in `byClient`: not collision-free, so the line itself is looked at. */
export function clientHash(name: Uint8Array, start: number, end: number, into: Buffer, at: number): void {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let index = start; index < end; index++) {
    const octet = name[index] ?? 0;
    high = Math.imul(high ^ octet, 0x01000193);
    low = Math.imul(low ^ (octet + 0x5b), 0x5bd1e995) ^ (low >>> 15);
  }
  into.writeInt32BE(mix(high ^ low), at);
  into.writeInt32BE(mix(low + Math.imul(high, 0x27d4eb2f)), at + 4);
}

/** The key of a client in `clients`: of its name's key, then of its name. */
export function clientKey(name: string): Buffer {
  const nameHash = clientNameHash(name);
  const nameKey = clientNameKey(name);
  return Buffer.concat([nameKey === name ? nameHash : clientNameHash(nameKey), nameHash]);
}

/** What stands in `clients` of the {@link nameDigest} of a name, or of its name's key. */
export function clientNameHash(text: string): Buffer {
  return nameDigest(text).subarray(0, clientNameOctets);
}

export const clientNameOctets = 16;

/** SHA-256 of a client's name. */
export function nameDigest(text: string | Uint8Array): Buffer {
  return hash('sha256', text, 'buffer');
}

export type RowCounts = { readonly [N in TableName]: number };
