import { fstatSync, statSync, writeSync } from 'node:fs';
import { devNull } from 'node:os';
import process from 'node:process';
import type { Output } from '../src/cli/context.ts';
import type { Keyboard } from '../src/cli/prompt.ts';
import { hasErrorCode, ioError } from '../src/store/io-error.ts';

const descriptors = { stdin: 0, stdout: 1, stderr: 2 } as const;

/**
 * One of the output streams. It is written with system calls: `process.stdout` costs three milliseconds to open, and keeps in
 * memory what a slow reader has not taken yet, for whom these wait.
 */
export function openOutput(name: 'stdout' | 'stderr'): Output {
  let hasReader = true;
  return {
    get isTerminal() {
      return isTerminal(name);
    },
    get columns() {
      return (isTerminal(name) && process[name].columns) || 80;
    },
    get hasReader() {
      return hasReader;
    },
    write(content) {
      if (!hasReader) return;
      try {
        writeAll(descriptors[name], typeof content === 'string' ? Buffer.from(content) : content);
      } catch (error) {
        hasReader = !hasErrorCode(error, 'EPIPE');
        // What cannot be said on stderr cannot be said.
        if (hasReader && name === 'stdout') throw ioError(error, 'write', 'standard output');
      }
    },
  };
}

/** The terminal that somebody types at, if stdin and stderr both are one. */
export function openKeyboard(): Keyboard {
  return {
    get isTerminal() {
      return isTerminal('stdin') && isTerminal('stderr');
    },
    open() {
      const { stdin } = process;
      stdin.setEncoding('utf8');
      stdin.setRawMode(true);
      return {
        write: (text) => writeAll(descriptors.stderr, Buffer.from(text)),
        read: () =>
          new Promise((resolve) => {
            const finish = (typed?: string) => {
              stdin.pause();
              stdin.off('data', finish).off('end', finish);
              resolve(typed);
            };
            stdin.once('data', finish).once('end', finish).resume();
          }),
        close() {
          stdin.setRawMode(false);
          stdin.pause();
        },
      };
    },
  };
}

function writeAll(descriptor: number, octets: Uint8Array): void {
  for (let written = 0; written < octets.length; ) {
    try {
      written += writeSync(descriptor, octets, written);
    } catch (error) {
      // A pipe that somebody made non-blocking, and whose reader is slow.
      if (!hasErrorCode(error, 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Asks Node only where it can be: opening `process.stdout` to ask costs as much as writing to it. */
function isTerminal(name: keyof typeof descriptors): boolean {
  try {
    const stats = fstatSync(descriptors[name]);
    const isNull = stats.rdev === statSync(devNull).rdev;
    return stats.isCharacterDevice() && !isNull && process[name].isTTY === true;
  } catch {
    return false; // closed
  }
}
