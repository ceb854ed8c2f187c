import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Sandbox } from './sandbox.ts';

const issuedFiles = {
  directory: 'clients/billing',
  certificate: 'clients/billing/billing.crt',
  chain: 'clients/billing/billing-chain.crt',
  ca: 'clients/billing/ca.crt',
  privateKey: 'clients/billing/billing.key',
  bundle: 'clients/billing/billing.pem',
};

/** The sandbox's own parts of what was printed, by names that stay. */
function settle(text: string, { directory }: Sandbox): string {
  return text
    .replaceAll(directory, '/tmp')
    .replace(/\b[0-9a-f]{64}\b/g, '<sha256>')
    .replace(/\b[0-9a-f]{32}\b/g, '<serial>');
}

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
        back up, keys and record        /tmp/home
        the CA key is not encrypted     ca passphrase changes that
      "
    `);
    expect(sandbox.mode('home')).toBe('700');
    expect(sandbox.mode('home', 'keys', 'root.key')).toBe('600');
    expect(sandbox.mode('home', 'ca.crt')).toBe('644');
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
      },
    });
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

describe('ca issue', () => {
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
    const request = execFileSync(
      'openssl',
      ['req', '-new', '-newkey', 'ed25519', '-noenc', '-keyout', sandbox.path('own.key')].concat([
        '-subj',
        '/CN=somebody else',
        '-addext',
        'subjectAltName=DNS:evil.example',
      ]),
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const { exitCode, stdout, stderr } = await sandbox.run('issue billing --csr - --out here', {
      input: request,
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

describe('ca list, show and status', () => {
  it('show what there is', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    await sandbox.run('issue api --profile server --dns api.acme.example --validity 10d --hook true');
    await sandbox.run('revoke billing --reason keyCompromise');
    sandbox.now = new Date('2026-11-24T09:30:00Z');
    expect(settle((await sandbox.run('list')).stdout, sandbox)).toMatchInlineSnapshot(`
      "CLIENT   SERIAL                            STATUS   PROFILE  EXPIRES
      billing  <serial>  revoked  client   2027-02-20  revoked 2 days ago, keyCompromise
      api      <serial>  active   server   2026-12-02  in 8 days
      "
    `);
    expect(settle((await sandbox.run('show api')).stdout, sandbox)).toMatchInlineSnapshot(`
      "client         api
      added          2026-11-22 (2 days ago)
      profile        server
      names          dns:api.acme.example
      key            p256
      validity       10d
      hook           true
      delivered to   /tmp/home/clients/api
      key and chain  /tmp/home/clients/api/api.pem

      CLIENT  SERIAL                            STATUS  PROFILE  EXPIRES
      api     <serial>  active  server   2026-12-02  in 8 days
      "
    `);
    expect(
      settle(
        (await sandbox.run('status', { terminal: true, environment: { NO_COLOR: '1' } })).stdout,
        sandbox,
      ).replace(/number \d+/, 'number <number>'),
    ).toMatchInlineSnapshot(`
      "authority     Acme API CA
      home          /tmp/home
      ends          2036-11-19 (in 10 years)
      clients       2
      certificates  1 active, 0 superseded, 1 revoked, 0 expired
      CRL           fresh, until 2026-12-22 (in 28 days), 1 revoked, number <number>
      due now       none
      undelivered   none
      expiring      ·█··········█  next 13 weeks, at most 1 a week
      "
    `);
  });

  it('give the documented JSON', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    await sandbox.run('revoke billing --reason superseded');
    const row = {
      client: 'billing',
      serial: expect.stringMatching(/^[0-9a-f]{32}$/),
      status: 'revoked',
      profile: 'client',
      subject: 'CN=billing',
      notBefore: '2026-11-22T09:25:00Z',
      notAfter: '2027-02-20T09:30:00Z',
      revokedAt: '2026-11-22T09:30:00Z',
      reason: 'superseded',
    };
    expect(await sandbox.json('list')).toEqual([row]);
    expect(await sandbox.json('show billing')).toMatchObject({
      client: 'billing',
      key: 'p256',
      certificates: [row],
    });
    const { status, problems } = await sandbox.json<{ status: unknown; problems: unknown }>('status');
    expect({ status, problems }).toEqual({ status: undefined, problems: [] });
  });

  it('are decorated on a terminal, and say the same', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    for (const line of ['list', 'show billing', 'status']) {
      const colourful = await sandbox.run(line, { terminal: true });
      expect(colourful.stdout).toContain('\u001b[');
      expect(stripVTControlCharacters(colourful.stdout)).toBe(
        (await sandbox.run(`${line} --no-color`, { terminal: true })).stdout,
      );
    }
  });

  it('filter by status, client and expiry', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue short --validity 10d');
    await sandbox.run('issue long');
    await sandbox.run('revoke long');
    const clients = async (line: string) =>
      (await sandbox.json<{ client: string }[]>(line)).map(({ client }) => client);
    expect(await clients('list --status active')).toEqual(['short']);
    expect(await clients('list --client long')).toEqual(['long']);
    expect(await clients('list --expiring 30d')).toEqual(['short']);
  });

  it('find a certificate by any spelling of its serial and by its file', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { serial } = await sandbox.json<{ serial: string }>('issue billing');
    const colons = serial.toUpperCase().match(/../g)?.join(':') ?? '';
    for (const word of [serial, colons, `0x${serial}`, `home/${issuedFiles.certificate}`]) {
      expect(await sandbox.json(['show', word])).toMatchObject({
        serial,
        pem: expect.stringContaining('BEGIN'),
      });
    }
  });

  it('answer no when something needs a person', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.now = new Date('2027-01-22T09:30:00Z');
    const { exitCode, stdout, stderr } = await sandbox.run('status');
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout).toContain('problem: the CRL expired at 2026-12-22T09:30:00Z');
  });
});

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
    expect(readdirSync(sandbox.path('copy'))).toEqual(['ca.crl', 'ca.crl.pem']);
    expect(await sandbox.json('crl')).toMatchObject({ entries: 0, why: 'asked for', files: {} });
    expect((await sandbox.run('crl --dry-run')).stdout).toBe('would publish a new CRL: asked for\n');
  });
});

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
});

describe('ca verify', () => {
  it('answers each check as a line', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { serial } = await sandbox.json<{ serial: string }>('issue billing');
    expect(await sandbox.json(`verify ${serial}`)).toMatchObject({
      valid: true,
      serial,
      subject: 'CN=billing',
    });
    await sandbox.run('revoke billing');
    const { exitCode, stdout } = await sandbox.run(`verify home/${issuedFiles.certificate}`);
    expect(exitCode).toBe(1);
    expect(settle(stdout, sandbox)).toMatchInlineSnapshot(`
      "no, a server would refuse <serial> (CN=billing)
        ok  chain    signed by the root
        ok  dates    valid until 2027-02-20T09:30:00Z, 90d more
        ok  profile  client: clientAuth
        NO  crl      it was revoked on 2026-11-22T09:30:00Z (unspecified)
        NO  ledger   revoked on 2026-11-22T09:30:00Z (unspecified)
      "
    `);
  });
});

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
      execFileSync(
        'openssl',
        ['pkcs12', '-in', sandbox.path(file), '-noout', '-passin', `file:${password}`],
        {
          stdio: 'ignore',
        },
      );
    }
  });
});

describe('ca ledger', () => {
  it('verifies the record and exports it as one document', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    expect(await sandbox.json('ledger verify')).toEqual({
      entries: 5,
      head: expect.stringMatching(/^[0-9a-f]{64}$/),
      certificates: 1,
      revocations: 0,
      findings: [],
    });
    const { head, entries } = await sandbox.json<{ head: { seq: number }; entries: unknown[] }>(
      'ledger export',
    );
    expect(head).toMatchObject({ seq: 5, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const lines = sandbox.read('home', 'ledger', '00000001.jsonl').trim().split('\n');
    expect(entries).toEqual(lines.map((line) => JSON.parse(line)));
  });

  it('answers no for a record that was changed', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    const ledger = 'home/ledger/00000001.jsonl';
    sandbox.write(ledger, sandbox.read(ledger).replace('"client":"billing"', '"client":"bolling"'));
    const { exitCode, stdout } = await sandbox.run('ledger verify');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^the ledger is not whole: 1 finding\n {2}.*00000001\.jsonl/);
  });
});

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
