import { describe, expect, it } from 'vitest';
import { issuedFiles, Sandbox, settle } from './sandbox.ts';

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

  it('says who would accept a certificate that is for servers alone', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const issued = await sandbox.json<{ serial: string }>(
      'issue api --profile server --dns api.acme.example',
    );
    expect((await sandbox.run(`verify ${issued.serial}`)).stdout).toMatch(
      /^yes, a client would accept a server with [0-9a-f]{32} \(CN=api\)\n/,
    );
    expect(await sandbox.json(`verify ${issued.serial}`)).toMatchObject({
      valid: true,
      purposes: ['serverAuth'],
    });
  });

  it('takes no other word than a file or a serial', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    expect(await sandbox.run('verify billing')).toMatchObject({
      exitCode: 3,
      stderr:
        'ca: there is no file "billing", and it is not a serial\n' +
        '  hint: name a file with a certificate; ca list shows the serials, ca show CLIENT where the files are\n',
    });
  });
});
