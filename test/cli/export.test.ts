import { describe, expect, it } from 'vitest';
import { runProgram } from '../support/outside-program.ts';
import { Sandbox } from './sandbox.ts';

describe('ca export', () => {
  it('writes a new file, readable by its owner alone when a key is inside', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { serial } = await sandbox.json<{ serial: string }>('issue billing');
    expect(await sandbox.json('export billing --format pem')).toEqual({
      client: 'billing',
      serial,
      format: 'pem',
      file: sandbox.path('billing.pem'),
    });
    expect(sandbox.mode('billing.pem')).toBe('600');
    expect((await sandbox.run('export billing --format der --out c.crt')).stderr).toBe('');
    expect(sandbox.mode('c.crt')).toBe('644');
    expect((await sandbox.run('export billing --format pem')).stderr).toContain('billing.pem exists already');
  });

  it('prints with --out -, but nothing binary to a terminal', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    expect((await sandbox.run('export billing --format k8s --out -')).stdout).toMatch(
      /^apiVersion: v1\nkind: Secret\n/,
    );
    const refused = await sandbox.run('export billing --format p12 --out -', { terminal: true, keys: '' });
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toContain('p12 is binary, and standard output is a terminal');
  });

  it('needs a password for PKCS#12, from a file or a person', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    const { stderr } = await sandbox.run('export billing --format p12');
    expect(stderr).toBe(
      'ca: a PKCS#12 needs a password, and there is no terminal to ask on\n  hint: give --p12-password-file FILE\n',
    );
    const password = sandbox.write('password', 'correct horse\n');
    const exported = await sandbox.run([
      'export',
      'billing',
      '--format',
      'p12',
      '--p12-password-file',
      password,
    ]);
    expect(exported.exitCode).toBe(0);
    const typed = { keys: 'correct horse\rcorrect horse\r' };
    expect((await sandbox.run('export billing --format p12 --p12 compat --out b.p12', typed)).exitCode).toBe(
      0,
    );
    for (const file of ['billing.p12', 'b.p12']) {
      runProgram('openssl', ['pkcs12', '-in', sandbox.path(file), '-noout', '-passin', `file:${password}`]);
    }
  });

  it('takes no PKCS#12 password that is shorter than a passphrase may be', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    const short = sandbox.write('short', 'abc\n');
    for (const command of ['export billing --format p12', 'issue other --p12']) {
      const { error } = await sandbox.json<{ error: object }>(
        [...command.split(' '), '--p12-password-file', short],
        3,
      );
      expect(error).toMatchObject({
        code: 'authority/weak-passphrase',
        message: 'the password has 3 characters < 8 needed',
      });
    }
    expect((await sandbox.run('list --client other')).stdout).not.toContain('CN=other');
  });
});
