import { Worker } from 'node:worker_threads';

/**
 * Loaded into the program by `node --require`: ends the process as SIGKILL does, so many milliseconds (KILL_AFTER) after it
 * first changed the disk. That instant is known to the process alone, however busy the machine is; the wait is a thread's
 * of its own, so that the kill comes in the middle of any call.
 */
const afterMs = Number(process.env['KILL_AFTER']);
const state = new Int32Array(new SharedArrayBuffer(8));
const wait = `
  const { state, afterMs } = require('node:worker_threads').workerData;
  Atomics.wait(state, 0, 0);
  Atomics.wait(state, 1, 0, afterMs);
  process.kill(process.pid, 'SIGKILL');
`;
new Worker(wait, { eval: true, workerData: { state, afterMs } }).unref();

type Call = (...args: never[]) => unknown;
const disk = require('node:fs') as Record<string, Call>;
/** To take a lock changes nothing yet. */
const locks = new Set<unknown>();

for (const name of ['openSync', 'writeSync', 'mkdirSync', 'mkdtempSync', 'renameSync', 'symlinkSync']) {
  const real = disk[name];
  if (!real) throw new Error(`node:fs has no ${name}`);
  disk[name] = (...args: never[]) => {
    const [first] = args as unknown[];
    const isChange = name === 'writeSync' ? Number(first) > 2 && !locks.has(first) : name !== 'openSync';
    if (isChange) {
      Atomics.store(state, 0, 1);
      Atomics.notify(state, 0);
    }
    const result = real(...args);
    if (name === 'openSync' && `${first}`.endsWith('lock')) locks.add(result);
    return result;
  };
}
