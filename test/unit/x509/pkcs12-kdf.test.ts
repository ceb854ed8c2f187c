import fc from 'fast-check';
import forge from 'node-forge';
import { expect, test } from 'vitest';
import { bmpPassword, derivePkcs12 } from '../../../src/x509/pkcs12-kdf.ts';

test('a password becomes UTF-16 with two zero octets behind it (RFC 7292 appendix B.1)', () => {
  expect(Buffer.from(bmpPassword('Beavis')).toString('hex')).toBe('0042006500610076006900730000');
});

test('the smeg test vector of OpenSSL and Bouncy Castle comes out', () => {
  const derived = derivePkcs12({
    digest: 'sha1',
    purpose: 1,
    password: bmpPassword('smeg'),
    salt: Buffer.from('0a58cf64530d823f', 'hex'),
    iterations: 1,
    length: 24,
  });
  expect(Buffer.from(derived).toString('hex')).toBe('8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3');
});

test('derives what node-forge derives, for passwords, salts and lengths of several blocks', () => {
  const purpose = fc.constantFrom(1, 2, 3);
  fc.assert(
    fc.property(
      fc.constantFrom('sha1', 'sha256'),
      purpose,
      fc.string({ minLength: 1, maxLength: 80 }),
      fc.uint8Array({ minLength: 1, maxLength: 80 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 100 }),
      (digest, purpose, password, salt, iterations, length) => {
        const ours = derivePkcs12({
          digest: digest as 'sha1' | 'sha256',
          purpose: purpose as 1 | 2 | 3,
          password: bmpPassword(password),
          salt,
          iterations,
          length,
        });
        const theirs = forge.pkcs12.generateKey(
          password,
          forge.util.createBuffer(Buffer.from(salt).toString('binary')),
          purpose as 1 | 2 | 3,
          iterations,
          length,
          forge.md[digest as 'sha1' | 'sha256'].create(),
        );
        expect(Buffer.from(ours).toString('hex')).toBe(theirs.toHex());
      },
    ),
  );
});
