import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, onTestFinished } from 'vitest';

/**
 * `describe` for tests judged by a program that may be missing: they are skipped visibly then, and fail where
 * `CI=true`.
 */
export function describeWith(program: string): typeof describe | typeof describe.skip {
  const { CI } = process.env;
  return CI === 'true' || isInstalled(program) ? describe : describe.skip;
}

/** What the program prints to standard output. Throws with what it said if it does not exit 0. */
export function runProgram(program: string, args: readonly string[], input?: string | Uint8Array): string {
  return execFileSync(program, args, { input, stdio: 'pipe', env: programEnvironment }).toString('utf8');
}

/** A new directory that is gone when the test is. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'private-ca-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** UTF-8 arguments reach a program as they are in this locale. */
const programEnvironment = { ...process.env, LC_ALL: 'C.UTF-8' };

function isInstalled(program: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;
}
