import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { AdoptResult } from '../../src/authority/adopt.ts';
import type { IssueResult } from '../../src/authority/issue-plan.ts';
import type { DrillResult } from '../../src/authority/restore.ts';
import type { RevokeResult } from '../../src/authority/revoke.ts';
import type { VerifyResult } from '../../src/authority/verify.ts';
import { openCa, writeSecret } from '../support/built-cli.ts';
import { describeWith, judge, runProgram, temporaryDirectory } from '../support/outside-program.ts';

describeWith('openssl')('an authority that came back from a backup (judged by openssl)', () => {
  it('knows its own certificates that the backup does not, and cuts them off', () => {
    const directory = temporaryDirectory();
    const home = `${directory}/home`;
    const ca = openCa(home);
    const secret = ['--passphrase-file', writeSecret(directory, 'passphrase', 'correct horse battery')];
    const own = ['--backup-passphrase-file', writeSecret(directory, 'own', 'staple of the backup')];
    const file = `${directory}/ca.tar.age`;

    ca.do('init', '--name', 'Acme API CA', '--two-tier', ...secret);
    const [billing] = ['billing', 'orders', 'shipping'].map((client) =>
      ca.do<IssueResult>('issue', client, ...secret),
    );
    ca.do('backup', file, ...own);
    ca.do<IssueResult>('issue', 'thief', '--out', `${directory}/thief`, ...secret);
    const before = ca.do<RevokeResult>('revoke', 'billing', ...secret);
    rmSync(home, { recursive: true });

    expect(ca.do<DrillResult>('restore', '--check', file, ...own, ...secret).valid).toBe(true);
    ca.do('restore', file, ...own, ...secret);
    // openssl itself: what was restored is the chain that signed the lost certificate.
    const certificate = `${directory}/thief/thief.crt`;
    const chain = ['-CAfile', `${home}/ca.crt`, '-untrusted', `${home}/chain.crt`];
    expect(runProgram('openssl', ['verify', ...chain, certificate])).toContain(': OK');

    const shown = ca.try<VerifyResult>('verify', certificate);
    expect(shown.exitCode).toBe(1);
    expect(shown.result.checks.filter(({ ok }) => !ok)).toEqual([
      { check: 'ledger', ok: false, detail: expect.stringContaining('ours but unknown to the ledger') },
    ]);
    expect(ca.do<AdoptResult>('ledger', 'adopt', certificate)).toMatchObject({
      client: 'thief',
      newClient: true,
    });
    expect(ca.do<VerifyResult>('verify', certificate).valid).toBe(true);

    const { crl } = ca.do<RevokeResult>('revoke', 'thief', '--reason', 'keyCompromise', ...secret);
    expect(BigInt(crl?.number ?? 0)).toBeGreaterThan(BigInt(before.crl?.number ?? 0));
    copyFileSync(`${home}/crl/all.crl.pem`, `${directory}/crls.pem`);
    const check = ['verify', '-crl_check_all', '-CRLfile', `${directory}/crls.pem`, ...chain];
    expect(judge('openssl', [...check, certificate]).text).toContain('certificate revoked');
    const orders = judge('openssl', [...check, `${home}/clients/orders/orders.crt`]);
    expect(orders.text).toContain(': OK');
    expect(ca.do<{ findings: readonly object[] }>('ledger', 'verify').findings).toEqual([]);
    // What was revoked after the backup has to be revoked again: its key came back with the backup, and is good for it.
    expect(readFileSync(`${home}/clients/billing/billing.key`, 'utf8')).toContain('PRIVATE KEY');
    expect(ca.do<RevokeResult>('revoke', billing?.serial ?? '', ...secret).revoked).toHaveLength(1);
  });
});
