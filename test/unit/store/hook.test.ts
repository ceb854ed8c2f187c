import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHookRunner } from '../../../src/store/hook.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ca-hook-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const run = createHookRunner({ PATH: process.env['PATH'], KEPT: 'kept' });
const timeoutMs = 20_000;

describe.skipIf(process.platform === 'win32')('createHookRunner', () => {
  it('gives the exit code and what both streams printed, in their order', async () => {
    await expect(
      run('echo one; echo two >&2; sleep 0.5; echo three; exit 7', {}, timeoutMs),
    ).resolves.toEqual({
      exitCode: 7,
      output: expect.stringMatching(/^(one\ntwo|two\none)\nthree\n$/),
    });
  });

  it('hands facts over in the environment, where no shell looks into them', async () => {
    const fact = `$(touch ${directory}/pwned) \`id\` ; "x" 'y' \n é`;
    const { output } = await run('printf %s "$FACT"', { FACT: fact }, timeoutMs);
    expect(output).toBe(fact);
    expect(existsSync(join(directory, 'pwned'))).toBe(false);
  });

  it('passes the environment on, but none of our secrets', async () => {
    const secrets = {
      CA_PASSPHRASE: 's1',
      CA_PASSPHRASE_FILE: 's2',
      CA_ROOT_PASSPHRASE: 's3',
      CA_ROOT_PASSPHRASE_FILE: 's4',
      CREDENTIALS_DIRECTORY: 's5',
    };
    const { output } = await createHookRunner({ ...secrets, KEPT: 'kept' })('/usr/bin/env', {}, timeoutMs);
    expect(output).toContain('KEPT=kept');
    expect(output).not.toMatch(/s[1-5]$/m);
  });

  it('gives no input', async () => {
    await expect(run('cat; echo end', {}, timeoutMs)).resolves.toEqual({ exitCode: 0, output: 'end\n' });
  });

  it('keeps the last 2,000 characters', async () => {
    const { output } = await run('yes ü | head -n 100000; echo end', {}, timeoutMs);
    expect([...output]).toHaveLength(2000);
    expect(output.endsWith('ü\nü\nend\n')).toBe(true);
    expect(output).not.toContain('\uFFFD');
  });

  it('stops a hook after its time, with everything that it started', async () => {
    const pidFile = join(directory, 'pid');
    const result = await run(`echo before; sleep 60 & echo $! > ${pidFile}; wait`, {}, 300);
    expect(result).toEqual({ exitCode: undefined, output: 'before\n' });
    expect(isRunning(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  it('kills after two more seconds what does not heed SIGTERM', async () => {
    const pidFile = join(directory, 'pid');
    const stubborn = `trap '' TERM; echo $$ > ${pidFile}; while :; do sleep 0.1; done`;
    const started = performance.now();
    await expect(run(stubborn, {}, 200)).resolves.toMatchObject({ exitCode: undefined });
    expect(performance.now() - started).toBeGreaterThan(2000);
    expect(isRunning(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  it('lets a hook that was asked to stop tidy up, even when its shell has gone', async () => {
    const tidied = join(directory, 'tidied');
    const tidy = `sh -c 'trap "sleep 0.2; echo x > ${tidied}; exit" TERM; while :; do sleep 0.02; done' & wait`;
    await run(tidy, {}, 300);
    expect(existsSync(tidied)).toBe(true);
  });

  it('does not wait for a program that the hook left behind', async () => {
    const started = performance.now();
    await expect(run('echo done; sleep 5 & exit 0', {}, timeoutMs)).resolves.toEqual({
      exitCode: 0,
      output: 'done\n',
    });
    expect(performance.now() - started).toBeLessThan(3000);
  });

  it('reports a hook that a signal ended as a shell does', async () => {
    await expect(run('kill -KILL $$', {}, timeoutMs)).resolves.toEqual({ exitCode: 137, output: '' });
  });

  it('leaves the umask as it is', async () => {
    const umask = process.umask().toString(8).padStart(4, '0');
    await expect(run('umask', {}, timeoutMs)).resolves.toMatchObject({ output: `${umask}\n` });
  });

  it('says when a hook cannot be started', async () => {
    await expect(run('true', { HUGE: 'x'.repeat(3_000_000) }, timeoutMs)).rejects.toMatchObject({
      code: 'authority/hook-failed',
      message: expect.stringContaining('E2BIG'),
    });
  });
});

function isRunning(pid: number): boolean {
  try {
    // A zombie that nobody has collected yet has ended too.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
