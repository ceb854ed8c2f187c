import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The checkout, found from here and from a bundle in `dist/` alike. */
export const checkout = findCheckout(import.meta.dirname);

/** The CLI as it is shipped: one bundled file. Another one, such as an installed package's, is named in CA_PROGRAM. */
export const shippedCli = process.env['CA_PROGRAM'] || join(checkout, 'dist', 'ca.cjs');

/**
 * For each program that a test waits for: while it waits, no time limit of the test runner counts. Longer than anything
 * here takes on a busy machine.
 */
export const childLimits = { timeout: 150_000, killSignal: 'SIGKILL', maxBuffer: 1 << 26 } as const;

export interface CliOptions {
  readonly cwd?: string;
  /** Added to the environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** A command line that runs the rest of its own, such as that of `faketime`. */
  readonly through?: readonly string[];
}

export interface CliRun {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the shipped CLI to its end, as a person does who has no terminal. */
export function runCli(args: readonly string[], options: CliOptions = {}): CliRun {
  const [program = '', ...rest] = [...(options.through ?? []), process.execPath, shippedCli, ...args];
  const spawning: SpawnSyncOptions = {
    ...childLimits,
    env: cliEnvironment(options.env),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? {} : { input: options.input }),
  };
  let ended = spawnSync(program, rest, spawning);
  // faketime names a semaphore by its process's number, and one that was killed has left its own: nothing was run yet.
  for (let again = 0; again < 5 && `${ended.stderr}`.startsWith('faketime: sem_open: File exists'); again++)
    ended = spawnSync(program, rest, spawning);
  const { status, stdout, stderr, error } = ended;
  // A program that refuses its input before it has read all of it.
  if (error && !('code' in error && error.code === 'EPIPE')) throw error;
  return { exitCode: status, stdout: `${stdout}`, stderr: `${stderr}` };
}

/** This process's environment without what would change an answer: whose authority, which passphrase, colours. */
export function cliEnvironment(more: CliOptions['env'] = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(CA_|CREDENTIALS_DIRECTORY|XDG_DATA_HOME|NODE_EXTRA_CA_CERTS|FORCE_COLOR)/.test(name),
  );
  return { ...Object.fromEntries(inherited), TZ: 'UTC', NO_COLOR: '1', ...more };
}

function findCheckout(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : findCheckout(dirname(directory));
}
