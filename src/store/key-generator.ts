import { createECDH, type ECDH, generateKeyPair as generate } from 'node:crypto';
import { promisify } from 'node:util';
import type { GenerateKey } from '../authority/ports.ts';
import type { KeyPair } from '../core/key-algorithm.ts';

const generateKeyPair = promisify(generate);

/** The field's length decides the scalar's (SEC 1 §2.3.7). */
const curves = {
  p256: { name: 'prime256v1', octets: 32 },
  p384: { name: 'secp384r1', octets: 48 },
} as const;

const modulusLengths = { rsa2048: 2048, rsa3072: 3072, rsa4096: 4096 } as const;

/** Kept for the next key of the curve: what OpenSSL sets up for one takes as long as the key itself. */
const generators: Partial<Record<keyof typeof curves, ECDH>> = {};

/** A fresh key pair in raw form, from OpenSSL's generator. RSA keys have the exponent 65,537 (FIPS 186-5 §A.1.1). */
export const generateKey: GenerateKey = async (algorithm) => {
  if (algorithm === 'p256' || algorithm === 'p384') return generateEc(algorithm);
  return algorithm === 'ed25519' ? generateEd25519() : generateRsa(algorithm);
};

function generateEc(algorithm: keyof typeof curves): KeyPair {
  // Four times as fast as generateKeyPair, and raw already.
  generators[algorithm] ??= createECDH(curves[algorithm].name);
  const ecdh = generators[algorithm];
  const publicKey = ecdh.generateKeys();
  const scalar = ecdh.getPrivateKey();
  // One scalar in 256 begins with a zero octet, which getPrivateKey leaves away.
  return { algorithm, privateKey: leftPad(scalar, curves[algorithm].octets), publicKey };
}

async function generateEd25519(): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  // Both structures end with the 32 octets of the key itself (RFC 8410 §4, §7).
  return {
    algorithm: 'ed25519',
    privateKey: privateKey.subarray(-32),
    publicKey: publicKey.subarray(-32),
  };
}

async function generateRsa(algorithm: keyof typeof modulusLengths): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair('rsa', {
    modulusLength: modulusLengths[algorithm],
    publicExponent: 0x10001,
    privateKeyEncoding: { type: 'pkcs1', format: 'der' },
    publicKeyEncoding: { type: 'pkcs1', format: 'der' },
  });
  return { algorithm, privateKey, publicKey };
}

function leftPad(octets: Uint8Array, length: number): Uint8Array {
  const padded = new Uint8Array(length);
  padded.set(octets, length - octets.length);
  return padded;
}
