import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { Disk } from './disk.ts';
import { hasErrorCode, ioError } from './io-error.ts';

/** A line of a file, its octets without the newline, where it begins, and its number from 1. */
export interface Line {
  readonly octets: Buffer;
  readonly offset: number;
  readonly line: number;
}

const chunkOctets = 1 << 20;

/** Far more than any entry has; a file without newlines is not read into memory whole. */
export const longestLine = 16 << 20;

/**
 * The lines of a file that end in a newline, from an offset with `line` lines before it; at the end, the number of octets
 * after the last newline. A line's octets are valid until the next one is asked for. Throws `store/…`, and
 * `ledger/missing-segment` if the file is not there.
 */
export function* readLines(
  disk: Disk,
  path: string,
  from: { readonly offset: number; readonly line: number },
): Generator<Line, number> {
  let { line } = from;
  const chunks = readChunks(disk, path, from.offset);
  let chunk = chunks.next();
  for (; !chunk.done; chunk = chunks.next()) {
    const { octets, offset } = chunk.value;
    for (let start = 0; start < octets.length; ) {
      const end = octets.indexOf(0x0a, start);
      yield { octets: octets.subarray(start, end), offset: offset + start, line: ++line };
      start = end + 1;
    }
  }
  return chunk.value;
}

/** Whole lines, many at a time, each with its newline, and where they begin; the rest is as in {@link readLines}. */
export function* readChunks(
  disk: Disk,
  path: string,
  from: number,
): Generator<{ readonly octets: Buffer; readonly offset: number }, number> {
  const fd = open(disk, path);
  try {
    let offset = from;
    const left = sizeOf(disk, fd, path) - offset;
    let buffer = Buffer.allocUnsafe(Math.max(Math.min(left + 1, chunkOctets), 1));
    let filled = 0;
    for (;;) {
      const got = read(disk, fd, path, buffer, filled, offset + filled);
      if (got === 0) return filled;
      filled += got;
      const end = buffer.subarray(0, filled).lastIndexOf(0x0a) + 1;
      if (end > 0) yield { octets: buffer.subarray(0, end), offset };
      buffer.copyWithin(0, end, filled);
      filled -= end;
      offset += end;
      if (filled === buffer.length) buffer = grow(buffer, path, offset);
    }
  } finally {
    disk.closeSync(fd);
  }
}

function grow(buffer: Buffer, path: string, offset: number): Buffer<ArrayBuffer> {
  if (buffer.length >= longestLine) {
    throw new CaError(
      'ledger/malformed',
      `the line at octet ${offset} of ${printable(path)} is longer than ${longestLine} octets`,
      {
        hint: 'restore the ledger from a backup',
      },
    );
  }
  const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, 1 << 16));
  buffer.copy(larger);
  return larger;
}

function open(disk: Disk, path: string): number {
  try {
    return disk.openSync(path, 'r');
  } catch (error) {
    if (!hasErrorCode(error, 'ENOENT')) throw ioError(error, 'read', path);
    throw new CaError('ledger/missing-segment', `${printable(path)} is missing`, {
      hint: 'restore it from a backup',
    });
  }
}

function sizeOf(disk: Disk, fd: number, path: string): number {
  try {
    return disk.fstatSync(fd).size;
  } catch (error) {
    throw ioError(error, 'read', path);
  }
}

function read(disk: Disk, fd: number, path: string, into: Buffer, at: number, position: number): number {
  try {
    return disk.readSync(fd, into, at, into.length - at, position);
  } catch (error) {
    throw ioError(error, 'read', path);
  }
}

/**
 * The line of the entry of that number, as it stands, without its newline; undefined if there is none, and `before` if it
 * can only be in a file before this one. The file is read from its end, further and further back.
 */
export function findLine(disk: Disk, path: string, seq: number): Buffer | 'before' | undefined {
  const fd = open(disk, path);
  try {
    const size = sizeOf(disk, fd, path);
    for (let length = Math.min(searchOctets, size); ; length = Math.min(length * 16, size)) {
      const octets = Buffer.allocUnsafe(length);
      let filled = 0;
      for (let got = -1; filled < length && got !== 0; filled += got)
        got = read(disk, fd, path, octets, filled, size - length + filled);
      const isWhole = length === size;
      let start = isWhole ? 0 : octets.indexOf(0x0a) + 1;
      const first = numberOf(octets.subarray(start, filled));
      if (first === undefined || first > seq) {
        if (isWhole) return 'before';
        continue;
      }
      for (
        let end = octets.indexOf(0x0a, start);
        end >= 0 && end < filled;
        end = octets.indexOf(0x0a, start)
      ) {
        const line = octets.subarray(start, end);
        if (numberOf(line) === seq) return line;
        start = end + 1;
      }
      return undefined;
    }
  } finally {
    disk.closeSync(fd);
  }
}

/** What a search begins with: some fifty entries. */
const searchOctets = 1 << 16;

/** The number with which a line begins, whatever follows. */
function numberOf(line: Buffer): number | undefined {
  const digits = /^\{"seq":(\d{1,15}),/.exec(line.toString('latin1', 0, 24))?.[1];
  return digits === undefined ? undefined : Number(digits);
}
