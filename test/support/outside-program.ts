import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, onTestFinished } from 'vitest';
import { childLimits } from './run-cli.ts';

/**
 * `describe` for tests judged by programs that may be missing: they are skipped visibly then, and fail where
 * `CI=true`.
 */
export function describeWith(...programs: readonly string[]): typeof describe | typeof describe.skip {
  const { CI } = process.env;
  return CI === 'true' || programs.every(isInstalled) ? describe : describe.skip;
}

/** What the program prints to standard output. Throws with what it said if it does not exit 0. */
export function runProgram(program: string, args: readonly string[], input?: string | Uint8Array): string {
  return execFileSync(program, args, {
    ...childLimits,
    input,
    stdio: 'pipe',
    env: programEnvironment,
  }).toString('utf8');
}

/** What a program answered: some judges say no with their exit code, some in their text alone. */
export interface Verdict {
  readonly exitCode: number | null;
  /** Standard output, then standard error. */
  readonly text: string;
}

/** The program's exit code and all that it prints. Throws if it cannot be started. */
export function judge(program: string, args: readonly string[], input?: string | Uint8Array): Verdict {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...childLimits,
    input,
    env: programEnvironment,
  });
  if (error) throw error;
  return { exitCode: status, text: `${stdout}${stderr}` };
}

/** A new directory that is gone when the test is. */
export function temporaryDirectory(): string {
  const directory = newDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A new directory that is gone when the tests of the file are, for what `beforeAll` makes. */
export function sharedDirectory(): string {
  const directory = newDirectory();
  shared.push(directory);
  return directory;
}

const shared: string[] = [];
afterAll(() => {
  for (const directory of shared) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'private-ca-test-'));
}

/** UTF-8 arguments reach a program as they are in this locale, and its messages are in English. */
const programEnvironment = { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' };

function isInstalled(program: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;
}
