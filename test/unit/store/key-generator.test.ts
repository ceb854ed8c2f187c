import { createECDH, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { KeyPair } from '../../../src/core/key-algorithm.ts';
import { randomOctets } from '../../../src/store/entropy.ts';
import { generateKey } from '../../../src/store/key-generator.ts';

describe('generateKey', () => {
  it.each([
    ['p256', 'prime256v1', 32, 600],
    ['p384', 'secp384r1', 48, 60],
  ] as const)(
    'gives %s as padded scalar and uncompressed point that belong together',
    async (algorithm, curve, octets, rounds) => {
      // One scalar in 256 is short before it is padded.
      for (let round = 0; round < rounds; round++) {
        const { privateKey, publicKey } = await generateKey(algorithm);
        expect(privateKey).toHaveLength(octets);
        expect(publicKey).toHaveLength(1 + 2 * octets);
        expect(publicKey[0]).toBe(4);
        const ecdh = createECDH(curve);
        ecdh.setPrivateKey(privateKey);
        if (!ecdh.getPublicKey().equals(publicKey)) throw new Error('the halves do not belong together');
      }
    },
  );

  it('gives Ed25519 as seed and public key (RFC 8032 §5.1.5)', async () => {
    const { algorithm, privateKey, publicKey } = await generateKey('ed25519');
    expect([algorithm, privateKey.length, publicKey.length]).toEqual(['ed25519', 32, 32]);
    const jwk = { kty: 'OKP', crv: 'Ed25519', d: base64url(privateKey), x: base64url(publicKey) };
    const text = Buffer.from('x');
    const signature = sign(null, text, createPrivateKey({ key: jwk, format: 'jwk' }));
    expect(verify(null, text, createPublicKey({ key: jwk, format: 'jwk' }), signature)).toBe(true);
  });

  it.each([
    ['rsa2048', 2048],
    ['rsa3072', 3072],
  ] as const)(
    'gives %s in PKCS#1 DER with the exponent 65537 (RFC 8017 appendix A.1)',
    async (algorithm, bits) => {
      const pair: KeyPair = await generateKey(algorithm);
      const key = createPrivateKey({ key: Buffer.from(pair.privateKey), format: 'der', type: 'pkcs1' });
      expect(key.asymmetricKeyDetails).toMatchObject({ modulusLength: bits, publicExponent: 65537n });
      expect(createPublicKey(key).export({ format: 'der', type: 'pkcs1' })).toEqual(
        Buffer.from(pair.publicKey),
      );
    },
  );

  it('never gives the same key twice', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => generateKey('p256')));
    expect(new Set(keys.map(({ privateKey }) => base64url(privateKey))).size).toBe(20);
  });
});

it('randomOctets gives as many octets as asked for, and others each time', () => {
  expect(randomOctets(16)).toHaveLength(16);
  expect(randomOctets(16)).not.toEqual(randomOctets(16));
});

function base64url(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64url');
}
