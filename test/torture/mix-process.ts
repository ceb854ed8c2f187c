import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type CliRun, cliEnvironment, shippedCli } from '../support/run-cli.ts';
import type { RoundPlan, Step } from './mix-plan.ts';
import { buildShim } from './shim.ts';

/** How one process of a mix ended. */
export interface StepRun extends CliRun {
  /** Whether the signal came in time, or the fault came to pass. */
  readonly isHit: boolean;
}

/** Starts the shipped program with a trouble and a clock of its own. */
export class MixProcesses {
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

  /** @param args the step's words with what they stand for */
  start(
    { offsetMs, trouble }: Omit<Step, 'words' | 'confirms'>,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<StepRun> {
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

/** Refusals that races between processes explain, in any round. */
const raceCodes = [
  'authority/client-exists',
  'authority/client-revoked',
  'authority/key-barred',
  'core/invalid-list',
  'ledger/unknown-client',
  'ledger/unknown-serial',
  'store/changed',
];

/** What a process said with exit code 1, or in a list's failures, is explained in the same way. */
export function endFaults(plan: RoundPlan, step: Step, run: StepRun): string[] {
  const { exitCode, stdout, stderr } = run;
  const { trouble } = step;
  const said = `exited ${exitCode}: ${stdout}${stderr}`;
  const mayDie = trouble?.kind === 'SIGKILL' || trouble?.kind === 'kill';
  if (exitCode === null) return mayDie ? [] : ['died without a signal of ours'];
  if (exitCode === 0) return [];
  if (exitCode !== 1 && exitCode !== 3) return [said];
  const result = JSON.parse(stdout);
  const failures: { code?: string; hint?: string }[] = [
    ...(result.error ? [result.error] : []),
    ...(result.error?.faults ?? []),
    ...(result.failed ?? []),
  ];
  // Findings of `status`, `show` and `ledger verify`, and a CRL's note, are judged once all is repaired.
  if (exitCode === 3 && failures.length === 0) return [said];
  const allowed = allowedCodes(plan, step);
  return failures.every(({ code = '', hint }) => hint && allowed.includes(code)) ? [] : [said];
}

function allowedCodes({ theme, clocksJump }: RoundPlan, { trouble }: Step): string[] {
  return [
    ...raceCodes,
    ...(theme === 'full' || trouble?.kind === 'ENOSPC' ? ['store/disk-full'] : []),
    ...(trouble?.kind === 'EIO' ? ['store/io'] : []),
    ...(clocksJump ? ['ledger/clock-behind'] : []),
  ];
}
