import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type CliRun, cliEnvironment, shippedCli } from '../support/run-cli.ts';
import { buildShim } from './shim.ts';

/** What happens to a process: a signal at an instant, or a fault of the disk from one of its steps on. */
export type Trouble =
  | { readonly kind: 'SIGKILL'; readonly from: 'start' | 'change'; readonly ms: number }
  | { readonly kind: 'kill' | 'ENOSPC' | 'EIO' | 'short'; readonly step: number };

/** What is different for a process. */
export interface Circumstances {
  /** How far its clock stands off. */
  readonly offsetMs: number;
  readonly trouble?: Trouble;
}

/** How a process ended. */
export interface ProcessRun extends CliRun {
  /** Whether the signal came in time, or the fault came to pass. */
  readonly isHit: boolean;
}

/** Starts the shipped program, several at a time, each with a clock and a trouble of its own. */
export class Processes {
  readonly #directory: string;
  readonly #shims: Readonly<Record<'disk' | 'kill' | 'clock', string>>;
  #count = 0;

  /** @param directory for the shims, on a disk that does not fail */
  constructor(directory: string) {
    this.#directory = directory;
    this.#shims = {
      disk: buildShim('disk-shim', directory),
      kill: buildShim('kill-shim', directory),
      clock: buildShim('clock-shim', directory),
    };
  }

  start(
    args: readonly string[],
    { offsetMs, trouble }: Circumstances,
    env: Readonly<Record<string, string>> = {},
  ): Promise<ProcessRun> {
    const hitPath = join(this.#directory, `hit-${++this.#count}`);
    const shims: string[] = [];
    const more: Record<string, string> = {};
    if (offsetMs !== 0) {
      shims.push(this.#shims.clock);
      more['CLOCK_OFFSET_MS'] = `${offsetMs}`;
    }
    if (trouble?.kind === 'SIGKILL' && trouble.from === 'change') {
      shims.push(this.#shims.kill);
      more['KILL_AFTER'] = `${trouble.ms}`;
    } else if (trouble && trouble.kind !== 'SIGKILL') {
      shims.push(this.#shims.disk);
      more['DISK_FAULT'] = `${trouble.kind}:${trouble.step}`;
      more['DISK_HIT'] = hitPath;
    }
    if (shims.length > 0) more['NODE_OPTIONS'] = shims.map((path) => `--require ${path}`).join(' ');
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [shippedCli, ...args], {
        env: cliEnvironment({ ...env, ...more }),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (chunk) => (stdout += chunk));
      child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk));
      const timer =
        trouble?.kind === 'SIGKILL' && trouble.from === 'start'
          ? setTimeout(() => child.kill('SIGKILL'), trouble.ms)
          : undefined;
      child.once('error', reject);
      child.once('close', (exitCode) => {
        clearTimeout(timer);
        const isHit = exitCode === null || existsSync(hitPath);
        rmSync(hitPath, { force: true });
        resolve({ exitCode, stdout, stderr, isHit });
      });
    });
  }
}
