import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
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

interface Run {
  /** Of V8. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  readonly uid?: number;
  readonly env?: Record<string, string>;
}

function run(program: string, { flags = [], args = ['--help'], uid, env }: Run = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, program, ...args], {
    ...childLimits,
    encoding: 'utf8',
    ...(uid === undefined ? {} : { uid }),
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

function cachesOf(program: string): string[] {
  const directory = join(dirname(program), 'cache', `${process.version}-${process.arch}`);
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

function sizesOf(program: string): number[] {
  return cachesOf(program).map((path) => statSync(path).size);
}

function contentsOf(program: string): string[] {
  return cachesOf(program).map((path) => readFileSync(path, 'base64'));
}

describe('the code cache', () => {
  it('is left by the first run, complete, learns from two more, and is changed by none after these', () => {
    const program = install();
    const first = run(program);
    expect(first).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage: ca'), stderr: '' });
    const caches = cachesOf(program);
    expect(caches.map((path) => basename(path))).toEqual(['ca.bin']);
    for (let learning = 0; learning < 2; learning++) {
      const before = contentsOf(program);
      expect(run(program)).toEqual(first);
      expect(contentsOf(program)).not.toEqual(before);
    }
    const before = contentsOf(program);
    expect(run(program)).toEqual(first);
    expect(cachesOf(program)).toEqual(caches);
    expect(contentsOf(program)).toEqual(before);
  });

  it('is one for each command, wherever its name stands, and for no other word', () => {
    const program = install();
    const home = temporaryDirectory();
    for (const args of [
      ['list', '--home', home],
      ['--home', home, 'issue', 'billing'],
      ['billing'],
      ['../billing'],
    ])
      expect(run(program, { args }).status).toBeGreaterThan(1);
    expect(cachesOf(program).map((path) => basename(path))).toEqual(['ca.bin', 'issue.bin', 'list.bin']);
  });

  it('takes in what a later run is the first to load, and keeps what that one does not', () => {
    const program = install();
    const issue = ['issue', '--home', temporaryDirectory(), 'billing'];
    for (let learning = 0; learning < 3; learning++) run(program, { args: ['issue', '--help'] });
    const [before = 0] = sizesOf(program);
    run(program, { args: issue });
    const [after = 0] = sizesOf(program);
    expect(after).toBeGreaterThan(before * 1.2);
    run(program, { args: ['issue', '--help'] });
    expect(sizesOf(program)[0]).toBeGreaterThan(before * 1.2);
  });

  it('changes no answer where it is damaged, and is mended', () => {
    const program = install();
    for (let learning = 0; learning < 3; learning++) run(program);
    const answer = run(program);
    const damages: ((path: string) => void)[] = [
      ...[0, 1, 7, 16, 100, 1000].map((length) => (path: string) => truncateSync(path, length)),
      (path) => writeFileSync(path, Buffer.alloc(5000, 'x')),
      // V8 looks at the first octets of code alone, and dies of what is wrong behind them.
      ...[4, 40, 1500, 50_000].map((at) => (path: string) => {
        const octets = readFileSync(path);
        octets.fill(0xa5, at);
        writeFileSync(path, octets);
      }),
    ];
    for (const damage of damages) {
      for (const path of cachesOf(program)) damage(path);
      const damaged = contentsOf(program);
      expect(run(program)).toEqual(answer);
      expect(contentsOf(program)).not.toEqual(damaged);
      expect(run(program)).toEqual(answer);
    }
  });

  it('is made again by a V8 that does not take it', () => {
    const program = install();
    for (let learning = 0; learning < 3; learning++) run(program);
    const before = contentsOf(program);
    const flags = ['--no-opt'];
    const answer = run(program, { flags });
    expect(answer).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage: ca'), stderr: '' });
    expect(contentsOf(program)).not.toEqual(before);
    for (let learning = 0; learning < 2; learning++) expect(run(program, { flags })).toEqual(answer);
    const after = contentsOf(program);
    expect(run(program, { flags })).toEqual(answer);
    expect(contentsOf(program)).toEqual(after);
  });

  it('gives nothing of a file that was changed in place, and is learned anew', () => {
    const program = install();
    for (let learning = 0; learning < 4; learning++) run(program, { args: ['--version'] });
    const chunks = readdirSync(dirname(program)).filter((name) => name.endsWith('.cjs'));
    for (const name of chunks) {
      const path = join(dirname(program), name);
      writeFileSync(path, readFileSync(path, 'latin1').replaceAll('"0.1.0"', '"9.9.9"'));
    }
    for (let time = 0; time < 2; time++)
      expect(run(program, { args: ['--version'] })).toEqual({ status: 0, stdout: '9.9.9\n', stderr: '' });
  });

  it('is not taken from another directory, whose paths errors would name', () => {
    const program = install();
    for (let learning = 0; learning < 4; learning++) run(program);
    const moved = join(temporaryDirectory(), 'dist');
    cpSync(dirname(program), moved, { recursive: true, preserveTimestamps: true });
    symlinkSync(join(checkout, 'node_modules'), join(dirname(moved), 'node_modules'));
    const elsewhere = join(moved, 'ca.cjs');
    const before = contentsOf(elsewhere);
    expect(run(elsewhere)).toMatchObject({ status: 0, stderr: '' });
    expect(contentsOf(elsewhere)).not.toEqual(before);
  });

  it('has what a run that was killed has left removed', () => {
    const program = install();
    run(program);
    const left = `${cachesOf(program)[0]}.4711.1`;
    writeFileSync(left, 'left');
    run(program);
    expect(existsSync(left)).toBe(false);
  });

  it('is not left in the directory of another user', ({ skip }) => {
    if (process.getuid?.() !== 0) skip();
    const program = install();
    chmodSync(dirname(program), 0o777);
    expect(run(program, { uid: 65_534 })).toMatchObject({ status: 0, stderr: '' });
    expect(cachesOf(program)).toEqual([]);
  });

  it('is left alone with the variable that turns Node’s own off', () => {
    const program = install();
    expect(run(program, { env: { NODE_DISABLE_COMPILE_CACHE: '1' } })).toMatchObject({ status: 0 });
    expect(cachesOf(program)).toEqual([]);
  });
});
