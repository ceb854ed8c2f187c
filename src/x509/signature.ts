import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { digestOf, type SignatureAlgorithm } from './signature-algorithm.ts';

/**
 * The public key of a SubjectPublicKeyInfo that `readSpki` has taken, opened for many checks: opening costs more
 * than one check of a signature.
 */
export function openPublicKey(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
}

/**
 * The key's signature of the octets: Ecdsa-Sig-Value in DER (RFC 3279 §2.2.3), PKCS#1 v1.5 (RFC 8017 §8.2) or
 * Ed25519 (RFC 8032 §5.1.6). The algorithm is one that the key can make (`canKeySign`).
 */
export function signBytes(key: KeyObject, algorithm: SignatureAlgorithm, bytes: Uint8Array): Uint8Array {
  return sign(digestOf(algorithm), bytes, key);
}

/** True if the signature over the octets is good under that key and algorithm; a malformed one is not. */
export function verifyBytes(
  spkiOrKey: Uint8Array | KeyObject,
  algorithm: SignatureAlgorithm,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = spkiOrKey instanceof Uint8Array ? openPublicKey(spkiOrKey) : spkiOrKey;
  return verify(digestOf(algorithm), bytes, key, signature);
}
