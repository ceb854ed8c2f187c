import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Failure } from '../../src/authority/batch-run.ts';
import { runCli } from './run-cli.ts';

/** A result as `--json` prints it: instants and big integers are text. */
export type Json<T> = T extends Date | bigint
  ? string
  : T extends string | number | boolean | undefined
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Json<Item>[]
      : { readonly [Key in keyof T]: Json<T[Key]> };

/** How one run of the CLI ended. */
export interface Outcome<T> {
  readonly exitCode: number | null;
  readonly result: Json<T>;
  /** Set when the run was refused: exit codes 2, 3 and 70. */
  readonly error?: Omit<Failure, 'client' | 'serial' | 'code'> & { readonly code: string };
}

/** The built CLI on one home directory, at one time. */
export interface Ca {
  readonly home: string;
  /** Runs a command line with `--json`, and gives its result. Throws unless it exits 0. */
  do<T>(...args: readonly string[]): Json<T>;
  /** The same, however it ends. */
  try<T>(...args: readonly string[]): Outcome<T>;
  /** The same authority at another time, which Debian's `faketime` makes it believe. */
  at(time: Date): Ca;
}

/** The built CLI, run as a user runs it, on that home directory. */
export function openCa(home: string, time?: Date): Ca {
  const attempt = <T>(args: readonly string[]): Outcome<T> => {
    const through = time ? faketime(time) : [];
    const { exitCode, stdout, stderr } = runCli(['--home', home, '--json', ...args], { through });
    const name = `ca ${args.join(' ')}`;
    if (exitCode === null || exitCode === 70 || stdout === '') {
      throw new Error(`${name} crashed with exit code ${exitCode}:\n${stdout}${stderr}`);
    }
    const document: unknown = JSON.parse(stdout);
    const refusal = document as Pick<Outcome<T>, 'error'>;
    return {
      exitCode,
      result: document as Json<T>,
      ...(exitCode > 1 && refusal.error ? { error: refusal.error } : {}),
    };
  };
  return {
    home,
    at: (other) => openCa(home, other),
    try: (...args) => attempt(args),
    do<T>(...args: readonly string[]) {
      const { exitCode, result } = attempt<T>(args);
      if (exitCode !== 0)
        throw new Error(`ca ${args.join(' ')} exited ${exitCode}: ${JSON.stringify(result)}`);
      return result;
    },
  };
}

/** A file that only its owner may read, as passphrases must be in. */
export function writeSecret(directory: string, name: string, content: string): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  writeFileSync(path, `${content}\n`, { mode: 0o600 });
  return path;
}

/**
 * The command that runs the rest of its line at that time, in a process whose time zone is UTC; the clock goes on from
 * there. Steady clocks stay true, since timers depend on them; `-m` is for programs with threads, as Node is.
 */
export function faketime(time: Date): readonly string[] {
  return atTime(`@${clockTime(time)}`);
}

/** Like {@link faketime}, but the clock stands still: two runs of a program tell the same time. */
export function stoppedClock(time: Date): readonly string[] {
  return atTime(clockTime(time));
}

function atTime(format: string): readonly string[] {
  return ['env', 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'faketime', '-m', '-f', format];
}

function clockTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}
