import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  bitString,
  boolean,
  contextTagConstructed,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  set,
  utf8String,
} from '../../src/x509/der-writer.ts';

/** One part of a request, to be replaced by another; what is left out is right. */
export interface CsrParts {
  readonly key?: KeyObject;
  readonly version?: number;
  readonly subject?: Uint8Array;
  readonly spki?: Uint8Array;
  /** Attributes in DER; false leaves out even the tag. */
  readonly attributes?: readonly Uint8Array[] | false;
  readonly signatureAlgorithm?: Uint8Array;
  readonly hash?: string | null;
  readonly signature?: Uint8Array;
}

export const p256Key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** A CertificationRequest in DER (RFC 2986 §4), by hand, so that it can be wrong in ways that no library writes. */
export function handmadeCsr(parts: CsrParts = {}): Uint8Array {
  const { key = p256Key, version = 0, subject = nameOf('billing'), attributes = [], hash = 'sha256' } = parts;
  const spki = parts.spki ?? createPublicKey(key).export({ type: 'spki', format: 'der' });
  const info = sequence(
    integer(version),
    subject,
    spki,
    ...(attributes === false ? [] : [attributeSet(attributes)]),
  );
  const signatureAlgorithm = parts.signatureAlgorithm ?? sequence(oid('1.2.840.10045.4.3.2'));
  return sequence(info, signatureAlgorithm, bitString(parts.signature ?? sign(hash, info, key)));
}

/** A Name of one CN, in UTF8String unless the value is given in DER. */
export function nameOf(value: string | Uint8Array, type = '2.5.4.3'): Uint8Array {
  const encoded = typeof value === 'string' ? utf8String(value) : value;
  return sequence(set(sequence(oid(type), encoded)));
}

export function attribute(type: string, ...values: readonly Uint8Array[]): Uint8Array {
  return sequence(oid(type), set(...values));
}

export function extensionRequest(...extensions: readonly Uint8Array[]): Uint8Array {
  return attribute('1.2.840.113549.1.9.14', sequence(...extensions));
}

export function extension(type: string, value: Uint8Array, critical = false): Uint8Array {
  return sequence(oid(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** SubjectPublicKeyInfo of an RSA key with that exponent; the modulus is the key's own. */
export function rsaSpki(modulus: Uint8Array, exponent: bigint): Uint8Array {
  const key = sequence(integer(modulus), integer(exponent));
  return sequence(sequence(oid('1.2.840.113549.1.1.1'), nullValue), bitString(key));
}

function attributeSet(attributes: readonly Uint8Array[]): Uint8Array {
  const encoded = Uint8Array.from(set(...attributes));
  encoded[0] = contextTagConstructed(0);
  return encoded;
}
