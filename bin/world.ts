import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import process from 'node:process';
import manifest from '../package.json' with { type: 'json' };
import type { World } from '../src/cli/context.ts';
import { hasErrorCode, ioError } from '../src/store/io-error.ts';
import { openKeyboard, openOutput } from './terminal.ts';

/** The real world: this process, this machine's clock and disk. What few commands need is loaded when they do. */
export const realWorld: World = {
  version: manifest.version,
  runtime: `node ${process.version}, ${process.platform} ${process.arch}`,
  // A copy: hooks get the environment as it came.
  environment: { ...process.env },
  get homeDirectory() {
    return homedir();
  },
  stdout: openOutput('stdout'),
  stderr: openOutput('stderr'),
  keyboard: openKeyboard(),
  clock: () => new Date(),
  alarm(ms, ring) {
    const timer = setTimeout(ring, ms);
    return () => clearTimeout(timer);
  },
  resolvePath: (path, file) => (file === undefined ? resolve(path) : resolve(dirname(file), path)),

  async findFile(word, list) {
    const path = list === undefined ? word : realWorld.resolvePath(word, list);
    if (!isFile(path, basename(word) === word)) return undefined;
    const { readLimited } = await import('../src/store/input-file.ts');
    return readLimited(path, { what: 'file', maxOctets: maxFoundOctets, tooLarge: 'x509/malformed' });
  },

  async readRequest(path) {
    const { readInputFile } = await import('../src/store/input-file.ts');
    const limits = {
      what: 'certificate request',
      maxOctets: 1 << 20,
      tooLarge: 'x509/malformed-csr',
    } as const;
    return readInputFile(path, process.stdin, limits);
  },

  async readList(path) {
    const { readInputFile } = await import('../src/store/input-file.ts');
    const limits = { what: 'list', maxOctets: 1 << 28, tooLarge: 'core/invalid-list' } as const;
    return readInputFile(path, process.stdin, limits);
  },

  async createFile(path, content, secret) {
    const { createDurably } = await import('../src/store/durable-file.ts');
    const { publicMode, secretMode } = await import('../src/store/file-mode.ts');
    const { makeDirectories } = await import('../src/store/directories.ts');
    makeDirectories(dirname(path), 0o755);
    createDurably(path, content, { mode: secret ? secretMode : publicMode });
  },

  async openPorts(options) {
    const { openPorts } = await import('./ports.ts');
    return openPorts(options, realWorld);
  },
};

const maxFoundOctets = 1 << 20;

/**
 * A directory is none: `ca show billing` may well be run beside the directory that holds billing's files. A bare word may
 * be a client's name, too: then neither is what could not be a certificate, a pipe or a huge file.
 */
function isFile(path: string, isBare: boolean): boolean {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats || stats.isDirectory()) return false;
    return !isBare || (stats.isFile() && stats.size <= maxFoundOctets);
  } catch (error) {
    if (hasErrorCode(error, 'ENAMETOOLONG')) return false;
    throw ioError(error, 'read', path);
  }
}
