import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FaultField } from '../../support/fault-field.ts';

const field = FaultField.withAuthority('--no-passphrase');
const { serial }: { serial: string } = field.do('issue', 'billing');
const octets = serial.match(/../g) ?? [];

describe('a serial', () => {
  it.each([
    ['as it is', serial],
    ['in capitals', serial.toUpperCase()],
    ['with colons', octets.join(':')],
    ['with colons in capitals', octets.join(':').toUpperCase()],
    ['with spaces', octets.join(' ')],
    ['with 0x', `0x${serial}`],
    ['with 0X in capitals', `0X${serial.toUpperCase()}`],
    ['with leading zeros', `0000${serial}`],
    ['with a leading zero octet and colons', `00:${octets.join(':')}`],
    ['as openssl prints it', `serial=${serial.toUpperCase()}`],
  ])('is understood %s', (_how, spelling) => {
    expect(field.do('show', spelling).serial ?? field.do('show', spelling).certificate?.serial).toBe(serial);
    expect(field.do('revoke', spelling, '--dry-run').revoked).toMatchObject([{ client: 'billing', serial }]);
  });

  it.each(['show', 'revoke', 'verify'])('that was never issued is refused by ca %s', (command) => {
    expect(field.refusal([command, `${'f'.repeat(30)}00`])).toMatch(
      /^exit 3, ledger\/unknown-serial\n.*serial <serial> is not in the ledger\nhint: .*ca list$/,
    );
  });

  it('that is cut short is no certificate', () => {
    expect(field.refusal(['revoke', serial.slice(0, 10)])).toMatch(
      /^exit 3, ledger\/unknown-client\nthere is no client, certificate or file/,
    );
  });

  it('of more than 20 octets is refused', () => {
    expect(field.refusal(['revoke', 'ab'.repeat(21)])).toMatchInlineSnapshot(`
      "exit 3, core/invalid-serial
      serial has 22 octets > 20 allowed (RFC 5280 §4.1.2.2)
      hint: list the serials with: ca list"
    `);
  });

  it('of the root is not one of a client', () => {
    const { stdout } = field.run(['ledger', 'export']);
    expect(stdout).toContain('authority-created');
    expect(field.refusal(['revoke', './home/ca.crt'])).toMatch(/^exit 3, ledger\/unknown-serial/);
  });

  it('and a client come before a file that is called like them', () => {
    const copy = field.copy();
    writeFileSync(copy.path('billing'), 'a file');
    expect(copy.run(['revoke', 'billing', '--dry-run']).exitCode).toBe(0);
    expect(copy.run(['revoke', './billing', '--dry-run']).exitCode).toBe(3);
  });

  it('that is revoked twice is said, once', () => {
    const copy = field.copy();
    copy.do('revoke', serial);
    const before = copy.files();
    const { exitCode, stdout } = copy.run(['revoke', serial]);
    expect([exitCode, copy.normalize(stdout)]).toMatchInlineSnapshot(`
      [
        0,
        "<serial> of billing was revoked already, now (unspecified)
        number      <number>
        entries     1 revoked certificate
        good until  <day> (in 30 days)
        DER         <work>/home/crl/ca.crl
        PEM         <work>/home/crl/ca.crl.pem
      ",
      ]
    `);
    expect(copy.files()).toEqual(before);
  });
});
