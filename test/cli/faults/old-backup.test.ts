import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
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
    const { number } = copy.do('crl', '--yes').crl ?? copy.do('crl', '--yes');
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
    for (let run = 0; run < 3; run++) other.do('crl');
    other.do('issue', 'billing');
    other.do('revoke', 'billing');
    const list = runProgram('openssl', ['crl', '-noout', '-text', '-in', other.path('home/crl/ca.crl.pem')]);
    expect(list.replaceAll(':', '').toLowerCase()).toContain(serial);
    expect(list.match(/Serial Number/g)).toHaveLength(2);
    expect(other.run(['ledger', 'verify']).exitCode).toBe(0);
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
