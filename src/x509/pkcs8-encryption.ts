import { createCipheriv, pbkdf2Sync } from 'node:crypto';
import { integer, nullValue, octetString, oid, sequence } from './der-writer.ts';
import { oids } from './oids.ts';
import { checkPassword } from './password.ts';
import { encodePem } from './pem.ts';

/** PBKDF2 iterations of the CA's own keys: about 0.1 s, once a process. */
export const keyIterations = 600_000;

/** Fresh octets for one encryption: a salt and an initialisation vector of 16 octets each. */
export interface EncryptionRandom {
  readonly salt: Uint8Array;
  readonly iv: Uint8Array;
}

/**
 * The PKCS#8 key as `ENCRYPTED PRIVATE KEY` PEM (RFC 5958 §3) under PBES2, readable by `openssl pkey`.
 *
 * The passphrase is the octets of its UTF-8 in form NFC. Throws `x509/unusable-password`.
 */
export function encryptPrivateKey(pkcs8: Uint8Array, passphrase: string, random: EncryptionRandom): string {
  const kdf = { salt: random.salt, iterations: keyIterations };
  const { algorithm, ciphertext } = encryptPbes2(
    derivePbes2Key(checkPassword(passphrase), kdf),
    kdf,
    random.iv,
    pkcs8,
  );
  return encodePem('ENCRYPTED PRIVATE KEY', sequence(algorithm, octetString(ciphertext)));
}

/** What PBKDF2 takes beside the password (RFC 8018 §5.2). */
export interface Pbkdf2Parameters {
  readonly salt: Uint8Array;
  readonly iterations: number;
}

/** The AES-256 key of a password in UTF-8: PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2). */
export function derivePbes2Key(password: string, { salt, iterations }: Pbkdf2Parameters): Uint8Array {
  return pbkdf2Sync(password, salt, iterations, 32, 'sha256');
}

/** The plain octets under AES-256-CBC with that derived key, and the PBES2 AlgorithmIdentifier that says so (RFC 8018 §6.2). */
export function encryptPbes2(
  key: Uint8Array,
  kdf: Pbkdf2Parameters,
  iv: Uint8Array,
  plain: Uint8Array,
): { algorithm: Uint8Array; ciphertext: Uint8Array } {
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  return {
    algorithm: encodePbes2Algorithm(kdf, iv),
    ciphertext: Buffer.concat([cipher.update(plain), cipher.final()]),
  };
}

/** RFC 8018 appendix A.2 and A.4. The key's length is left out: the cipher fixes it. */
function encodePbes2Algorithm({ salt, iterations }: Pbkdf2Parameters, iv: Uint8Array): Uint8Array {
  const prf = sequence(oid(oids.hmacWithSHA256), nullValue);
  return sequence(
    oid(oids.pbes2),
    sequence(
      sequence(oid(oids.pbkdf2), sequence(octetString(salt), integer(iterations), prf)),
      sequence(oid(oids.aes256Cbc), octetString(iv)),
    ),
  );
}
