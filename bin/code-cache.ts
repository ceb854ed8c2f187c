import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { World } from '../src/cli/context.ts';
import type { main } from '../src/cli/main.ts';
import { createLoader } from './loader.ts';

/** What people run every day: its functions are compiled when the cache is written, and those of other commands are not. */
const commands = [
  '--help',
  'init --name Example --no-passphrase',
  'issue example',
  'list',
  'show example',
  'status',
  'renew --force',
  'crl',
  'revoke example',
  'nonsense',
];

/** Runs the program in `directory` on an authority of its own, then writes V8's compiled code beside each file. */
export async function writeCodeCache(directory: string): Promise<void> {
  const absolute = resolve(directory);
  const loader = createLoader(absolute, createRequire(join(absolute, 'program.cjs')));
  const program = loader.load('program.cjs') as { main: typeof main; realWorld: World };
  const temporary = mkdtempSync(join(tmpdir(), 'private-ca-build-'));
  const silent = { isTerminal: false, columns: 80, write: () => {} };
  const world: World = { ...program.realWorld, environment: {}, stdout: silent, stderr: silent };
  try {
    for (const line of commands) {
      await program.main(['--home', join(temporary, 'home'), ...line.split(' ')], world);
    }
  } finally {
    rmSync(temporary, { recursive: true });
  }
  for (const [name, script] of loader.scripts) {
    writeFileSync(join(directory, `${name}.cache`), script.createCachedData());
  }
}
