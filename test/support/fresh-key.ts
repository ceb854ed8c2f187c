import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { KeyAlgorithm, KeyPair } from '../../src/core/key-algorithm.ts';

/** A fresh key in both forms: node:crypto's own, and the raw one of our `KeyPair`. RSA takes its time. */
export function freshKey(algorithm: KeyAlgorithm): { readonly key: KeyObject; readonly pair: KeyPair } {
  const key = generate(algorithm);
  return { key, pair: { algorithm, ...rawParts(key) } };
}

function generate(algorithm: KeyAlgorithm): KeyObject {
  switch (algorithm) {
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    default:
      return generateKeyPairSync('rsa', { modulusLength: Number(algorithm.slice(3)) }).privateKey;
  }
}

function rawParts(key: KeyObject): Pick<KeyPair, 'privateKey' | 'publicKey'> {
  if (key.asymmetricKeyType === 'rsa') {
    const { n = '', e = '' } = key.export({ format: 'jwk' });
    return {
      privateKey: key.export({ type: 'pkcs1', format: 'der' }),
      publicKey: rsaPublicKey(Buffer.from(n, 'base64url'), Buffer.from(e, 'base64url')),
    };
  }
  const { d = '', x = '', y } = key.export({ format: 'jwk' });
  const publicX = Buffer.from(x, 'base64url');
  return {
    privateKey: Buffer.from(d, 'base64url'),
    publicKey:
      y === undefined ? publicX : Buffer.concat([Buffer.of(4), publicX, Buffer.from(y, 'base64url')]),
  };
}

/** RSAPublicKey by hand, for moduli of 2,048 bits and more with the top bit set. */
function rsaPublicKey(modulus: Buffer, exponent: Buffer): Buffer {
  const long = (tag: number, content: Buffer) =>
    Buffer.concat([Buffer.of(tag, 0x82, content.length >> 8, content.length & 0xff), content]);
  const body = Buffer.concat([
    long(2, Buffer.concat([Buffer.of(0), modulus])),
    Buffer.of(2, exponent.length),
    exponent,
  ]);
  return long(0x30, body);
}
