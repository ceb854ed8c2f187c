import { CaError } from '../core/ca-error.ts';
import type { KeyAlgorithm } from '../core/key-algorithm.ts';
import { malformed, readDer } from './der-reader.ts';
import { nullValue, oid, sequence } from './der-writer.ts';
import { oids } from './oids.ts';

/**
 * The signature algorithms. RSA's identifiers bear NULL parameters (RFC 4055 §5), those of ECDSA and Ed25519
 * none (RFC 5758 §3.2, RFC 8410 §3). We sign with four of them; CSRs and imported certificates bear the others.
 */
const algorithms = {
  'ecdsa-with-SHA256': { oid: oids.ecdsaWithSHA256, family: 'ec', hash: 'sha256' },
  'ecdsa-with-SHA384': { oid: oids.ecdsaWithSHA384, family: 'ec', hash: 'sha384' },
  'ecdsa-with-SHA512': { oid: oids.ecdsaWithSHA512, family: 'ec', hash: 'sha512' },
  Ed25519: { oid: oids.idEd25519, family: 'ed25519', hash: null },
  sha256WithRSAEncryption: { oid: oids.sha256WithRSAEncryption, family: 'rsa', hash: 'sha256' },
  sha384WithRSAEncryption: { oid: oids.sha384WithRSAEncryption, family: 'rsa', hash: 'sha384' },
  sha512WithRSAEncryption: { oid: oids.sha512WithRSAEncryption, family: 'rsa', hash: 'sha512' },
} as const;

export type SignatureAlgorithm = keyof typeof algorithms;

/** The algorithm that a CA key of that kind signs with; RSA keys of all sizes sign alike. */
export function signatureAlgorithmOf(key: KeyAlgorithm | 'rsa'): SignatureAlgorithm {
  switch (key) {
    case 'p256':
      return 'ecdsa-with-SHA256';
    case 'p384':
      return 'ecdsa-with-SHA384';
    case 'ed25519':
      return 'Ed25519';
    default:
      return 'sha256WithRSAEncryption';
  }
}

/** The digest that the algorithm signs, as node:crypto names it; null where the key signs the message itself. */
export function digestOf(algorithm: SignatureAlgorithm): 'sha256' | 'sha384' | 'sha512' | null {
  return algorithms[algorithm].hash;
}

/** True if keys of that kind make signatures of that algorithm. */
export function canKeySign(key: KeyAlgorithm, algorithm: SignatureAlgorithm): boolean {
  const family = key === 'p256' || key === 'p384' ? 'ec' : key === 'ed25519' ? 'ed25519' : 'rsa';
  return algorithms[algorithm].family === family;
}

/** The AlgorithmIdentifier in DER. */
export function encodeSignatureAlgorithm(algorithm: SignatureAlgorithm): Uint8Array {
  return encodings[algorithm];
}

/**
 * The algorithm of an AlgorithmIdentifier. Throws `x509/malformed` for parameters other than its own, and
 * `x509/unsupported-key` for other algorithms, SHA-1 and MD5 among them.
 */
export function decodeSignatureAlgorithm(bytes: Uint8Array): SignatureAlgorithm {
  const found = names.find((name) => isSame(encodings[name], bytes));
  if (found) return found;
  const dotted = readDer(bytes, 'signature algorithm', (reader) => {
    const identifier = reader.sequence('signature algorithm');
    const algorithm = identifier.oid('signature algorithm');
    if (!identifier.isAtEnd) identifier.element('signature algorithm parameters');
    identifier.end('signature algorithm parameters');
    return algorithm;
  });
  const misspelt = names.find((name) => algorithms[name].oid === dotted);
  if (misspelt) {
    const wanted =
      algorithms[misspelt].family === 'rsa' ? 'NULL (RFC 4055 §5)' : 'none (RFC 5758 §3.2, RFC 8410 §3)';
    throw malformed(`signature algorithm ${misspelt} has other parameters than ${wanted}`);
  }
  const refused = refusedNames[dotted];
  throw new CaError(
    'x509/unsupported-key',
    `signature algorithm ${refused ?? dotted} is not one of: ${names.join(', ')}`,
    { hint: 'sign it with SHA-256, as in: openssl req -new -sha256 -key client.key -out client.csr' },
  );
}

/** What people meet who come with old requests (RFC 8017 appendix C, RFC 3279 §2.2, RFC 8410 §3). */
const refusedNames: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'md5WithRSAEncryption',
  '1.2.840.113549.1.1.5': 'sha1WithRSAEncryption',
  '1.2.840.113549.1.1.10': 'RSASSA-PSS',
  '1.2.840.113549.1.1.14': 'sha224WithRSAEncryption',
  '1.2.840.10045.4.1': 'ecdsa-with-SHA1',
  '1.2.840.10045.4.3.1': 'ecdsa-with-SHA224',
  '1.3.101.113': 'Ed448',
};

const names = Object.keys(algorithms) as SignatureAlgorithm[];

const encodings = Object.fromEntries(
  names.map((name) => [
    name,
    algorithms[name].family === 'rsa'
      ? sequence(oid(algorithms[name].oid), nullValue)
      : sequence(oid(algorithms[name].oid)),
  ]),
) as Record<SignatureAlgorithm, Uint8Array>;

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
