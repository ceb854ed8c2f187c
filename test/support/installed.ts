import { spawnSync } from 'node:child_process';

/** True if the program is there, and where `CI=true`, so that its absence fails a test instead of skipping it. */
export function isInstalled(program: string): boolean {
  return (
    process.env['CI'] === 'true' ||
    spawnSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0
  );
}
