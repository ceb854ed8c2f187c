import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RenewResult } from '../../src/authority/renew.ts';
import { Sandbox } from './sandbox.ts';

describe('ca renew', () => {
  it('renews what is due, and is silent about it with --quiet', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    sandbox.now = new Date('2027-01-25T09:30:00Z');
    expect((await sandbox.run('renew --dry-run')).stdout).toContain(
      'would have renewed billing, until 2027-04-25',
    );
    expect(await sandbox.run('renew --quiet')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect((await sandbox.run('renew')).stdout).toBe(
      'nothing was due\nthe CRL is good until 2027-02-24 (in 30 days)\n',
    );
    expect(await sandbox.json('renew --force')).toMatchObject({
      renewed: [{ client: 'billing', supersedes: expect.any(String), files: { bundle: expect.any(String) } }],
      delivered: [],
      failed: [],
      skipped: [],
      crl: { entries: 0 },
    });
  });

  it('says that it signed the CRL anew, and why', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    expect((await sandbox.json<RenewResult>('renew')).crl).not.toHaveProperty('why');
    sandbox.now = new Date('2026-12-25T09:30:00Z');
    expect(await sandbox.run('renew')).toEqual({
      exitCode: 0,
      stdout:
        'signed the CRL anew: it expired at 2026-12-22T09:30:00Z\nthe CRL is good until 2027-01-24 (in 30 days)\n',
      stderr: '',
    });
    sandbox.now = new Date('2026-12-26T09:30:00Z');
    expect(await sandbox.json('renew')).toMatchObject({
      crl: { entries: 0, why: 'it is of 2026-12-25T09:30:00Z' },
    });
  });

  it('puts back what servers trust, and says so even with --quiet', async () => {
    const sandbox = new Sandbox();
    await sandbox.init('--two-tier');
    const before = sandbox.read('home', 'ca.crt');
    rmSync(sandbox.path('home', 'chain.crt'));
    sandbox.write('home/ca.crt', sandbox.read('home', 'ca.crt').replace('M', 'N'));
    expect((await sandbox.run('renew --dry-run')).stderr).toContain('would be put back from the ledger\n');
    expect(await sandbox.run('renew --quiet')).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: [
        `ca: ${sandbox.path('home', 'ca.crt')} was not the certificate on record: put back from the ledger\n`,
        `ca: ${sandbox.path('home', 'chain.crt')} was missing: put back from the ledger\n`,
      ].join(''),
    });
    expect(sandbox.read('home', 'ca.crt')).toBe(before);
    expect(sandbox.mode('home', 'chain.crt')).toBe('644');
    expect(await sandbox.json('renew')).toMatchObject({ restored: [] });
  });

  it('says what failed and what to do, in the exit code too', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { exitCode } = await sandbox.run(['issue', 'billing', '--hook', 'echo no such server; exit 7']);
    expect(exitCode).toBe(3);
    const outcome = await sandbox.run('renew --quiet');
    expect(outcome).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        'ca: billing: the hook of billing exited 7; it printed: no such server\n  hint: mend the hook; ca renew runs it again\n',
    });
    expect(await sandbox.json('renew', 1)).toMatchObject({
      failed: [
        {
          client: 'billing',
          serial: expect.any(String),
          code: 'authority/hook-failed',
          hint: expect.any(String),
        },
      ],
    });
  });

  it('says how long it waits before it starts, unless --quiet', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    expect((await sandbox.run('renew --jitter 1s')).stderr).toMatch(/^ca: waiting 0s \(--jitter\)\n/);
    expect((await sandbox.run('renew --jitter 1s --quiet')).stderr).toBe('');
  });

  it('keeps the lines apart that a failed hook printed', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { stderr } = await sandbox.run(['issue', 'billing', '--hook', 'echo one; echo two; exit 7']);
    expect(stderr).toContain('exited 7; it printed: one | two\n');
  });
});
