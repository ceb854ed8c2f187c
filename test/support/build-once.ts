import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkout, shippedCli } from './run-cli.ts';

/**
 * Builds the CLI before the first test, if it is missing or older than what it is made of. A build that fails leaves
 * none behind: the tests of the built CLI fail then, and no others.
 */
export default function setup(): void {
  if (process.env['CA_PROGRAM']) return;
  const built = statSync(shippedCli, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = ['src', 'bin', 'package.json'].map((name) => newest(join(checkout, name)));
  if (Math.max(...sources) < built) return;
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: checkout, stdio: 'inherit' });
  if (status !== 0) rmSync(shippedCli, { force: true });
}

function newest(path: string): number {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(...readdirSync(path).map((name) => newest(join(path, name))));
}
