import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FaultField } from '../../support/fault-field.ts';

const field = FaultField.withAuthority('--no-passphrase', '--two-tier');
field.do('issue', 'billing');
field.do('issue', 'shipping');
writeFileSync(
  field.path('clients.csv'),
  ['client', ...Array.from({ length: 8 }, (_, index) => `listed-${index}`)].join('\n'),
);
writeFileSync(field.path('leavers.txt'), 'billing\nshipping\n');

/** Loaded before the program: one bit of each signature is wrong, as memory or a processor that fails would have it. */
function faultySign(name: string, isFaulty: string): string {
  const path = field.path(name);
  writeFileSync(
    path,
    `const crypto = require('node:crypto');
const { sign } = crypto;
const flip = (bytes, signature) => {
  if (${isFaulty}) signature[signature.length - 1] ^= 1;
  return signature;
};
crypto.sign = (algorithm, bytes, key, done) => {
  if (done === undefined) return flip(bytes, sign(algorithm, bytes, key));
  return sign(algorithm, bytes, key, (error, signature) => done(error, signature && flip(bytes, signature)));
};
`,
  );
  return path;
}

const shim = faultySign('faulty-sign.cjs', 'true');
/** What is signed in DER is a SEQUENCE; a head is text. */
const headShim = faultySign('faulty-head.cjs', 'bytes[0] !== 0x30');

describe('a signature that does not verify', () => {
  it.each([
    'init --name Another --no-passphrase --home other',
    'issue orders',
    'issue orders --out delivery',
    'issue orders --out -',
    'issue billing --again',
    'issue --from clients.csv',
    'renew billing --force',
    'revoke billing',
    'revoke --from leavers.txt',
    'crl',
    'crl --root',
    'ledger head',
  ])('never leaves, and nothing is left of what it was for: ca %s', (command) => expectBug(command, shim));

  it.each(['issue orders', 'issue --from clients.csv', 'renew billing --force', 'revoke billing', 'crl'])(
    'of a head that does not verify nothing is on record either: ca %s',
    (command) => expectBug(command, headShim),
  );
});

function expectBug(command: string, preloaded: string): void {
  const args = command.split(' ');
  const before = field.files();
  const env = { NODE_OPTIONS: `--require ${preloaded}`, NODE_DISABLE_COMPILE_CACHE: '1' };
  const told = field.run(args, { env });
  expect(told.stdout).toBe('');
  expect(told.stderr).toMatch(/^ca: internal error: the signature just made does not verify\n {2}Error: /);
  expect(told.stderr).toContain('  this is a bug in private-ca ');
  expect(told.stderr).toContain('  hint: please report it, ');
  expect(told.exitCode).toBe(70);
  const json = field.run([...args, '--json'], { env });
  expect(JSON.parse(json.stdout).error).toEqual({
    code: 'bug',
    message: 'internal error: the signature just made does not verify',
  });
  expect(json.exitCode).toBe(70);
  expect(field.files()).toEqual(before);
}
