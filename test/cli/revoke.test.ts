import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Sandbox } from './sandbox.ts';

describe('ca revoke and crl', () => {
  it('cut a client off and publish the CRL that says so', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { serial } = await sandbox.json<{ serial: string }>('issue billing');
    const result = await sandbox.json(`revoke billing --reason keyCompromise --compromised-at 2026-11-20`);
    expect(result).toEqual({
      revoked: [{ client: 'billing', serial, reason: 'keyCompromise', at: '2026-11-22T09:30:00Z' }],
      already: [],
      crl: {
        number: expect.stringMatching(/^\d+$/),
        thisUpdate: '2026-11-22T09:30:00Z',
        nextUpdate: '2026-12-22T09:30:00Z',
        entries: 1,
        files: { der: `${sandbox.home}/crl/ca.crl`, pem: `${sandbox.home}/crl/ca.crl.pem` },
      },
    });
    const again = await sandbox.run('revoke billing');
    expect({ exitCode: again.exitCode, first: again.stdout.split('\n')[0] }).toEqual({
      exitCode: 0,
      first: `${serial} of billing was revoked already, now (keyCompromise)`,
    });
  });

  it('bar the key of what was revoked before for another reason', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { serial } = await sandbox.json<{ serial: string }>('issue billing');
    await sandbox.run('revoke billing');
    const dryRun = await sandbox.run('revoke billing --reason keyCompromise --dry-run');
    expect(dryRun.stdout.split('\n')[1]).toBe(
      `would bar the key of ${serial} of billing, which was revoked for another reason`,
    );
    const late = await sandbox.run('revoke billing --reason keyCompromise');
    expect({ exitCode: late.exitCode, lines: late.stdout.split('\n').slice(0, 2) }).toEqual({
      exitCode: 0,
      lines: [
        `${serial} of billing was revoked already, now (unspecified)`,
        `barred the key of ${serial} of billing, which was revoked for another reason`,
      ],
    });
  });

  it('ask a person, and do nothing without a yes', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    const declined = await sandbox.run('revoke billing', { terminal: true, keys: 'n\r' });
    expect(declined).toMatchObject({
      exitCode: 3,
      stdout: '',
      stderr:
        'Revoke 1 certificate of billing? It cannot be undone. [y/N] n\nca: nothing was revoked\n  hint: answer y, or give --yes\n',
    });
    expect(await sandbox.json('list')).toMatchObject([{ status: 'active' }]);
    expect((await sandbox.run('revoke billing --yes', { terminal: true, keys: '' })).exitCode).toBe(0);
  });

  it('publish and copy the CRL', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const notDue = await sandbox.run('crl --if-due --out copy');
    expect(notDue.stdout).toContain('the CRL is not due\n');
    expect(notDue.stdout).toContain(`copied to ${sandbox.path('copy')}\n`);
    expect(readdirSync(sandbox.path('copy'))).toEqual(['ca.crl', 'ca.crl.pem', 'ledger.head']);
    expect(await sandbox.json('crl')).toMatchObject({ entries: 0, why: 'asked for', files: {} });
    expect((await sandbox.run('crl --dry-run')).stdout).toBe('would publish a new CRL: asked for\n');
  });
});
