import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { KeyAlgorithm } from '../../../src/core/key-algorithm.ts';
import {
  openPublicKey,
  signBytes,
  signBytesAside,
  verifyBytes,
  verifyBytesAside,
} from '../../../src/x509/signature.ts';
import { digestOf, signatureAlgorithmOf } from '../../../src/x509/signature-algorithm.ts';
import { freshKey } from '../../support/fresh-key.ts';

const bytes = Buffer.from('what is signed');

describe.each<KeyAlgorithm>(['p256', 'p384', 'ed25519', 'rsa2048'])('a signature with %s', (name) => {
  const { key } = freshKey(name);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const algorithm = signatureAlgorithmOf(name);
  const signature = signBytes(key, algorithm, bytes);

  test('is good for node:crypto', () => {
    expect(verify(digestOf(algorithm), bytes, createPublicKey(key), signature)).toBe(true);
  });

  test('is good under its key, opened or not', () => {
    expect(verifyBytes(spki, algorithm, bytes, signature)).toBe(true);
    expect(verifyBytes(openPublicKey(spki), algorithm, bytes, signature)).toBe(true);
  });

  test('made aside is of the bytes as they were', async () => {
    const changing = Buffer.from(bytes);
    const pending = signBytesAside(key, algorithm, changing);
    changing.fill(0);
    const aside = await pending;
    expect(verifyBytes(spki, algorithm, bytes, aside)).toBe(true);
    for (const from of [spki, openPublicKey(spki)])
      expect(await verifyBytesAside(from, algorithm, bytes, aside)).toBe(true);
    expect(await verifyBytesAside(spki, algorithm, changing, aside)).toBe(false);
  });

  test('is not good over other bytes', () => {
    expect(verifyBytes(spki, algorithm, Buffer.from('something else'), signature)).toBe(false);
  });

  test('is not good under another key', () => {
    const other = createPublicKey(freshKey(name).key).export({ type: 'spki', format: 'der' });
    expect(verifyBytes(other, algorithm, bytes, signature)).toBe(false);
  });

  test.each([0, 1, 31, 64, 300])('of %i zero octets is not good, and no crash', (length) => {
    expect(verifyBytes(spki, algorithm, bytes, new Uint8Array(length))).toBe(false);
  });
});

test('ECDSA signatures are DER, Ed25519 ones 64 octets', () => {
  expect(signBytes(freshKey('p256').key, 'ecdsa-with-SHA256', bytes)[0]).toBe(0x30);
  expect(signBytes(freshKey('ed25519').key, 'Ed25519', bytes)).toHaveLength(64);
});
