import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childLimits } from './run-cli.ts';

/**
 * True if this process may mount file systems: root on Linux, and not in every container. True where `CI=true`, too, so
 * that there the tests fail that need it, instead of being skipped.
 */
export const canMount =
  process.env['CI'] === 'true' || (process.platform === 'linux' && process.geteuid?.() === 0 && mountWorks());

/** Runs the work while a file system of 64 KiB, or of that size (`16m`), is mounted there. */
export async function onSmallDisk(at: string, work: () => Promise<void>, size = '64k'): Promise<void> {
  mount(at, size);
  try {
    await work();
  } finally {
    execFileSync('umount', [at], childLimits);
  }
}

/** Makes what {@link onSmallDisk} has mounted read-only. */
export function makeReadOnly(at: string): void {
  execFileSync('mount', ['-o', 'remount,ro', at], childLimits);
}

function mount(at: string, size = '64k'): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', at], {
    ...childLimits,
    stdio: 'ignore',
  });
}

function mountWorks(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'ca-mount-'));
  try {
    mount(at);
    execFileSync('umount', [at], childLimits);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(at, { recursive: true });
  }
}
