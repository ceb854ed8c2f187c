import { createECDH, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { CaError } from '../core/ca-error.ts';
import type { KeyAlgorithm, KeyPair } from '../core/key-algorithm.ts';
import { bitString, explicit, integer, octetString, sequence } from './der-writer.ts';
import { decodePem } from './pem.ts';
import { algorithmIdentifiers, encodeSpki, readSpki } from './subject-public-key-info.ts';

/** A private key that was read, opened once for all its signatures. */
export interface PrivateKey {
  readonly key: KeyObject;
  readonly algorithm: KeyAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** PKCS#8, DER, not encrypted. */
  readonly pkcs8: Uint8Array;
}

/**
 * The key as PKCS#8 DER (RFC 5958 §2, version 0), octet for octet as OpenSSL writes it.
 *
 * EC keys carry their point and leave the curve to the outer algorithm (RFC 5915 §3); Ed25519 keys are the seed
 * alone (RFC 8410 §7).
 */
export function encodePrivateKey(pair: KeyPair): Uint8Array {
  return sequence(version0, algorithmIdentifiers[pair.algorithm], octetString(privateKeyOctets(pair)));
}

/** True if the PEM holds a private key that opens with a passphrase alone. */
export function isEncrypted(pem: string): boolean {
  return pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
}

/**
 * The key of a PEM file with one PKCS#8 block: `PRIVATE KEY`, or `ENCRYPTED PRIVATE KEY` under any PBES2 that
 * OpenSSL opens. A passphrase for a plain key is not looked at. The derivation of the key is paid once.
 *
 * Throws `x509/passphrase-needed`, `x509/wrong-passphrase`, `x509/malformed-key` and what `readSpki` does; no
 * message quotes the file.
 */
export function readPrivateKey(pem: string, passphrase?: string): PrivateKey {
  const { label, der } = findKeyBlock(pem);
  const plain = label === plainLabel ? openPlainP256(der) : undefined;
  if (plain) return plain;
  const key = label === encryptedLabel ? openEncrypted(der, passphrase) : openKey(der);
  if (!key) throw malformedKey('private key does not decode as PKCS#8');
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    key,
    algorithm: readSpki(spki).algorithm,
    spki,
    pkcs8: key.export({ type: 'pkcs8', format: 'der' }),
  };
}

const plainLabel = 'PRIVATE KEY';
const encryptedLabel = 'ENCRYPTED PRIVATE KEY';

function findKeyBlock(pem: string): { label: string; der: Uint8Array } {
  // Before the parser, which refuses the headers of an encrypted key in the format of SSLeay.
  const traditional = /-----BEGIN ((?:EC|RSA|DSA|OPENSSH) PRIVATE KEY)-----/.exec(pem);
  if (traditional) {
    throw malformedKey(`private key is in the format ${traditional[1]}, not PKCS#8`);
  }
  const keys = decodeKeyPem(pem).filter(({ label }) => label === plainLabel || label === encryptedLabel);
  const [key] = keys;
  if (!key) throw malformedKey('file holds no private key');
  if (keys.length > 1) throw malformedKey(`file holds ${keys.length} private keys > 1 allowed`);
  return key;
}

function decodeKeyPem(pem: string) {
  try {
    return decodePem(pem);
  } catch (cause) {
    if (cause instanceof CaError) throw malformedKey(`private key is malformed: ${cause.message}`);
    throw cause;
  }
}

function openEncrypted(der: Uint8Array, passphrase: string | undefined): KeyObject {
  if (passphrase === undefined) {
    throw new CaError('x509/passphrase-needed', 'private key is encrypted and no passphrase was given', {
      hint: 'give the passphrase with --passphrase-file or CA_PASSPHRASE_FILE',
    });
  }
  // Our own keys take the passphrase in NFC; another program's may be under it exactly as it was typed.
  const spellings = new Set([passphrase.normalize('NFC'), passphrase]);
  for (const spelling of spellings) {
    const key = openKey(der, spelling);
    if (key) return key;
  }
  throw new CaError('x509/wrong-passphrase', 'the passphrase does not open the private key', {
    hint: 'type it again, or check that the passphrase file holds it alone; a damaged key file looks the same',
  });
}

/**
 * A P-256 key exactly as {@link encodePrivateKey} writes it, its point computed anew. Node 20's decoder of PKCS#8 takes
 * three milliseconds at its first use, which is a tenth of a short command; a JWK takes less than one.
 */
function openPlainP256(der: Uint8Array): PrivateKey | undefined {
  const privateKey = Buffer.from(der).subarray(p256ScalarAt, p256ScalarAt + 32);
  if (privateKey.length < 32) return undefined;
  const ecdh = createECDH('prime256v1');
  try {
    ecdh.setPrivateKey(privateKey);
  } catch {
    return undefined; // not a scalar of the curve, so not such a key
  }
  const publicKey = ecdh.getPublicKey();
  if (Buffer.compare(encodePrivateKey({ algorithm: 'p256', privateKey, publicKey }), der) !== 0)
    return undefined;
  const d = privateKey.toString('base64url');
  const x = publicKey.toString('base64url', 1, 33);
  const y = publicKey.toString('base64url', 33);
  const key = createPrivateKey({ key: { kty: 'EC', crv: 'P-256', d, x, y }, format: 'jwk' });
  return { key, algorithm: 'p256', spki: encodeSpki('p256', publicKey), pkcs8: der };
}

/** Where the scalar lies in such a key. */
const p256ScalarAt = 36;

/** OpenSSL reads DER with one derivation of the key; of PEM under a wrong passphrase it makes two. */
function openKey(der: Uint8Array, passphrase?: string): KeyObject | undefined {
  const source = { key: Buffer.from(der), format: 'der', type: 'pkcs8' } as const;
  try {
    return createPrivateKey(passphrase === undefined ? source : { ...source, passphrase });
  } catch {
    // The cause is dropped: its stack and properties may quote what was read.
    return undefined;
  }
}

function malformedKey(fault: string): CaError {
  return new CaError('x509/malformed-key', fault, {
    hint: 'convert a key to PKCS#8 with: openssl pkcs8 -topk8 -in old.key -out new.key',
  });
}

const version0 = integer(0);
const ecVersion = integer(1);

/** What PKCS#8 wraps of a key: ECPrivateKey (RFC 5915 §3), CurvePrivateKey (RFC 8410 §7), or RSAPrivateKey as it comes. */
function privateKeyOctets({ algorithm, privateKey, publicKey }: KeyPair): Uint8Array {
  switch (algorithm) {
    case 'p256':
    case 'p384':
      return sequence(ecVersion, octetString(privateKey), explicit(1, bitString(publicKey)));
    case 'ed25519':
      return octetString(privateKey);
    default:
      return privateKey;
  }
}
