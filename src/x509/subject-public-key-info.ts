import { hash } from 'node:crypto';
import { CaError } from '../core/ca-error.ts';
import type { KeyAlgorithm } from '../core/key-algorithm.ts';
import { type DerReader, malformed, readDer } from './der-reader.ts';
import { bitString, nullValue, oid, sequence, tags } from './der-writer.ts';
import { oids } from './oids.ts';
import { checkEcPoint, checkEd25519PublicKey, checkRsaPublicKey } from './public-key-strength.ts';

/** What decides how a key signs and which usages it has: RSA keys of all sizes are one kind. */
export type KeyKind = 'p256' | 'p384' | 'ed25519' | 'rsa';

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
  const { identifier, publicKey } = splitSpki(spki);
  const kind = kindOf(identifier);
  switch (kind) {
    case 'p256':
    case 'p384':
      checkEcPoint(kind, publicKey);
      return { algorithm: kind, publicKey, bits: kind === 'p256' ? 256 : 384 };
    case 'ed25519':
      checkEd25519PublicKey(publicKey);
      return { algorithm: kind, publicKey, bits: 255 };
    case 'rsa': {
      const bits = checkRsaPublicKey(publicKey);
      return { algorithm: bits < 3072 ? 'rsa2048' : bits < 4096 ? 'rsa3072' : 'rsa4096', publicKey, bits };
    }
  }
}

/**
 * The kind of a key whose fitness is known or judged elsewhere. Throws `x509/malformed` and
 * `x509/unsupported-key` as {@link readSpki}.
 */
export function readKeyKind(spki: Uint8Array): KeyKind {
  return kindOf(splitSpki(spki).identifier);
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
const ed25519Identifier = sequence(oid(oids.idEd25519));
const rsaIdentifier = sequence(oid(oids.rsaEncryption), nullValue);

/** The AlgorithmIdentifier of a key, public or private. */
export const algorithmIdentifiers: Record<KeyAlgorithm, Uint8Array> = {
  p256: p256Identifier,
  p384: p384Identifier,
  ed25519: ed25519Identifier,
  rsa2048: rsaIdentifier,
  rsa3072: rsaIdentifier,
  rsa4096: rsaIdentifier,
};

const identifiersByKind = [
  ['p256', p256Identifier],
  ['p384', p384Identifier],
  ['ed25519', ed25519Identifier],
  ['rsa', rsaIdentifier],
] as const;

function splitSpki(spki: Uint8Array): { identifier: Uint8Array; publicKey: Uint8Array } {
  return readDer(spki, 'public key', (reader) => {
    const info = reader.sequence('public key');
    const identifier = info.element('key algorithm', tags.sequence);
    const publicKey = info.bitString('public key bits');
    info.end('public key bits');
    return { identifier, publicKey };
  });
}

function kindOf(identifier: Uint8Array): KeyKind {
  const found = identifiersByKind.find(([, known]) => Buffer.compare(known, identifier) === 0);
  if (found) return found[0];
  throw readDer(identifier, 'key algorithm', explainUnknown);
}

/** What is wrong with an AlgorithmIdentifier that is none of ours. */
function explainUnknown(reader: DerReader): CaError {
  const fields = reader.sequence('key algorithm');
  const algorithm = fields.oid('key algorithm');
  const isCurve = algorithm === oids.idEcPublicKey && fields.nextTag === tags.oid;
  const curve = isCurve ? fields.oid('curve') : undefined;
  if (!fields.isAtEnd) fields.element('key parameters');
  fields.end('key parameters');
  if (curve) return unsupported(`EC curve ${curve}`);
  switch (algorithm) {
    case oids.idEcPublicKey:
      return unsupported('EC key without a named curve (RFC 5480 §2.1.1)');
    case oids.idEd25519:
      return malformed('Ed25519 key has parameters (RFC 8410 §3)');
    case oids.rsaEncryption:
      return malformed('RSA key has parameters other than NULL (RFC 3279 §2.3.1)');
    default:
      return unsupported(`key algorithm ${algorithm}`);
  }
}

function unsupported(what: string): CaError {
  return new CaError('x509/unsupported-key', `${what} is not supported`, {
    hint: 'use a key on P-256 or P-384, an Ed25519 key, or an RSA key of 2048 to 8192 bits',
  });
}
