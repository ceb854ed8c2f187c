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
const shim = field.path('faulty-sign.cjs');
writeFileSync(
  shim,
  `const crypto = require('node:crypto');
const { sign } = crypto;
const flip = (signature) => ((signature[signature.length - 1] ^= 1), signature);
crypto.sign = (...args) => {
  const done = args.at(-1);
  if (typeof done !== 'function') return flip(sign(...args));
  return sign(...args.slice(0, -1), (error, signature) => done(error, signature && flip(signature)));
};
`,
);

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
  ])('never leaves, and nothing is left of what it was for: ca %s', (command) => {
    const args = command.split(' ');
    const before = field.files();
    const env = { NODE_OPTIONS: `--require ${shim}`, NODE_DISABLE_COMPILE_CACHE: '1' };
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
  });
});
