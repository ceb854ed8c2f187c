import { describe, expect, it } from 'vitest';
import { Sandbox } from './sandbox.ts';

describe('ca passphrase', () => {
  it('changes the passphrase, asked for on a terminal', async () => {
    const sandbox = new Sandbox();
    await sandbox.run(['init', '--name', 'A'], { keys: 'correct horse\rcorrect horse\r' });
    const keys = 'correct horse\rbattery staple\rbattery staple\r';
    const { exitCode, stdout } = await sandbox.run('passphrase', { keys });
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: 'the key of the root CA has a new passphrase\n',
    });
    expect((await sandbox.run('issue a', { keys: 'correct horse\r' })).exitCode).toBe(3);
    expect((await sandbox.run('issue a', { keys: 'battery staple\r' })).exitCode).toBe(0);
  });

  it('takes files, and leaves the key alone in a dry run or with a wrong passphrase', async () => {
    const sandbox = new Sandbox();
    const old = sandbox.write('old', 'correct horse\n');
    const changed = sandbox.write('new', 'battery staple\n');
    await sandbox.run(['init', '--name', 'A', '--passphrase-file', old]);
    const before = sandbox.read('home', 'keys', 'root.key');
    const change = (from: string, ...more: string[]) =>
      sandbox.run(['passphrase', '--passphrase-file', from, '--new-passphrase-file', changed, ...more]);
    expect((await change(old, '--dry-run')).stdout).toBe(
      'would change the passphrase of the key of the root CA\n',
    );
    expect((await change(changed)).stderr).toContain('the passphrase does not open the private key');
    expect(sandbox.read('home', 'keys', 'root.key')).toBe(before);
    expect(await sandbox.json(['passphrase', '--passphrase-file', old, '--no-passphrase'])).toEqual({
      issuer: 'root',
      encrypted: false,
    });
  });
});
