import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FaultField } from '../../support/fault-field.ts';
import { runProgram } from '../../support/outside-program.ts';

describe('a record that was put back from an old backup, beside the CRL of today', () => {
  const field = FaultField.withAuthority('--no-passphrase');
  field.do('issue', 'billing');
  field.do('issue', 'orders');
  const record = field.path('home/ledger/00000001.jsonl');
  const old = readFileSync(record);
  const { crl } = field.do('revoke', 'billing');
  writeFileSync(record, old);

  it('is told by ca ledger verify and ca status', () => {
    expect(field.run(['ledger', 'verify']).exitCode).toBe(1);
    expect(field.run(['status']).exitCode).toBe(1);
  });

  it('gives the next CRL a greater number (RFC 5280 §5.2.3)', () => {
    const copy = field.copy();
    copyFileSync(copy.path('home/crl/ca.crl'), copy.path('before.crl'));
    const { exitCode, stdout } = copy.run(['crl', '--json']);
    const { number, rollback } = JSON.parse(stdout);
    expect([exitCode, rollback.code]).toEqual([1, 'ledger/rolled-back']);
    expect(BigInt(number)).toBeGreaterThan(BigInt(crl.number));
  });

  // What the CA revoked and the record forgot: cron publishes a list without it, and servers let the thief in again.
  it('does not let a revoked client in again through the next ca renew', () => {
    const copy = field.copy();
    copy.run(['renew']);
    const { entries } = JSON.parse(copy.run(['status', '--json']).stdout).crl;
    const { stdout } = copy.run(['verify', '--json', copy.path('home/clients/billing/billing.crt')]);
    expect([entries, JSON.parse(stdout).valid]).toEqual([1, false]);
  });

  it('keeps on the list, for ever, what was issued and revoked after the backup', () => {
    const other = FaultField.withAuthority('--no-passphrase');
    const ledger = other.path('home/ledger/00000001.jsonl');
    const backup = readFileSync(ledger);
    const { serial } = other.do('issue', 'thief');
    other.do('revoke', 'thief');
    writeFileSync(ledger, backup);
    const exitCodes = [0, 1, 2].map(() => other.run(['crl']).exitCode);
    expect(exitCodes).toEqual([1, 0, 0]);
    other.do('issue', 'billing');
    other.do('revoke', 'billing');
    const list = runProgram('openssl', ['crl', '-noout', '-text', '-in', other.path('home/crl/ca.crl.pem')]);
    expect(list.replaceAll(':', '').toLowerCase()).toContain(serial);
    expect(list.match(/Serial Number/g)).toHaveLength(2);
    expect(other.run(['ledger', 'verify']).exitCode).toBe(0);
  });

  // Whoever restores a whole backup puts the old CRL and head back with the ledger: only the copies know better.
  it('takes along what the copies of its CRL say, before it overwrites them', () => {
    const other = FaultField.withAuthority('--no-passphrase');
    const settings = JSON.parse(readFileSync(other.path('home/ca.json'), 'utf8'));
    settings.crl.copyTo = [other.path('web')];
    writeFileSync(other.path('home/ca.json'), JSON.stringify(settings));
    const { serial } = other.do('issue', 'billing');
    other.do('crl');
    cpSync(other.home, other.path('backup'), { recursive: true, verbatimSymlinks: true });
    other.do('revoke', 'billing');
    const newer = readFileSync(other.path('web/ledger.head'), 'utf8');
    rmSync(other.home, { recursive: true });
    cpSync(other.path('backup'), other.home, { recursive: true, verbatimSymlinks: true });
    expect(other.run(['status']).exitCode).toBe(1);
    expect(other.run(['renew']).exitCode).toBe(1);
    const list = runProgram('openssl', ['crl', '-noout', '-text', '-in', other.path('web/ca.crl.pem')]);
    expect(list.replaceAll(':', '').toLowerCase()).toContain(serial);
    const lost = readdirSync(other.path('home/crl')).filter((name) => name.startsWith('lost-'));
    expect(lost.map((name) => readFileSync(other.path('home/crl', name), 'utf8'))).toEqual([newer]);
    expect(other.run(['status']).exitCode).toBe(0);
    rmSync(other.path('web'), { recursive: true });
    expect(other.run(['status']).exitCode).toBe(1);
    other.do('crl', '--if-due');
    expect(other.run(['status']).exitCode).toBe(0);
  });

  it('knows a list in place whose PEM was lost or damaged', () => {
    const copy = field.copy();
    copy.run(['renew']);
    expect(copy.run(['status']).exitCode).toBe(0);
    writeFileSync(copy.path('home/crl/ca.crl.pem'), 'damaged');
    expect(copy.run(['status']).exitCode).toBe(1);
    copy.run(['renew']);
    expect(copy.run(['status']).exitCode).toBe(0);
  });
});
