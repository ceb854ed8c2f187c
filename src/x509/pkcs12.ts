import { createCipheriv, createHash, createHmac } from 'node:crypto';
import {
  explicit,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  set,
  tags,
} from './der-writer.ts';
import { oids } from './oids.ts';
import { checkPassword } from './password.ts';
import { derivePbes2Key, encryptPbes2 } from './pkcs8-encryption.ts';
import { bmpOctets, bmpPassword, derivePkcs12, pkcs12Purpose } from './pkcs12-kdf.ts';

/**
 * `modern` is AES-256 under PBKDF2-HMAC-SHA-256 with an HMAC-SHA-256, which everything of the last years reads;
 * `compat` is three-key triple DES with an HMAC-SHA-1, for older Windows, macOS and Java. RC2 is never written.
 */
export type Pkcs12Kind = 'modern' | 'compat';

/**
 * The iterations of a `modern` file, for its keys and its MAC alike: a MAC with fewer would be the cheap way to try
 * passwords. Writers choose between OpenSSL's 2,048 and 600,000, above which Windows refuses; every program that
 * opens the file pays three times, so `chosen` costs it some 60 ms, and us about 0.1 s, for a password that a person
 * chose. Stretching adds nothing to a password drawn from a hundred random bits.
 */
export const pkcs12Iterations = { chosen: 100_000, drawn: 2_048, most: 600_000 } as const;

export interface Pkcs12Contents {
  readonly kind: Pkcs12Kind;
  /** PKCS#8, DER, not encrypted. */
  readonly privateKey: Uint8Array;
  /** The certificate of that key, DER. */
  readonly certificate: Uint8Array;
  /** The certificates above it, issuing CA first, DER. */
  readonly chain: readonly Uint8Array[];
  /** What programs list the key under. */
  readonly friendlyName: string;
  readonly password: string;
  /** Of a `modern` file, `chosen` of {@link pkcs12Iterations} when left out; a `compat` file has 2,048. */
  readonly iterations?: number;
  /** Fresh octets for salts and initialisation vectors. */
  readonly random: (length: number) => Uint8Array;
}

/**
 * The PFX (RFC 7292 §4) with the key, its certificate and the chain, all encrypted and under a MAC; friendlyName and
 * localKeyId tie the key to its certificate. Java (17 was tried) opens no file under a password beyond ASCII.
 *
 * Throws `x509/unusable-password`, above all for the empty one; `RangeError` for iterations beyond the bounds.
 */
export function encodePkcs12(contents: Pkcs12Contents): Uint8Array {
  const protection = protections[contents.kind](contents);
  const attributes = encodeBagAttributes(contents);
  const certificates = sequence(
    encodeCertBag(contents.certificate, attributes),
    ...contents.chain.map((certificate) => encodeCertBag(certificate)),
  );
  const safe = sequence(
    encodeEncryptedData(protection.encrypt(certificates)),
    encodeData(sequence(encodeKeyBag(protection.encrypt(contents.privateKey), attributes))),
  );
  return sequence(integer(3), encodeData(safe), protection.mac(safe));
}

interface Encrypted {
  readonly algorithm: Uint8Array;
  readonly ciphertext: Uint8Array;
}

interface Protection {
  encrypt(plain: Uint8Array): Encrypted;
  /** MacData over the AuthenticatedSafe's octets (RFC 7292 §4). */
  mac(safe: Uint8Array): Uint8Array;
}

const sha1 = '1.3.14.3.2.26';
/** RFC 7292 appendix C. */
const pbeWithSha1And3KeyTripleDesCbc = '1.2.840.113549.1.12.1.3';
const compatIterations = 2_048;

