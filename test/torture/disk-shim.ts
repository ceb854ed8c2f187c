import * as realFs from 'node:fs';

/**
 * Loaded into the program by `node --require`: counts the calls that change the disk, and at one of them ends the process as
 * SIGKILL does, lets the disk be full from then on, or take half of each write. Told by DISK_FAULT: `count`, `kill:7`,
 * `ENOSPC:7`, `EIO:7`, `short:7`.
 * The number of calls is written into the file DISK_COUNT at the end; the file DISK_HIT is made when the fault comes to
 * pass. (The store's own tests inject the same faults in process, through its port `Disk`; here it is the shipped program, all
 * of it, with what does not go through that port.)
 */
const [fault = 'count', atText = '0'] = (process.env['DISK_FAULT'] ?? 'count').split(':');
const at = Number(atText);
const countPath = process.env['DISK_COUNT'];
const hitPath = process.env['DISK_HIT'];
let calls = 0;

const { closeSync, openSync } = realFs;

type Call = (...args: never[]) => unknown;
const disk = require('node:fs') as Record<string, Call>;

/** What takes space, and so fails on a full disk; the others fail with EIO alone. */
const allocating = new Set(['openSync', 'writeSync', 'mkdirSync', 'mkdtempSync', 'linkSync', 'symlinkSync']);
const changing = [
  ...allocating,
  'fsyncSync',
  'fdatasyncSync',
  'ftruncateSync',
  'renameSync',
  'unlinkSync',
  'rmSync',
  'rmdirSync',
  'fchmodSync',
  'chmodSync',
];

for (const name of changing) {
  const real = disk[name];
  if (!real) throw new Error(`node:fs has no ${name}`);
  disk[name] = (...args: never[]) => {
    if (!changesDisk(name, args)) return real(...args);
    step(name, real, args);
    if (fault !== 'short' || calls < at || name !== 'writeSync') return real(...args);
    noteHit();
    return real(...halfOf(args));
  };
}

const realFsync = disk['fsync'];
disk['fsync'] = ((fd: number, done: (error: Error | null) => void) => {
  try {
    step('fsync', () => undefined, []);
  } catch (error) {
    return done(error as Error);
  }
  return (realFsync as unknown as typeof realFs.fsync)(fd, done);
}) as unknown as Call;

/** A flush of the whole file system is another program's work. */
const programs = require('node:child_process') as Record<string, Call>;
const realSpawn = programs['spawn'];
programs['spawn'] = ((program: string, args: readonly string[], ...more: never[]) => {
  const spawn = realSpawn as unknown as (...args: unknown[]) => unknown;
  if (!program.endsWith('/sync') || args[0] !== '-f') return spawn(program, args, ...more);
  try {
    step('spawn', () => undefined, []);
  } catch {
    return spawn('/bin/sh', ['-c', 'echo "sync: error syncing: Input/output error" >&2; exit 1'], ...more);
  }
  return spawn(program, args, ...more);
}) as unknown as Call;

if (fault === 'count' && countPath !== undefined) {
  const write = realFs.writeFileSync;
  process.on('exit', () => write(countPath, `${calls}`));
}

function step(name: string, real: Call, args: never[]): void {
  calls++;
  if (fault === 'kill' && calls === at) {
    // Half of what was to be written is there when the power goes.
    if (name === 'writeSync') real(...halfOf(args));
    process.kill(process.pid, 'SIGKILL');
    for (;;); // until the signal comes
  }
  const fails =
    (fault === 'ENOSPC' && calls >= at && allocating.has(name)) || (fault === 'EIO' && calls === at);
  if (!fails) return;
  noteHit();
  throw systemError(fault, name);
}

function noteHit(): void {
  if (hitPath !== undefined) closeSync(openSync(hitPath, 'w'));
}

/** Opening to read changes nothing, nor does what goes to the terminal. */
function changesDisk(name: string, args: readonly unknown[]): boolean {
  const [first, second] = args;
  if (name === 'writeSync') return Number(first) > 2;
  if (name !== 'openSync') return true;
  if (typeof second === 'number') return (second & realFs.constants.O_CREAT) !== 0;
  return /[wa]/.test(String(second));
}

/** Arguments of writeSync: descriptor, octets, offset, length, position. */
function halfOf(args: readonly unknown[]): never[] {
  const [fd, octets, offset = 0, length, position] = args as [number, Uint8Array, number?, number?, number?];
  const half = Math.ceil((length ?? octets.length) / 2);
  return [fd, octets, offset, half, position] as never[];
}

function systemError(code: string, name: string): Error {
  const syscall = name.replace(/Sync$/, '');
  return Object.assign(new Error(`${code}: injected, ${syscall}`), { code, syscall, errno: -1 });
}
