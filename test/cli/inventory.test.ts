import { chmodSync, rmSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { issuedFiles, Sandbox, settle } from './sandbox.ts';

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
      expiring      ·█···········  next 13 weeks, at most 1 a week
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

  it('say that files are gone: a warning where a person may have taken them, a problem where a program reads them', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    await sandbox.run('issue web --out tls');
    rmSync(sandbox.path('home', 'clients', 'billing'), { recursive: true });
    const handed = `the files of billing are gone from ${sandbox.path('home', 'clients', 'billing')}; unless the client has them, run: ca renew billing --force`;
    expect(await sandbox.json('status')).toMatchObject({ problems: [], warnings: [handed] });
    const shown = await sandbox.run('show billing');
    expect([shown.exitCode, shown.stderr]).toEqual([0, `ca: ${handed}\n`]);
    expect(await sandbox.json('show web')).not.toHaveProperty('problem');

    rmSync(sandbox.path('tls'), { recursive: true });
    const missed = `the files of web are gone from ${sandbox.path('tls')}; run: ca renew web --force`;
    expect(await sandbox.json('status', 1)).toMatchObject({ problems: [missed], warnings: [handed] });
    expect((await sandbox.run('renew web')).stdout).toContain(`but ${missed}\n`);
    await sandbox.run('renew web billing --force');
    expect(await sandbox.json('status')).toMatchObject({ problems: [], warnings: [] });
  });

  it.skipIf(process.platform === 'win32')(
    'say what others may write to, or refuse where that could run commands',
    async () => {
      const sandbox = new Sandbox();
      await sandbox.init();
      for (const name of ['keys', 'ledger', 'crl', 'ca.crt']) chmodSync(sandbox.path('home', name), 0o777);
      expect(await sandbox.json('status', 1)).toMatchObject({
        problems: [
          expect.stringMatching(/^others than their owner may write to .*keys, .*; run: chmod -R go-w /),
        ],
      });
      chmodSync(sandbox.path('home', 'ca.json'), 0o666);
      for (const line of ['issue billing', 'renew', 'status', 'list', 'ledger verify', 'backup copy.tar']) {
        expect(await sandbox.run(line)).toEqual({
          exitCode: 3,
          stdout: '',
          stderr: expect.stringContaining(
            'ca.json has mode 0666: others than its owner may write to it\n  hint: ',
          ),
        });
      }
      chmodSync(sandbox.path('home', 'ca.json'), 0o644);
      chmodSync(sandbox.home, 0o777);
      expect(await sandbox.json('renew', 3)).toMatchObject({ error: { code: 'store/insecure-mode' } });
      // So that servers can read ca.crt and crl/.
      chmodSync(sandbox.home, 0o711);
      expect((await sandbox.run('renew')).exitCode).toBe(0);
    },
  );

  it('answer no when something needs a person', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.now = new Date('2027-01-22T09:30:00Z');
    const { exitCode, stdout, stderr } = await sandbox.run('status');
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout).toContain('problem: the CRL expired at 2026-12-22T09:30:00Z');
  });
});
