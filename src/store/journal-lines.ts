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
const longestLine = 16 << 20;

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
  const fd = open(disk, path);
  try {
    let { offset, line } = from;
    let buffer = Buffer.allocUnsafe(Math.min(disk.fstatSync(fd).size - offset + 1, chunkOctets));
    let filled = 0;
    for (;;) {
      const got = read(disk, fd, path, buffer, filled, offset + filled);
      if (got === 0) return filled;
      filled += got;
      let start = 0;
      for (let end = buffer.indexOf(0x0a); end >= 0 && end < filled; end = buffer.indexOf(0x0a, start)) {
        yield { octets: buffer.subarray(start, end), offset: offset + start, line: ++line };
        start = end + 1;
      }
      buffer.copyWithin(0, start, filled);
      filled -= start;
      offset += start;
      if (filled === buffer.length) buffer = grow(buffer, path, line + 1);
    }
  } finally {
    disk.closeSync(fd);
  }
}

function grow(buffer: Buffer, path: string, line: number): Buffer<ArrayBuffer> {
  if (buffer.length >= longestLine) {
    throw new CaError(
      'ledger/malformed',
      `line ${line} of ${printable(path)} is longer than ${longestLine} octets`,
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

function read(disk: Disk, fd: number, path: string, into: Buffer, at: number, position: number): number {
  try {
    return disk.readSync(fd, into, at, into.length - at, position);
  } catch (error) {
    throw ioError(error, 'read', path);
  }
}
