import { createPublicKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { CaError } from '../../../src/core/ca-error.ts';
import { encryptPrivateKey, keyIterations } from '../../../src/x509/pkcs8-encryption.ts';
import { encodePrivateKey, readPrivateKey } from '../../../src/x509/private-key.ts';
import { freshKey } from '../../support/fresh-key.ts';
import { describeWith, runProgram } from '../../support/outside-program.ts';

const random = { salt: Buffer.alloc(16, 1), iv: Buffer.alloc(16, 2) };
const { key, pair } = freshKey('p256');
const pkcs8 = encodePrivateKey(pair);

test('what was encrypted is read back, and costs 600,000 iterations (design §7)', () => {
  expect(keyIterations).toBe(600_000);
  const pem = encryptPrivateKey(pkcs8, 'correct horse', random);
  expect(Buffer.from(readPrivateKey(pem, 'correct horse').pkcs8)).toEqual(Buffer.from(pkcs8));
});

test('takes a passphrase in Unicode form NFC, however it was typed', () => {
  const pem = encryptPrivateKey(pkcs8, 'u\u0308bel', random);
  expect(readPrivateKey(pem, '\u00fcbel').algorithm).toBe('p256');
});

test.each([
  ['empty', ''],
  ['too long', 'x'.repeat(1025)],
  ['with a line break', 'two\nlines'],
  ['with NUL', 'cut\0off'],
])('refuses a passphrase that is %s', (_, passphrase) => {
  expect(() => encryptPrivateKey(pkcs8, passphrase, random)).toThrow(CaError);
});

describeWith('openssl')('encryptPrivateKey, judged by openssl', () => {
  test('openssl pkey opens it', () => {
    const pem = encryptPrivateKey(pkcs8, 'pässwörd 漢字 😀', random);
    const spki = runProgram('openssl', ['pkey', '-passin', 'pass:pässwörd 漢字 😀', '-pubout'], pem);
    expect(spki).toBe(createPublicKey(key).export({ type: 'spki', format: 'pem' }));
  });

  test('openssl asn1parse shows PBES2, PBKDF2, HMAC-SHA-256, AES-256-CBC and the count', () => {
    const pem = encryptPrivateKey(pkcs8, 'x', random);
    const text = runProgram('openssl', ['asn1parse'], pem);
    for (const word of ['PBES2', 'PBKDF2', ':0927C0', 'hmacWithSHA256', 'aes-256-cbc'])
      expect(text).toContain(word);
  });
});
