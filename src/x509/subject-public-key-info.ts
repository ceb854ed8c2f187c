import { hash } from 'node:crypto';
import { CaError } from '../core/ca-error.ts';
import type { KeyAlgorithm } from '../core/key-algorithm.ts';
import { type DerReader, malformed, readDer } from './der-reader.ts';
import { bitString, nullValue, oid, sequence, tags } from './der-writer.ts';
import { oids } from './oids.ts';
import { checkEcPoint, checkEd25519PublicKey, checkRsaPublicKey } from './public-key-strength.ts';

/** A public key that was found fit for a certificate, in the raw form of `KeyPair`. */
export interface PublicKey {
  /** For RSA of another size the largest of ours that is not larger. */
  readonly algorithm: KeyAlgorithm;
  readonly publicKey: Uint8Array;
  /** Bits of the RSA modulus or of the curve's field. */
  readonly bits: number;
}

/**
 * The SubjectPublicKeyInfo of a raw public key: named curves alone (RFC 5480 §2.1.1), NULL parameters for RSA
 * (RFC 3279 §2.3.1), none for Ed25519 (RFC 8410 §3).
 */
export function encodeSpki(algorithm: KeyAlgorithm, publicKey: Uint8Array): Uint8Array {
  return sequence(algorithmIdentifiers[algorithm], bitString(publicKey));
}

/**
 * The key of a SubjectPublicKeyInfo, if it may be certified.
 *
 * Throws `x509/malformed`; `x509/unsupported-key` for other algorithms and curves; `x509/weak-key` for a modulus
 * below 2048 bits or with a known flaw, a bad exponent, a point off the curve or of small order.
 */
export function readSpki(spki: Uint8Array): PublicKey {
  const { algorithm, parameters, publicKey } = splitSpki(spki);
  switch (algorithm) {
    case oids.idEcPublicKey:
      return readEcKey(parameters, publicKey);
    case oids.idEd25519:
      if (parameters) throw malformed('Ed25519 key has parameters (RFC 8410 §3)');
      checkEd25519PublicKey(publicKey);
      return { algorithm: 'ed25519', publicKey, bits: 255 };
    case oids.rsaEncryption: {
      if (!parameters || Buffer.compare(parameters, nullValue) !== 0) {
        throw malformed('RSA key has parameters other than NULL (RFC 3279 §2.3.1)');
      }
      const bits = checkRsaPublicKey(publicKey);
      return { algorithm: bits < 3072 ? 'rsa2048' : bits < 4096 ? 'rsa3072' : 'rsa4096', publicKey, bits };
    }
    default:
      throw unsupported(`key algorithm ${algorithm}`);
  }
}

/**
 * The key identifier of a key: the leftmost 160 bits of the SHA-256 of the BIT STRING's content (RFC 7093 §2
 * method 1), where RFC 5280 §4.2.1.2 proposes SHA-1. Throws `x509/malformed`.
 */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  return hash('sha256', splitSpki(spki).publicKey, 'buffer').subarray(0, 20);
}

/** The lower-case hex of the SHA-256 of the whole SubjectPublicKeyInfo, by which a key is known and barred. */
export function spkiFingerprint(spki: Uint8Array): string {
  return hash('sha256', spki, 'hex');
}

const p256Identifier = sequence(oid(oids.idEcPublicKey), oid(oids.secp256r1));
const p384Identifier = sequence(oid(oids.idEcPublicKey), oid(oids.secp384r1));
const rsaIdentifier = sequence(oid(oids.rsaEncryption), nullValue);

const algorithmIdentifiers: Record<KeyAlgorithm, Uint8Array> = {
  p256: p256Identifier,
  p384: p384Identifier,
  ed25519: sequence(oid(oids.idEd25519)),
  rsa2048: rsaIdentifier,
  rsa3072: rsaIdentifier,
  rsa4096: rsaIdentifier,
};

function splitSpki(spki: Uint8Array) {
  return readDer(spki, 'public key', (reader) => {
    const info = reader.sequence('public key');
    const identifier = info.sequence('key algorithm');
    const algorithm = identifier.oid('key algorithm');
    const parameters = identifier.isAtEnd ? undefined : identifier.element('key parameters');
    identifier.end('key parameters');
    const publicKey = info.bitString('public key bits');
    info.end('public key bits');
    return { algorithm, parameters, publicKey };
  });
}

function readEcKey(parameters: Uint8Array | undefined, publicKey: Uint8Array): PublicKey {
  if (parameters?.[0] !== tags.oid) throw unsupported('EC key without a named curve (RFC 5480 §2.1.1)');
  const curve = readDer(parameters, 'curve', (reader: DerReader) => reader.oid('curve'));
  if (curve !== oids.secp256r1 && curve !== oids.secp384r1) throw unsupported(`EC curve ${curve}`);
  const algorithm = curve === oids.secp256r1 ? 'p256' : 'p384';
  checkEcPoint(algorithm, publicKey);
  return { algorithm, publicKey, bits: algorithm === 'p256' ? 256 : 384 };
}

function unsupported(what: string): CaError {
  return new CaError('x509/unsupported-key', `${what} is not supported`, {
    hint: 'use a key on P-256 or P-384, an Ed25519 key, or an RSA key of 2048 to 8192 bits',
  });
}
