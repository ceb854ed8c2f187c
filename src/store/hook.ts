import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HookResult, RunHook } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { secretVariables } from './passphrase.ts';

/** How long a hook that was asked to stop may tidy up. */
const graceMs = 2000;

/** How long after the hook's own end its output is waited for, which a program it left behind may keep open. */
const drainMs = 500;

const maxOutputCharacters = 2000;

/**
 * Runs hooks by the system's shell, each in a process group of its own, so that after its time all it started is
 * stopped (SIGTERM, two seconds later SIGKILL). It inherits the environment but for our secrets, and no input.
 *
 * Throws `authority/hook-failed` if there is no shell to run it.
 *
 * @param environment of this process
 */
export function createHookRunner(environment: Readonly<Record<string, string | undefined>>): RunHook {
  const inherited = Object.fromEntries(
    Object.entries(environment).filter(
      ([name]) => !secretVariables.some((secret) => secret === name.toUpperCase()),
    ),
  );
  return (command, facts, timeoutMs) =>
    new Promise((resolve, reject) => {
      const fail = (cause: Error) =>
        reject(
          new CaError('authority/hook-failed', `the hook could not be started: ${cause.message}`, {
            cause,
            hint: 'the shell and the size of the environment are the usual reasons',
          }),
        );
      try {
        const child = spawn(command, {
          shell: true,
          // A group of its own; on Windows this would open a window.
          detached: process.platform !== 'win32',
          env: { ...inherited, ...facts },
          stdio: ['ignore', 'pipe', 'pipe'],
          windowsHide: true,
        });
        child.on('error', fail);
        watch(child, timeoutMs).then(resolve, reject);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
}

async function watch(child: ChildProcess, timeoutMs: number): Promise<HookResult> {
  let output = Buffer.alloc(0);
  const streams = [child.stdout, child.stderr];
  for (const stream of streams) {
    stream?.on('data', (chunk: Buffer) => {
      // Characters have four octets at most.
      output = Buffer.concat([output, chunk]).subarray(-4 * maxOutputCharacters);
    });
  }
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const exited = new Promise<number>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? exitCodeOf(signal))),
  );
  const exitCode = await Promise.race([exited, sleep(timeoutMs, undefined, { ref: false })]);
  if (exitCode === undefined) await stopGroup(child);
  await Promise.race([closed, sleep(drainMs, undefined, { ref: false })]);
  for (const stream of streams) stream?.destroy();
  return { exitCode, output: lastCharacters(output) };
}

/** Ends the hook and all that it started, even what outlives the hook's own shell. */
async function stopGroup(child: ChildProcess): Promise<void> {
  const deadline = performance.now() + graceMs;
  let alive = signalGroup(child, 'SIGTERM');
  while (alive && performance.now() < deadline) {
    await sleep(20);
    alive = signalGroup(child, 0);
  }
  if (alive) signalGroup(child, 'SIGKILL');
}

/** Sends the signal, 0 being none; false if nobody is there any more. */
function signalGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.platform === 'win32' ? child.kill(signal) : process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}

/** As a shell says it: 128 and the signal's number. */
function exitCodeOf(signal: NodeJS.Signals | null): number {
  return 128 + (signal ? constants.signals[signal] : 0);
}

function lastCharacters(octets: Buffer): string {
  return [...octets.toString('utf8')].slice(-maxOutputCharacters).join('');
}
