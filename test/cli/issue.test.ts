import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../support/outside-program.ts';
import { issuedFiles, Sandbox, settle } from './sandbox.ts';

describe('ca issue', () => {
  it("takes a client's hook away with --hook ''", async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing --hook true');
    expect((await sandbox.run('show billing')).stdout).toMatch(/^ *hook +true$/m);
    expect((await sandbox.run(['issue', 'billing', '--again', '--hook', ''])).exitCode).toBe(0);
    expect((await sandbox.run('show billing')).stdout).not.toMatch(/^ *hook/m);
  });

  it('makes key and certificate, and shows how to attach them', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { exitCode, stdout, stderr } = await sandbox.run('issue billing');
    expect(exitCode).toBe(0);
    expect(settle(stdout, sandbox)).toMatchInlineSnapshot(`
      "issued a client certificate to billing
        subject        CN=billing
        serial         <serial>
        valid until    2027-02-20 (in 90 days)
        certificate    /tmp/home/clients/billing/billing.crt
        with chain     /tmp/home/clients/billing/billing-chain.crt
        private key    /tmp/home/clients/billing/billing.key
        key and chain  /tmp/home/clients/billing/billing.pem
        CA             /tmp/home/clients/billing/ca.crt
      "
    `);
    expect(settle(stderr, sandbox)).toMatchInlineSnapshot(`
      "
      attach it to a request:
        curl --cert /tmp/home/clients/billing/billing.pem https://…
      "
    `);
    expect(sandbox.mode('home', issuedFiles.privateKey)).toBe('600');
    expect(sandbox.mode('home', issuedFiles.bundle)).toBe('600');
    expect(sandbox.mode('home', issuedFiles.certificate)).toBe('644');
  });

  it('gives the documented JSON', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const result = await sandbox.json(
      'issue billing --dns a.acme.example,b.acme.example --uri spiffe://acme.example/billing --validity 30d',
    );
    const certificate = new X509Certificate(sandbox.read('home', issuedFiles.certificate));
    expect(result).toEqual({
      client: 'billing',
      serial: certificate.serialNumber.toLowerCase(),
      subject: 'CN=billing',
      profile: 'client',
      notBefore: '2026-11-22T09:25:00Z',
      notAfter: '2026-12-22T09:30:00Z',
      fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      files: Object.fromEntries(
        Object.entries(issuedFiles).map(([key, path]) => [key, `${sandbox.home}/${path}`]),
      ),
    });
    expect(certificate.subjectAltName).toBe(
      'DNS:a.acme.example, DNS:b.acme.example, URI:spiffe://acme.example/billing',
    );
  });

  it('signs a request from standard input, and says what it did not grant', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const request = runProgram(
      'openssl',
      ['req', '-new', '-newkey', 'ed25519', '-noenc', '-keyout', sandbox.path('own.key')].concat([
        '-subj',
        '/CN=somebody else',
        '-addext',
        'subjectAltName=DNS:evil.example',
      ]),
    );
    const { exitCode, stdout, stderr } = await sandbox.run('issue billing --csr - --out here', {
      input: Buffer.from(request),
    });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: 'ca: the request asked for more than was granted: dns:evil.example\n',
    });
    expect(stdout).toContain(`certificate  ${sandbox.path('here', 'billing.crt')}`);
    expect(existsSync(sandbox.path('here', 'billing.key'))).toBe(false);
  });

  it('prints key and chain alone with --out -, and writes no files', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { stdout, stderr } = await sandbox.run('issue billing --out -');
    expect(stdout.match(/-----BEGIN .*-----/g)).toEqual([
      '-----BEGIN PRIVATE KEY-----',
      '-----BEGIN CERTIFICATE-----',
    ]);
    expect(stderr).toBe('');
    expect(readdirSync(sandbox.path('home', 'clients'))).toEqual([]);
  });

  it('shows a PKCS#12 password that it made once, also with --quiet', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { stdout } = await sandbox.run('issue billing --p12 --quiet');
    expect(stdout).toMatch(/^ {2}PKCS#12 password {2}([0-9a-z]{5}-){4}[0-9a-z]{5}\n$/);
    expect((await sandbox.run('renew billing --force')).stdout).not.toContain('password');
  });

  it('remembers relative paths as absolute ones, since cron starts elsewhere', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.write('p12-password', 'correct horse\n');
    await sandbox.json('issue billing --out here --p12 compat --p12-password-file p12-password');
    expect(await sandbox.json('show billing')).toMatchObject({
      delivery: { kind: 'directory', path: sandbox.path('here') },
      pkcs12: { kind: 'compat', passwordFile: sandbox.path('p12-password') },
    });
  });

  it('refuses a second certificate unless asked --again', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { serial } = await sandbox.json<{ serial: string }>('issue billing');
    const { exitCode, stdout, stderr } = await sandbox.run('issue billing');
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: `ca: billing has a certificate until 2027-02-20: ${serial}\n  hint: for a further one: ca issue billing --again; to replace it before its time: ca renew billing --force\n`,
    });
    expect(await sandbox.json('issue billing --again')).toMatchObject({ supersedes: serial });
  });
});