const protections: Record<Pkcs12Kind, (contents: Pkcs12Contents) => Protection> = {
  modern({ password, random, iterations = pkcs12Iterations.chosen }) {
    if (!Number.isInteger(iterations) || iterations < 1 || iterations > pkcs12Iterations.most) {
      throw new RangeError(`${iterations} PKCS#12 iterations are not from 1 to ${pkcs12Iterations.most}`);
    }
    const checked = checkPassword(password);
    // One derived key for both parts, each with its own IV: a second derivation would slow nobody who tries passwords.
    const kdf = { salt: random(16), iterations };
    const key = derivePbes2Key(checked, kdf);
    return {
      encrypt: (plain) => encryptPbes2(key, kdf, random(16), plain),
      mac: (safe) =>
        encodeMac(safe, {
          digest: 'sha256',
          oid: oids.sha256,
          password: checked,
          salt: random(16),
          iterations,
        }),
    };
  },
  compat({ password, random }) {
    const checked = checkPassword(password);
    return {
      encrypt: (plain) => encryptTripleDes(plain, checked, random(8)),
      mac: (safe) =>
        encodeMac(safe, {
          digest: 'sha1',
          oid: sha1,
          password: checked,
          salt: random(8),
          iterations: compatIterations,
        }),
    };
  },
};

function encryptTripleDes(plain: Uint8Array, password: string, salt: Uint8Array): Encrypted {
  const derive = (purpose: 1 | 2, length: number) =>
    derivePkcs12({
      digest: 'sha1',
      purpose,
      password: bmpPassword(password),
      salt,
      iterations: compatIterations,
      length,
    });
  const cipher = createCipheriv('des-ede3-cbc', derive(pkcs12Purpose.key, 24), derive(pkcs12Purpose.iv, 8));
  return {
    algorithm: sequence(
      oid(pbeWithSha1And3KeyTripleDesCbc),
      sequence(octetString(salt), integer(compatIterations)),
    ),
    ciphertext: Buffer.concat([cipher.update(plain), cipher.final()]),
  };
}

interface MacOptions {
  readonly digest: 'sha1' | 'sha256';
  readonly oid: string;
  readonly password: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

function encodeMac(safe: Uint8Array, options: MacOptions): Uint8Array {
  const { digest, salt, iterations } = options;
  const key = derivePkcs12({
    digest,
    purpose: pkcs12Purpose.mac,
    password: bmpPassword(options.password),
    salt,
    iterations,
    length: digest === 'sha1' ? 20 : 32,
  });
  const mac = createHmac(digest, key).update(safe).digest();
  return sequence(
    sequence(sequence(oid(options.oid), nullValue), octetString(mac)),
    octetString(salt),
    integer(iterations),
  );
}

/** ContentInfo of type data (RFC 5652 §4). */
function encodeData(content: Uint8Array): Uint8Array {
  return sequence(oid(oids.pkcs7Data), explicit(0, octetString(content)));
}

/** ContentInfo of type encryptedData, version 0 (RFC 5652 §8). */
function encodeEncryptedData({ algorithm, ciphertext }: Encrypted): Uint8Array {
  const content = sequence(oid(oids.pkcs7Data), algorithm, implicit(0, octetString(ciphertext)));
  return sequence(oid(oids.pkcs7EncryptedData), explicit(0, sequence(integer(0), content)));
}

/** SafeBag with a PKCS8ShroudedKeyBag (RFC 7292 §4.2.2). */
function encodeKeyBag({ algorithm, ciphertext }: Encrypted, attributes: Uint8Array): Uint8Array {
  return sequence(
    oid(oids.pkcs8ShroudedKeyBag),
    explicit(0, sequence(algorithm, octetString(ciphertext))),
    attributes,
  );
}

/** SafeBag with a CertBag (RFC 7292 §4.2.3). */
function encodeCertBag(certificate: Uint8Array, ...attributes: readonly Uint8Array[]): Uint8Array {
  const bag = sequence(oid(oids.x509Certificate), explicit(0, octetString(certificate)));
  return sequence(oid(oids.certBag), explicit(0, bag), ...attributes);
}

/** friendlyName and localKeyId (RFC 2985 §5.5.1 and §5.5.2), the same on the key and on its certificate. */
function encodeBagAttributes({ friendlyName, certificate }: Pkcs12Contents): Uint8Array {
  const localKeyId = createHash('sha256').update(certificate).digest().subarray(0, 20);
  return set(
    sequence(oid(oids.friendlyName), set(bmpString(friendlyName))),
    sequence(oid(oids.localKeyId), set(octetString(localKeyId))),
  );
}

/** A BMPString: an OCTET STRING under its own tag (X.690 §8.23.8). */
function bmpString(text: string): Uint8Array {
  const encoded = Uint8Array.from(octetString(bmpOctets(text)));
  encoded[0] = tags.bmpString;
  return encoded;
}
