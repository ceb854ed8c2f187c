import { X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type RunOptions, Sandbox, settle } from './sandbox.ts';

describe('ca init', () => {
  it('makes an authority and says what to do next', async () => {
    const sandbox = new Sandbox();
    const { exitCode, stdout, stderr } = await sandbox.run([
      'init',
      '--name',
      'Acme API CA',
      '--no-passphrase',
    ]);
    expect(exitCode).toBe(0);
    expect(settle(stdout, sandbox)).toMatchInlineSnapshot(`
      "made the authority "Acme API CA"
        home             /tmp/home
        valid until      2036-11-19 (in 10 years)
        fingerprint      <sha256>
        give to servers  /tmp/home/ca.crt
        revocation list  /tmp/home/crl/ca.crl.pem
      "
    `);
    expect(settle(stderr, sandbox)).toMatchInlineSnapshot(`
      "
      next:
        give a client a certificate     ca issue billing
        renew by cron, and never think  17 3 * * * ca renew --quiet --jitter 10m --home /tmp/home
        back up, keys and record        ca backup FILE --encrypt
        the CA key is not encrypted     ca passphrase changes that
      "
    `);
    expect(sandbox.mode('home')).toBe('700');
    expect(sandbox.mode('home', 'keys', 'root.key')).toBe('600');
    expect(sandbox.mode('home', 'ca.crt')).toBe('644');
  });

  it('names the home in the next steps if it was named on the command line', async () => {
    const sandbox = new Sandbox();
    const { stderr } = await sandbox.run('init --name A --no-passphrase --home ./demo');
    expect(stderr).toContain(`  ca issue billing --home ${sandbox.path('demo')}\n`);
    expect(stderr).toContain(`  ca passphrase --home ${sandbox.path('demo')} changes that\n`);
  });

  it.each([
    ['says which key it makes when that takes long', [], 'ca: making the rsa2048 key …\n'],
    ['says nothing of it with --quiet', ['--quiet'], ''],
  ])('%s', async (_, flags, said) => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const alarm: RunOptions['alarm'] = (_ms, ring) => {
      ring();
      return () => {};
    };
    const { exitCode, stderr } = await sandbox.run(['issue', 'old', '--key', 'rsa2048', '--json', ...flags], {
      alarm,
    });
    expect([exitCode, stderr]).toEqual([0, said]);
  });

  it('gives the documented JSON', async () => {
    const sandbox = new Sandbox();
    const result = await sandbox.json<{ authority: { serial: string } }>([
      'init',
      '--name',
      'Acme API CA',
      '--no-passphrase',
      '--two-tier',
    ]);
    const { home } = sandbox;
    expect(result).toEqual({
      home,
      authority: {
        name: 'Acme API CA',
        subject: 'CN=Acme API CA',
        serial: expect.stringMatching(/^[0-9a-f]{32}$/),
        fingerprint: new X509Certificate(sandbox.read('home', 'ca.crt')).fingerprint256
          .replaceAll(':', '')
          .toLowerCase(),
        notBefore: '2026-11-22T09:25:00Z',
        notAfter: '2036-11-19T09:30:00Z',
      },
      files: {
        certificate: `${home}/ca.crt`,
        chain: `${home}/chain.crt`,
        crl: `${home}/crl/ca.crl`,
        crlPem: `${home}/crl/ca.crl.pem`,
        rootCrl: `${home}/crl/root.crl`,
        rootCrlPem: `${home}/crl/root.crl.pem`,
        crlBundle: `${home}/crl/all.crl.pem`,
      },
    });
  });

  it('warns of a CA that ends before the certificates that it would issue', async () => {
    const sandbox = new Sandbox();
    const text =
      'the CA ends in 60d, before certificates of client (90d), server (90d), peer (90d) would: ca issue refuses them; give it --validity, or set profiles.client.validity and the like in ca.json';
    const line = 'init --name A --no-passphrase --validity 60d';
    expect(await sandbox.json(`${line} --dry-run`)).toMatchObject({ warnings: [text] });
    expect(await sandbox.run(`${line} --quiet`)).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: `ca: ${text}\n`,
    });
    expect((await sandbox.run('issue billing')).exitCode).toBe(3);
    expect((await sandbox.run('issue billing --validity 50d')).exitCode).toBe(0);
  });

  it('asks for a passphrase twice on a terminal, and encrypts the key', async () => {
    const sandbox = new Sandbox();
    const keys = 'correct horse\rcorrect horse\r';
    const { exitCode, stderr } = await sandbox.run(['init', '--name', 'A'], { keys });
    expect({ exitCode, asked: stderr.split('\n').slice(0, 2) }).toEqual({
      exitCode: 0,
      asked: ['New passphrase for the CA key: ', 'The same again: '],
    });
    expect(sandbox.read('home', 'keys', 'root.key')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    expect((await sandbox.run('issue billing', { keys: 'correct horse\r' })).exitCode).toBe(0);
  });

  it('takes a passphrase file, another one for the root, and neither shows', async () => {
    const sandbox = new Sandbox();
    const daily = sandbox.write('daily', 'correct horse\n');
    const root = sandbox.write('root', 'battery staple\n');
    const flags = ['--passphrase-file', daily, '--root-passphrase-file', root];
    const outcome = await sandbox.run(['init', '--name', 'A', '--two-tier', ...flags]);
    expect(outcome.exitCode).toBe(0);
    expect(outcome.stdout + outcome.stderr).not.toMatch(/horse|staple/);
    expect((await sandbox.run(['issue', 'billing', '--passphrase-file', daily])).exitCode).toBe(0);
    expect((await sandbox.run(['issue', 'other', '--passphrase-file', root])).stderr).toContain(
      'the passphrase does not open the private key',
    );
  });

  it('makes nothing in a dry run', async () => {
    const sandbox = new Sandbox();
    const { stdout, stderr } = await sandbox.run('init --name A --no-passphrase --dry-run');
    expect([stdout.split('\n')[0], stderr]).toEqual(['would make the authority "A"', 'nothing was done\n']);
    expect(readdirSync(sandbox.directory)).toEqual([]);
  });
});
