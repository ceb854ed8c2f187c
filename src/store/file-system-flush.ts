import { spawn } from 'node:child_process';
import { existsSync, statfsSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { CaError } from '../core/ca-error.ts';

/** What puts a whole file system on disk: all that anybody had changed there when it was called. */
export interface FileSystemFlush {
  /** Of the file system, as stat tells it. */
  readonly device: number;
  /**
   * Throws the system's error, also one of writing back what was changed before, and then for ever: the system tells it once,
   * and what it was about may be what a later flush was asked for.
   */
  run(): Promise<void>;
}

/** The magic numbers of statfs(2): file systems whose syncfs(2) is known to wait for data, names and the disk's cache. */
const flushable: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
]);

/** One program, wherever PATH leads: what runs as root takes none from elsewhere. */
const programs = ['/usr/bin/sync', '/bin/sync'];

/**
 * The flush of the file system that a directory is on, by syncfs(2): for hundreds of files it costs what fsync(2) costs for
 * a few. Node has no call for it, so that `sync -f` of GNU coreutils makes it. Undefined where that cannot be relied
 * on: other systems; Linux before 5.8, whose syncfs hides errors; other file systems, such as FUSE, and other
 * programs of that name, which may answer that all is well and have done nothing.
 */
export async function openFlush(directory: string): Promise<FileSystemFlush | undefined> {
  if (process.platform !== 'linux' || !isAtLeast(release(), 5, 8)) return undefined;
  const program = programs.find((path) => existsSync(path));
  if (program === undefined || !flushable.has(statfsSync(directory).type)) return undefined;
  const { output } = await runProgram(program, ['--version'], 5000);
  const version = /^sync \(GNU coreutils\) (\S+)/.exec(output)?.[1];
  if (version === undefined || !isAtLeast(version, 8, 24)) return undefined;
  let failure: unknown;
  return {
    device: statSync(directory).dev,
    async run() {
      if (failure !== undefined) throw failure;
      try {
        await flush(program, directory);
      } catch (error) {
        failure = error;
        throw error;
      }
    },
  };
}

async function flush(program: string, directory: string): Promise<void> {
  let ended: Awaited<ReturnType<typeof runProgram>>;
  try {
    ended = await runProgram(program, ['-f', directory]);
  } catch (error) {
    throw notRun(program, error instanceof Error ? error.message : String(error), error);
  }
  const { output, exitCode, signal } = ended;
  if (signal !== null) throw notRun(program, `it was ended by ${signal}`);
  if (exitCode !== 0) throw systemError(output);
}

function notRun(program: string, why: string, cause?: unknown): CaError {
  return new CaError('store/io', `cannot put files on disk with ${program}: ${why}`, {
    hint: 'see that it can be run, then run the same command again',
    ...(cause === undefined ? {} : { cause }),
  });
}

function runProgram(
  program: string,
  args: readonly string[],
  timeout?: number,
): Promise<{
  readonly output: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { LC_ALL: 'C' },
      ...(timeout === undefined ? {} : { timeout, killSignal: 'SIGKILL' }),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString('latin1');
      });
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve({ output, exitCode, signal }));
  });
}

/** What the program says is the text of the error that it got. */
function systemError(said: string): Error {
  const code = Object.entries(errorTexts).find(([, text]) => said.includes(text))?.[0] ?? 'EIO';
  return Object.assign(new Error(`${code}: ${said.trim()}`), { code, syscall: 'syncfs' });
}

const errorTexts = {
  ENOSPC: 'No space left on device',
  EDQUOT: 'Disk quota exceeded',
  EROFS: 'Read-only file system',
};

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [, first = '0', second = '0'] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}
