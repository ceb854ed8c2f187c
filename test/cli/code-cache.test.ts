import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/outside-program.ts';
import { checkout, childLimits, shippedCli } from '../support/run-cli.ts';

/** The package without what others have left in it; gives the path of its program. */
function install(): string {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  cpSync(dirname(shippedCli), join(directory, 'dist'), { recursive: true });
  rmSync(join(directory, 'dist', 'cache'), { recursive: true, force: true });
  symlinkSync(join(checkout, 'node_modules'), join(directory, 'node_modules'));
  return join(directory, 'dist', 'ca.cjs');
}

function help(program: string, options: { uid?: number; env?: Record<string, string> } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--help'], {
    ...childLimits,
    encoding: 'utf8',
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    env: { ...process.env, ...options.env },
  });
  return { status, stdout, stderr };
}

function cachesOf(program: string): string[] {
  const directory = join(dirname(program), 'cache', `${process.version}-${process.arch}`);
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

function contentsOf(program: string): string[] {
  return cachesOf(program).map((path) => readFileSync(path, 'base64'));
}

describe('the code cache', () => {
  it('is left by the first run, complete, and changed by none after it', () => {
    const program = install();
    const first = help(program);
    expect(first).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage: ca'), stderr: '' });
    const caches = cachesOf(program);
    expect(caches.length).toBeGreaterThan(2);
    expect(caches.filter((path) => !/\.cjs\.bin$/.test(path))).toEqual([]);
    const before = caches.map((path) => readFileSync(path));
    expect(help(program)).toEqual(first);
    expect(cachesOf(program)).toEqual(caches);
    expect(caches.map((path) => readFileSync(path))).toEqual(before);
  });

  it('changes no answer where it is damaged, and is mended', () => {
    const program = install();
    const answer = help(program);
    const damages: ((path: string) => void)[] = [
      ...[0, 1, 16, 100, 1000].map((length) => (path: string) => truncateSync(path, length)),
      (path) => writeFileSync(path, Buffer.alloc(5000, 'x')),
      // V8 looks at its first octets alone, and dies of what is wrong behind them.
      ...[40, 200, 1500].map((at) => (path: string) => {
        const octets = readFileSync(path);
        octets.fill(0xa5, at);
        writeFileSync(path, octets);
      }),
    ];
    for (const damage of damages) {
      for (const path of cachesOf(program)) damage(path);
      const damaged = contentsOf(program);
      expect(help(program)).toEqual(answer);
      const mended = contentsOf(program);
      expect(mended.filter((content, index) => content === damaged[index])).toEqual([]);
      expect(help(program)).toEqual(answer);
      expect(contentsOf(program)).toEqual(mended);
    }
  });

  it('is not left in the directory of another user', ({ skip }) => {
    if (process.getuid?.() !== 0) skip();
    const program = install();
    chmodSync(dirname(program), 0o777);
    expect(help(program, { uid: 65_534 })).toMatchObject({ status: 0, stderr: '' });
    expect(cachesOf(program)).toEqual([]);
  });

  it('is left alone with the variable that turns Node’s own off', () => {
    const program = install();
    expect(help(program, { env: { NODE_DISABLE_COMPILE_CACHE: '1' } })).toMatchObject({ status: 0 });
    expect(cachesOf(program)).toEqual([]);
  });
});
