import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { digestOf, type SignatureAlgorithm } from './signature-algorithm.ts';
import { encodeSpki } from './subject-public-key-info.ts';

/**
 * The public key of a SubjectPublicKeyInfo that `readSpki` has taken, opened for many checks: opening costs more
 * than one check of a signature. Throws if OpenSSL does not take it.
 */
export function openPublicKey(spki: Uint8Array): KeyObject {
  const jwk = p256Jwk(spki);
  // Node 20's decoder of SubjectPublicKeyInfo takes 105 µs, where a JWK takes 70 and the check itself 64.
  if (jwk) return createPublicKey({ key: jwk, format: 'jwk' });
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

/**
 * {@link signBytes} on a thread of its own, while the caller goes on: for who has many to sign. The octets are copied first:
 * what becomes of them meanwhile is not signed.
 */
export function signBytesAside(
  key: KeyObject,
  algorithm: SignatureAlgorithm,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(digestOf(algorithm), bytes, key, (error, signature) => {
      if (error) reject(error);
      else resolve(signature);
    });
  });
}

/** {@link verifyBytes} on a thread of its own, while the caller goes on: for who has many to check. */
export async function verifyBytesAside(
  spkiOrKey: Uint8Array | KeyObject,
  algorithm: SignatureAlgorithm,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const key = spkiOrKey instanceof Uint8Array ? openPublicKey(spkiOrKey) : spkiOrKey;
  return new Promise((resolve, reject) => {
    verify(digestOf(algorithm), bytes, key, signature, (error, isGood) => {
      if (error) reject(error);
      else resolve(isGood);
    });
  });
}

/** All that comes before the two coordinates in the SubjectPublicKeyInfo of an uncompressed point on P-256. */
const p256Prefix = encodeSpki('p256', Uint8Array.of(4, ...new Uint8Array(64))).subarray(0, 27);

function p256Jwk(spki: Uint8Array) {
  if (spki.length !== p256Prefix.length + 64) return undefined;
  if (Buffer.compare(spki.subarray(0, p256Prefix.length), p256Prefix) !== 0) return undefined;
  const coordinates = Buffer.from(spki).subarray(p256Prefix.length);
  const x = coordinates.toString('base64url', 0, 32);
  const y = coordinates.toString('base64url', 32);
  return { kty: 'EC', crv: 'P-256', x, y };
}
