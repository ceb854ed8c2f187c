import { createPublicKey, KeyObject, sign, verify, webcrypto } from 'node:crypto';
import { digestOf, type SignatureAlgorithm } from './signature-algorithm.ts';
import { encodeSpki } from './subject-public-key-info.ts';

/**
 * The public key of a SubjectPublicKeyInfo that `readSpki` has taken, opened for many checks: opening costs more
 * than one check of a signature. Throws if OpenSSL does not take it.
 */
export function openPublicKey(spki: Uint8Array): KeyObject {
  const { curve: crv, point } = pointOf(spki) ?? {};
  // Node 20's decoder of SubjectPublicKeyInfo takes 105 µs, where a JWK takes 70 and the check itself 64.
  if (point && crv === 'P-256') {
    const [x, y] = [point.toString('base64url', 1, 33), point.toString('base64url', 33)];
    return createPublicKey({ key: { kty: 'EC', crv, x, y }, format: 'jwk' });
  }
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
  const key = spkiOrKey instanceof Uint8Array ? await openPublicKeyAside(spkiOrKey) : spkiOrKey;
  return new Promise((resolve, reject) => {
    verify(digestOf(algorithm), bytes, key, signature, (error, isGood) => {
      if (error) reject(error);
      else resolve(isGood);
    });
  });
}

/** {@link openPublicKey} for who has many to open: WebCrypto takes half its time for a point, and has to be loaded. */
async function openPublicKeyAside(spki: Uint8Array): Promise<KeyObject> {
  const { curve, point } = pointOf(spki) ?? {};
  if (!point) return openPublicKey(spki);
  const algorithm = { name: 'ECDSA', namedCurve: curve };
  return KeyObject.from(await webcrypto.subtle.importKey('raw', point, algorithm, true, ['verify']));
}

/** All that comes before the two coordinates in the SubjectPublicKeyInfo of an uncompressed point. */
const pointPrefixes = [
  { curve: 'P-256', prefix: encodeSpki('p256', Uint8Array.of(4, ...new Uint8Array(64))).subarray(0, -64) },
  { curve: 'P-384', prefix: encodeSpki('p384', Uint8Array.of(4, ...new Uint8Array(96))).subarray(0, -96) },
];

/** The uncompressed point of a SubjectPublicKeyInfo (SEC 1 §2.3.3), if it has one. */
function pointOf(spki: Uint8Array): { readonly curve: string; readonly point: Buffer } | undefined {
  const found = pointPrefixes.find(
    ({ prefix }) => Buffer.compare(spki.subarray(0, prefix.length), prefix) === 0,
  );
  return found && { curve: found.curve, point: Buffer.from(spki).subarray(found.prefix.length - 1) };
}
