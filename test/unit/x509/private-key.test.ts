import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { KeyAlgorithm } from '../../../src/core/key-algorithm.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { encodePrivateKey, isEncrypted, readPrivateKey } from '../../../src/x509/private-key.ts';
import { freshKey } from '../../support/fresh-key.ts';
import { describeWith, runProgram } from '../../support/outside-program.ts';
import { refusalOf } from '../../support/refusal.ts';

const algorithms: readonly KeyAlgorithm[] = ['p256', 'p384', 'ed25519', 'rsa2048'];

describe('encodePrivateKey', () => {
  test.each(algorithms)('gives octet for octet what node:crypto exports (%s)', (algorithm) => {
    const { key, pair } = freshKey(algorithm);
    expect(Buffer.from(encodePrivateKey(pair))).toEqual(key.export({ type: 'pkcs8', format: 'der' }));
  });

  test('gives the key of RFC 8410 §10.3', () => {
    const seed = Buffer.from('d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842', 'hex');
    const pair = { algorithm: 'ed25519', privateKey: seed, publicKey: Buffer.alloc(32) } as const;
    expect(encodePem('PRIVATE KEY', encodePrivateKey(pair))).toBe(
      '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n',
    );
  });
});

describe('readPrivateKey', () => {
  test.each(algorithms)('reads its own %s', (algorithm) => {
    const { key, pair } = freshKey(algorithm);
    const pkcs8 = encodePrivateKey(pair);
    const read = readPrivateKey(encodePem('PRIVATE KEY', pkcs8));
    expect(read.algorithm).toBe(algorithm);
    expect(Buffer.from(read.pkcs8)).toEqual(Buffer.from(pkcs8));
    expect(read.key.equals(key)).toBe(true);
    expect(Buffer.from(read.spki)).toEqual(createPublicKey(key).export({ type: 'spki', format: 'der' }));
  });

  const { key } = freshKey('p256');
  const encrypted = key
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'geheim' })
    .toString();

  test('asks for the passphrase of an encrypted key', () => {
    expect(isEncrypted(encrypted)).toBe(true);
    expect(refusalOf(() => readPrivateKey(encrypted)).code).toBe('x509/passphrase-needed');
  });

  test('refuses a wrong passphrase', () => {
    expect(refusalOf(() => readPrivateKey(encrypted, 'gehein')).code).toBe('x509/wrong-passphrase');
    expect(refusalOf(() => readPrivateKey(encrypted, '')).code).toBe('x509/wrong-passphrase');
  });

  test('does not name the passphrase when it refuses it', () => {
    const refusal = refusalOf(() => readPrivateKey(encrypted, 'correct horse'));
    expect(JSON.stringify([refusal.message, refusal.hint, refusal.cause])).not.toContain('horse');
  });

  test('opens a key whose passphrase another program took in another Unicode form', () => {
    const decomposed = 'ge\u0068eu\u0308m';
    const pem = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: decomposed });
    expect(readPrivateKey(pem.toString(), decomposed).algorithm).toBe('p256');
  });

  test('does not look at a passphrase for a plain key', () => {
    const plain = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(isEncrypted(plain)).toBe(false);
    expect(readPrivateKey(plain, 'needless').algorithm).toBe('p256');
  });

  test('passes over certificates beside the key', () => {
    const plain = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(readPrivateKey(encodePem('CERTIFICATE', Buffer.of(0x30, 0)) + plain).algorithm).toBe('p256');
  });

  test.each([
    ['an empty file', ''],
    ['text', 'hello'],
    ['a certificate', encodePem('CERTIFICATE', Buffer.of(0x30, 0))],
    ['two keys', key.export({ type: 'pkcs8', format: 'pem' }).toString().repeat(2)],
    ['octets that are no key', encodePem('PRIVATE KEY', Buffer.from('secretsecret'))],
    [
      'a key that is cut off',
      encodePem('PRIVATE KEY', key.export({ type: 'pkcs8', format: 'der' }).subarray(0, -9)),
    ],
  ])('refuses %s', (_, pem) => {
    expect(refusalOf(() => readPrivateKey(pem)).code).toBe('x509/malformed-key');
  });

  test('says how to convert a key in an older format', () => {
    const sec1 = key.export({ type: 'sec1', format: 'pem' }).toString();
    const refusal = refusalOf(() => readPrivateKey(sec1));
    expect(refusal.message).toBe('private key is in the format EC PRIVATE KEY, not PKCS#8');
    expect(refusal.hint).toContain('openssl pkcs8 -topk8');
  });

  test('refuses a key on a curve that is not offered', () => {
    const pem = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    expect(refusalOf(() => readPrivateKey(pem)).code).toBe('x509/unsupported-key');
  });
});

describeWith('openssl')('readPrivateKey, of keys that openssl made', () => {
  const p256 = ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];

  test.each([
    ['EC', p256, 'p256'],
    ['Ed25519', ['genpkey', '-algorithm', 'ED25519'], 'ed25519'],
  ] as const)('reads what genpkey writes (%s)', (_, command, algorithm) => {
    expect(readPrivateKey(runProgram('openssl', command)).algorithm).toBe(algorithm);
  });

  test.each([
    ['genpkey', []],
    ['pkcs8 -topk8 with AES-128', ['-v2', 'aes128']],
    ['pkcs8 -topk8 with HMAC-SHA-512', ['-v2prf', 'hmacWithSHA512']],
    ['pkcs8 -topk8 with scrypt', ['-scrypt']],
  ])('opens PBES2 of %s', (_, options) => {
    const plain = runProgram('openssl', p256);
    const args = ['pkcs8', '-topk8', '-passout', 'pass:swörd fish', ...options];
    expect(readPrivateKey(runProgram('openssl', args, plain), 'swörd fish').algorithm).toBe('p256');
  });

  test('refuses 1,024 bits with the number that was too small', () => {
    const weak = runProgram('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024']);
    const refusal = refusalOf(() => readPrivateKey(weak));
    expect(refusal.code).toBe('x509/weak-key');
    expect(refusal.message).toContain('1024 bits < 2048');
  });
});
