import * as fs from 'node:fs';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectories } from '../../../src/store/directories.ts';
import type { Disk } from '../../../src/store/disk.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ca-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('makeDirectories', () => {
  it('makes what is missing with exactly that mode, and tells what it made', () => {
    const umask = process.umask(0o077);
    const made = makeDirectories(join(directory, 'x', 'y'), 0o755);
    process.umask(umask);
    expect(made).toEqual([join(directory, 'x'), join(directory, 'x', 'y')]);
    expect(made.map((path) => statSync(path).mode & 0o777)).toEqual([0o755, 0o755]);
    expect(makeDirectories(join(directory, 'x', 'y'), 0o700)).toEqual([]);
  });

  it('is content when somebody else makes the directory at the same instant', () => {
    const path = join(directory, 'x');
    const disk: Disk = {
      ...fs,
      mkdirSync: ((made: string) => {
        fs.mkdirSync(made);
        throw Object.assign(new Error('EEXIST'), { code: 'EEXIST', syscall: 'mkdir' });
      }) as Disk['mkdirSync'],
    };
    expect(makeDirectories(path, 0o700, undefined, disk)).toEqual([]);
  });

  it('removes what it made when it cannot make the rest', () => {
    const disk: Disk = {
      ...fs,
      mkdirSync: ((path: string, mode: number) => {
        if (path.endsWith('y'))
          throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'mkdir' });
        return fs.mkdirSync(path, mode);
      }) as Disk['mkdirSync'],
    };
    expect(() => makeDirectories(join(directory, 'x', 'y'), 0o700, undefined, disk)).toThrow(
      expect.objectContaining({ code: 'store/disk-full' }),
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  it('refuses a place below a file', () => {
    writeFileSync(join(directory, 'x'), '');
    expect(() => makeDirectories(join(directory, 'x', 'y'), 0o700)).toThrow(
      expect.objectContaining({ code: 'store/occupied' }),
    );
  });
});
