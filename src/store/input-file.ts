import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { CaError, type ErrorCode } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import { ioError } from './io-error.ts';

export interface InputLimits {
  /** What it should be, for messages: `certificate request`. */
  readonly what: string;
  /** More is refused, and not read. */
  readonly maxOctets: number;
  /** The refusal of a file that is too large to be what it should be. */
  readonly tooLarge: ErrorCode;
}

/** Standard input as it arrives. */
export type StandardInput = AsyncIterable<Uint8Array>;

/**
 * The octets of a file that was named on the command line, `-` being standard input. Pipes are read to their end.
 * Throws `store/not-found`, `store/permission` and `tooLarge`.
 */
export async function readInputFile(
  path: string,
  stdin: StandardInput,
  limits: InputLimits,
): Promise<Uint8Array> {
  return path === '-' ? readStream(stdin, limits) : readLimited(path, limits);
}

/**
 * The octets of a file. What `check` throws about its mode is thrown before it is read, and is about the very file
 * that is read.
 */
export function readLimited(
  path: string,
  limits: InputLimits,
  check: (stats: Stats) => void = () => undefined,
): Uint8Array {
  try {
    const fd = openSync(path, 'r');
    try {
      const stats = fstatSync(fd);
      check(stats);
      return readToEnd(fd, stats.size, path, limits);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw ioError(error, `read the ${limits.what}`, path);
  }
}

function readToEnd(fd: number, size: number, path: string, limits: InputLimits): Uint8Array {
  // One octet more than it should hold, to see the end; a pipe or a file that grows says nothing of its size.
  let octets = Buffer.alloc(Math.min(size, limits.maxOctets) + 1);
  let length = 0;
  for (;;) {
    const read = readSync(fd, octets, length, octets.length - length, null);
    // Not a view of what may be far larger: what is read from thousands of files is kept.
    if (read === 0) return new Uint8Array(octets.subarray(0, length));
    length += read;
    if (length > limits.maxOctets) throw refuse(path, limits);
    if (length === octets.length)
      octets = Buffer.concat([octets], Math.min(2 * length + 4096, limits.maxOctets + 1));
  }
}

async function readStream(stdin: StandardInput, limits: InputLimits): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limits.maxOctets) throw refuse('standard input', limits);
  }
  return Buffer.concat(chunks);
}

function refuse(path: string, { what, maxOctets, tooLarge }: InputLimits): CaError {
  return new CaError(
    tooLarge,
    `the ${what} in ${printable(path)} has more than ${maxOctets.toLocaleString('en-US')} octets, too many for one`,
    { hint: 'check that the right file was named' },
  );
}
