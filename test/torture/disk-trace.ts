import * as realFs from 'node:fs';
import { resolve } from 'node:path';

/**
 * Loaded into the program by `node --require`: notes each call that changes the disk, after it was done, as a line of
 * JSON in the file DISK_TRACE. From these {@link DiskHistory} works out what a power cut could leave.
 */
export type DiskCall =
  /** `inode` is new: a file, directory or symbolic link that appeared under a name. */
  | {
      readonly call: 'make';
      readonly kind: 'file' | 'directory' | 'link';
      readonly inode: number;
      readonly path: string;
      readonly mode: number;
      readonly target?: string;
    }
  | { readonly call: 'link'; readonly from: string; readonly to: string }
  | { readonly call: 'rename'; readonly from: string; readonly to: string }
  | { readonly call: 'remove'; readonly path: string }
  /** `octets` in base64. */
  | { readonly call: 'write'; readonly inode: number; readonly at: number; readonly octets: string }
  | { readonly call: 'truncate'; readonly inode: number; readonly length: number }
  | { readonly call: 'mode'; readonly inode: number; readonly mode: number }
  /** What the file holds, or the names in the directory, is on the disk now. */
  | { readonly call: 'sync'; readonly inode: number }
  /** A flush of the whole file system has begun: when it ends, all that was changed until now is on the disk. */
  | { readonly call: 'flush-begun'; readonly flush: number }
  | { readonly call: 'flushed'; readonly flush: number };

// biome-ignore lint/suspicious/noExplicitAny: functions of all shapes are replaced by their names
type Call = (...args: any[]) => any;
const disk = require('node:fs') as Record<string, Call>;
const real = { ...realFs };
const trace = process.env['DISK_TRACE'];
const { O_CREAT, O_TRUNC } = real.constants;
/** Where the next write without a position goes, for each open file. */
const positions = new Map<number, number>();

if (trace !== undefined) {
  const output = real.openSync(trace, 'a');
  install((call) => {
    real.writeSync(output, `${JSON.stringify(call)}\n`);
  });
}

function install(note: (call: DiskCall) => void): void {
  const inodeOf = (fd: number) => real.fstatSync(fd).ino;
  const made = (kind: 'file' | 'directory' | 'link', path: string, target?: string) => {
    const { ino, mode } = real.lstatSync(path);
    const more = target === undefined ? {} : { target };
    note({ call: 'make', kind, inode: ino, path: resolve(path), mode: mode & 0o777, ...more });
  };

  disk['openSync'] = (path: string, flags: string | number = 'r', mode?: number) => {
    const isNew = !real.existsSync(path);
    const fd = real.openSync(path, flags, mode);
    const creates = typeof flags === 'number' ? (flags & O_CREAT) !== 0 : /[wa]/.test(flags);
    if (creates && isNew) made('file', path);
    const empties = typeof flags === 'number' ? (flags & O_TRUNC) !== 0 : flags.startsWith('w');
    if (empties && !isNew) note({ call: 'truncate', inode: inodeOf(fd), length: 0 });
    positions.set(fd, 0);
    return fd;
  };
  disk['writeSync'] = (
    fd: number,
    octets: Uint8Array,
    offset = 0,
    length = octets.length,
    position?: number,
  ) => {
    const written = real.writeSync(fd, octets, offset, length, position ?? null);
    if (fd <= 2 || !real.fstatSync(fd).isFile()) return written;
    const at = position ?? positions.get(fd) ?? 0;
    if (position === undefined || position === null) positions.set(fd, at + written);
    const what = Buffer.from(octets.buffer, octets.byteOffset + offset, written).toString('base64');
    note({ call: 'write', inode: inodeOf(fd), at, octets: what });
    return written;
  };
  // Text would take a way past writeSync.
  disk['writeFileSync'] = (file: string | number, data: string | Uint8Array, options?: object) =>
    real.writeFileSync(file, typeof data === 'string' ? Buffer.from(data) : data, options);
  for (const name of ['fsyncSync', 'fdatasyncSync'] as const) {
    disk[name] = (fd: number) => {
      real[name](fd);
      note({ call: 'sync', inode: inodeOf(fd) });
    };
  }
  disk['fsync'] = (fd: number, done: (error: Error | null) => void) =>
    real.fsync(fd, (error) => {
      if (!error) note({ call: 'sync', inode: inodeOf(fd) });
      done(error);
    });
  let flushes = 0;
  const programs = require('node:child_process') as Record<string, Call>;
  const { spawn } = { ...programs };
  programs['spawn'] = (program: string, args: readonly string[], ...more: unknown[]) => {
    const isFlush = program.endsWith('/sync') && args[0] === '-f';
    const flush = ++flushes;
    if (isFlush) note({ call: 'flush-begun', flush });
    const child = spawn?.(program, args, ...more);
    if (isFlush)
      child.on('exit', (exitCode: number | null) => {
        if (exitCode === 0) note({ call: 'flushed', flush });
      });
    return child;
  };
  disk['ftruncateSync'] = (fd: number, length = 0) => {
    real.ftruncateSync(fd, length);
    note({ call: 'truncate', inode: inodeOf(fd), length });
  };
  disk['fchmodSync'] = (fd: number, mode: number) => {
    real.fchmodSync(fd, mode);
    note({ call: 'mode', inode: inodeOf(fd), mode });
  };
  disk['chmodSync'] = (path: string, mode: number) => {
    real.chmodSync(path, mode);
    note({ call: 'mode', inode: real.statSync(path).ino, mode });
  };
  disk['mkdirSync'] = (path: string, mode?: number) => {
    real.mkdirSync(path, mode);
    made('directory', path);
  };
  disk['mkdtempSync'] = (prefix: string) => {
    const path = real.mkdtempSync(prefix);
    made('directory', path);
    return path;
  };
  disk['symlinkSync'] = (target: string, path: string) => {
    real.symlinkSync(target, path);
    made('link', path, target);
  };
  disk['linkSync'] = (from: string, to: string) => {
    real.linkSync(from, to);
    note({ call: 'link', from: resolve(from), to: resolve(to) });
  };
  disk['renameSync'] = (from: string, to: string) => {
    real.renameSync(from, to);
    note({ call: 'rename', from: resolve(from), to: resolve(to) });
  };
  for (const name of ['unlinkSync', 'rmdirSync'] as const) {
    disk[name] = (path: string) => {
      real[name](path);
      note({ call: 'remove', path: resolve(path) });
    };
  }
  // Node's own takes another way from version to version.
  disk['rmSync'] = (path: string, options?: { readonly force?: boolean }) => {
    const stats = real.lstatSync(path, { throwIfNoEntry: options?.force !== true });
    if (!stats) return;
    for (const each of [...inside(path), path]) {
      if (real.lstatSync(each).isDirectory()) disk['rmdirSync']?.(each);
      else disk['unlinkSync']?.(each);
    }
  };
}

/** All that is below a path, the deepest first. */
function inside(path: string): string[] {
  if (!real.lstatSync(path).isDirectory()) return [];
  return real.readdirSync(path).flatMap((name) => {
    const child = resolve(path, name);
    return [...inside(child), child];
  });
}
