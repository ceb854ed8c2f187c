import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Sandbox } from './sandbox.ts';

describe('ca init refuses', () => {
  it('to go on without a passphrase, a flag or a terminal, and names the flags', async () => {
    const sandbox = new Sandbox();
    expect(await sandbox.run(['init', '--name', 'A'])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr:
        'ca: the passphrase of the CA key is needed, and there is no terminal to ask on\n  hint: give --passphrase-file FILE (or CA_PASSPHRASE_FILE), or --no-passphrase to leave the key unencrypted\n',
    });
    expect(readdirSync(sandbox.directory)).toEqual([]);
  });

  it('a passphrase that is too short', async () => {
    const sandbox = new Sandbox();
    const file = sandbox.write('passphrase', 'secret\n');
    const { exitCode, stderr } = await sandbox.run(['init', '--name', 'A', '--passphrase-file', file]);
    expect(exitCode).toBe(3);
    expect(stderr).toBe(
      'ca: the passphrase has 6 characters < 8 needed\n  hint: make one with: openssl rand -base64 24\n',
    );
    expect(existsSync(sandbox.home)).toBe(false);
  });

  it('to run twice', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const before = sandbox.read('home', 'keys', 'root.key');
    const { error } = await sandbox.json<{ error: unknown }>('init --name A --no-passphrase', 3);
    expect(error).toMatchObject({ code: 'authority/exists', hint: expect.stringContaining('ca status') });
    expect(sandbox.read('home', 'keys', 'root.key')).toBe(before);
  });
});

it('a person who presses Ctrl-C at a prompt ends the command with 130, and nothing is made', async () => {
  const sandbox = new Sandbox();
  expect(await sandbox.run(['init', '--name', 'A'], { keys: 'corr\u0003' })).toEqual({
    exitCode: 130,
    stdout: '',
    stderr: 'New passphrase for the CA key: \n',
  });
  expect(readdirSync(sandbox.directory)).toEqual([]);
});

it('a clock far behind the record is refused, and believed with --yes', async () => {
  const sandbox = new Sandbox();
  await sandbox.init();
  sandbox.now = new Date('2026-11-20T09:30:00Z');
  const { exitCode, stderr } = await sandbox.run('crl');
  expect(exitCode).toBe(3);
  expect(stderr).toMatch(/^ca: the clock says 2026-11-20T09:30:00Z, 2d before .*\n {2}hint: .*--yes\n$/);
  expect((await sandbox.run('crl --yes')).exitCode).toBe(0);
});

it.each([
  ['revoke nobody', 'ledger/unknown-client'],
  ['revoke 0a1b2c3d4e5f60718293a4b5c6d7e8f9', 'ledger/unknown-serial'],
  ['show nobody', 'ledger/unknown-client'],
  ['list --client nobody', 'ledger/unknown-client'],
  ['renew nobody', 'ledger/unknown-client'],
  ['export nobody --format pem', 'ledger/unknown-client'],
  ['verify missing.crt', 'store/not-found'],
  ['issue billing --csr missing.csr', 'store/not-found'],
  ['issue billing --profile vpn', 'authority/unknown-profile'],
  ['issue api --profile server', 'authority/san-required'],
  ['issue billing --validity 20y', 'authority/validity-exceeds-issuer'],
])('ca %s is refused with %s and exit code 3', async (line, code) => {
  const sandbox = new Sandbox();
  await sandbox.init();
  const ledger = sandbox.read('home', 'ledger', '00000001.jsonl');
  const { error } = await sandbox.json<{ error: unknown }>(line, 3);
  expect(error).toMatchObject({ code, message: expect.not.stringMatching(/\.$/) });
  expect(sandbox.read('home', 'ledger', '00000001.jsonl')).toBe(ledger);
});
