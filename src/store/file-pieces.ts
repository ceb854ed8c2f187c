import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { ioError } from './io-error.ts';

/** How much of a file is in memory at once. */
const pieceOctets = 1 << 18;

/** The file's octets, a piece at a time, in one buffer: each is used up before the next. Throws `store/…`. */
export function* readPieces(path: string): Generator<Uint8Array> {
  try {
    const fd = openSync(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(pieceOctets);
      for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) yield buffer.subarray(0, got);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw ioError(error, 'read', path);
  }
}

/** SHA-256 in hex of the pieces. */
export function sumOf(pieces: Iterable<Uint8Array>): string {
  const sum = createHash('sha256');
  for (const piece of pieces) sum.update(piece);
  return sum.digest('hex');
}
