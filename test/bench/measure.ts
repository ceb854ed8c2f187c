import { spawnSync } from 'node:child_process';

/** A whole process to be timed; `prepare` runs before each run, outside the clock. */
export interface Contender {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly prepare?: (run: number) => void;
  /** Arguments that differ from run to run. */
  readonly argsOf?: (run: number) => readonly string[];
}

export interface Timing {
  readonly name: string;
  /** Wall time in milliseconds, median of all runs. */
  readonly ms: number;
  readonly fastestMs: number;
}

/**
 * Times the contenders in turn, A B C A B C …, so that a machine whose speed drifts slows all of them alike, after one
 * run each that does not count.
 */
export function race(contenders: readonly Contender[], runs: number): readonly Timing[] {
  const samples = contenders.map(() => [] as number[]);
  for (let run = 0; run <= runs; run++) {
    contenders.forEach((contender, index) => {
      contender.prepare?.(run);
      const ms = timeOnce(contender, run);
      if (run > 0) samples[index]?.push(ms);
    });
  }
  return contenders.map(({ name }, index) => {
    const sorted = [...(samples[index] ?? [])].sort((a, b) => a - b);
    return {
      name,
      ms: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
      fastestMs: sorted[0] ?? Number.NaN,
    };
  });
}

/** Runs a command that must succeed, outside the clock. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): string {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? {} : { input: options.input }),
    env: { ...environment, ...options.env },
  });
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} exited ${result.status}: ${result.stderr}`);
  return result.stdout;
}

/** True if the program is there. */
export function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

/** The most memory that one run of it has held, in MiB, as GNU time tells it; undefined where that is missing. */
export function peakMemory(contender: Contender, run: number): number | undefined {
  if (!isInstalled('/usr/bin/time')) return undefined;
  const { command, args, argsOf, cwd, env } = contender;
  contender.prepare?.(run);
  const result = spawnSync('/usr/bin/time', ['-f', 'peak %M', command, ...args, ...(argsOf?.(run) ?? [])], {
    encoding: 'utf8',
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...environment, ...env },
  });
  const kibibytes = /^peak (\d+)$/m.exec(result.stderr)?.[1];
  if (result.status !== 0 || kibibytes === undefined)
    throw new Error(`${command} ${args.join(' ')} exited ${result.status}: ${result.stderr}`);
  return Number(kibibytes) / 1024;
}

/** The median time of one call of `work`, in microseconds, over batches that together take about `budgetMs`. */
export function timePerCall(work: () => void, budgetMs: number): number {
  const batch = 50;
  for (let i = 0; i < batch; i++) work();
  const samples: number[] = [];
  const end = performance.now() + budgetMs;
  while (performance.now() < end) {
    const start = performance.now();
    for (let i = 0; i < batch; i++) work();
    samples.push(((performance.now() - start) * 1000) / batch);
  }
  return samples.sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
}

// Node 20 parses the bundle that this variable names at every start, 39 ms that are not the tool's.
const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;

function timeOnce({ command, args, argsOf, cwd, env }: Contender, run: number): number {
  const start = performance.now();
  const result = spawnSync(command, [...args, ...(argsOf?.(run) ?? [])], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...environment, ...env },
  });
  const ms = performance.now() - start;
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} exited ${result.status}: ${result.stderr}`);
  return ms;
}
