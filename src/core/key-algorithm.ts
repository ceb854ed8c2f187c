import { CaError } from './ca-error.ts';
import { quoted } from './printable.ts';

/** The kinds of key the tool makes and signs. RSA below 2048 bits and other curves are refused. */
export const keyAlgorithms = ['p256', 'p384', 'ed25519', 'rsa2048', 'rsa3072', 'rsa4096'] as const;

export type KeyAlgorithm = (typeof keyAlgorithms)[number];

/** True if a key takes tenths of a second and more to make, and not thousandths; one that comes with its CSR takes nothing. */
export function isSlowToMake(key: KeyAlgorithm | 'csr'): boolean {
  return key.startsWith('rsa');
}

/** The algorithm of that name. Throws `core/invalid-key-algorithm`. */
export function parseKeyAlgorithm(
  text: string,
  allowed: readonly KeyAlgorithm[] = keyAlgorithms,
): KeyAlgorithm {
  const found = allowed.find((name) => name === text.toLowerCase().replace(/[-_ ]/g, ''));
  if (!found) {
    throw new CaError('core/invalid-key-algorithm', `key ${quoted(text)} is not offered`, {
      hint: `use one of: ${allowed.join(', ')}`,
    });
  }
  return found;
}

/**
 * A fresh key pair in the raw form its generator gives, before PKCS#8 wraps it.
 *
 * EC: `privateKey` is the scalar, left-padded to the field's length, `publicKey` the uncompressed point
 * (SEC 1 §2.3.3). Ed25519: seed and public key, 32 octets each (RFC 8032). RSA: RSAPrivateKey and
 * RSAPublicKey in DER (RFC 8017 appendix A.1).
 */
export interface KeyPair {
  readonly algorithm: KeyAlgorithm;
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}
