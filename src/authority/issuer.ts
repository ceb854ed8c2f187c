import { CaError } from '../core/ca-error.ts';
import { formatInstant, wholeSeconds } from '../core/instant.ts';
import { printable } from '../core/printable.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import type { AuthorityRecord, LedgerHead } from '../ledger/record.ts';
import { encodeHeadStatement, type SignedHead } from '../ledger/signed-head.ts';
import type { Approved, IssuerFacts } from '../lint/approve.ts';
import { decodeCertificate, signedPieces } from '../x509/certificate.ts';
import { isEncrypted, readPrivateKey } from '../x509/private-key.ts';
import {
  openPublicKey,
  signBytes,
  signBytesAside,
  verifyBytes,
  verifyBytesAside,
} from '../x509/signature.ts';
import { type SignatureAlgorithm, signatureAlgorithmOf } from '../x509/signature-algorithm.ts';
import { keyIdentifier, readSpki } from '../x509/subject-public-key-info.ts';
import type { KeyStore, ObtainPassphrase } from './ports.ts';

/** A CA certificate, and what it may sign. */
export interface Issuer {
  readonly role: IssuerRole;
  readonly certificate: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly facts: IssuerFacts;
}

/** An issuer with its key at hand. */
export interface Signer {
  readonly issuer: Issuer;
  /** The Certificate or CertificateList in DER, in pieces: the approved bytes, signed, the signature verified. */
  sign(approved: Approved): readonly Uint8Array[];
  /** Each item with what `sign` would give for it, made on other threads: for who has many to sign. */
  signAll<T extends { readonly approved: Approved }>(
    items: readonly T[],
  ): Promise<readonly (T & { readonly signed: readonly Uint8Array[] })[]>;
  /**
   * The head of the record of the authority of that name, signed, the signature verified. Beside what the linter approved,
   * the key signs this alone.
   */
  signHead(authority: string, head: LedgerHead): SignedHead;
}

/** The role of the CA that issues to clients. */
export function clientIssuerRole(authority: AuthorityRecord): IssuerRole {
  return authority.issuing ? 'issuing' : 'root';
}

/** The authority's CA that issues to clients. */
export function clientIssuer(authority: AuthorityRecord): Issuer {
  return openIssuer(clientIssuerRole(authority), authority.issuing ?? authority.root);
}

/** The issuer that a CA certificate in DER makes. Throws `x509/malformed`. */
export function openIssuer(role: IssuerRole, certificate: Uint8Array): Issuer {
  const decoded = decodeCertificate(certificate);
  const { algorithm } = readSpki(decoded.spki);
  const { basicConstraints } = decoded;
  return {
    role,
    certificate,
    signatureAlgorithm: signatureAlgorithmOf(algorithm),
    facts: {
      subject: decoded.subject,
      spki: decoded.spki,
      keyIdentifier: keyIdentifier(decoded.spki),
      notBefore: decoded.notBefore,
      notAfter: decoded.notAfter,
      selfSigned: false,
      permittedDns: decoded.permittedDns,
      ...(basicConstraints?.ca && basicConstraints.pathLength !== undefined
        ? { pathLength: basicConstraints.pathLength }
        : {}),
    },
  };
}

/**
 * The issuer's signer, its key read and, if need be, decrypted. Throws `authority/key-not-found`,
 * `authority/key-mismatch`, `x509/wrong-passphrase`.
 */
export async function openSigner(
  issuer: Issuer,
  ports: { readonly keys: KeyStore; readonly obtainPassphrase: ObtainPassphrase },
): Promise<Signer> {
  const pem = await ports.keys.readKey(issuer.role);
  if (pem === undefined) {
    throw new CaError('authority/key-not-found', `the key of the ${issuer.role} CA is not here`, {
      hint: `bring it back as keys/${issuer.role}.key for this command`,
    });
  }
  const key = await openCaKey(issuer.role, pem, ports.obtainPassphrase);
  if (Buffer.compare(key.spki, issuer.facts.spki) !== 0) {
    throw new CaError(
      'authority/key-mismatch',
      `keys/${issuer.role}.key is not the key of the ${issuer.role} CA's certificate`,
      {
        hint: 'restore the key file from a backup of this authority',
      },
    );
  }
  return createSigner(issuer, key.key);
}

/** The private key in a CA's key file. Throws `x509/wrong-passphrase`, `x509/malformed-key`. */
export async function openCaKey(
  role: IssuerRole,
  pem: string,
  obtainPassphrase: ObtainPassphrase,
): Promise<ReturnType<typeof readPrivateKey>> {
  try {
    return readPrivateKey(pem, isEncrypted(pem) ? await obtainPassphrase(role) : undefined);
  } catch (error) {
    if (!(error instanceof CaError) || error.code !== 'x509/malformed-key') throw error;
    throw new CaError(error.code, `keys/${role}.key: ${error.message}`, {
      cause: error,
      hint: 'restore the key file from a backup of this authority',
    });
  }
}

/** A signer that signs with a key in memory. */
export function createSigner(issuer: Issuer, key: Parameters<typeof signBytes>[0]): Signer {
  const { signatureAlgorithm, facts } = issuer;
  const publicKey = openPublicKey(facts.spki);
  const signVerified = (bytes: Uint8Array) => {
    const signature = signBytes(key, signatureAlgorithm, bytes);
    // A fault during signing can leak the key or make a certificate that nobody accepts: look before it leaves.
    if (!verifyBytes(publicKey, signatureAlgorithm, bytes, signature)) throw faulty();
    return signature;
  };
  return {
    issuer,
    sign(approved) {
      const tbs = approved.bytesFor(facts.spki);
      return signedPieces(tbs, signatureAlgorithm, signVerified(tbs));
    },
    async signAll(items) {
      // All together: to wake a thread for each would cost this one nearly what a signature costs the other.
      const signed = await Promise.all(
        items.map(async (item) => {
          const tbs = item.approved.bytesFor(facts.spki);
          return { item, tbs, signature: await signBytesAside(key, signatureAlgorithm, tbs) };
        }),
      );
      const good = await Promise.all(
        signed.map(({ tbs, signature }) => verifyBytesAside(publicKey, signatureAlgorithm, tbs, signature)),
      );
      if (good.includes(false)) throw faulty();
      return signed.map(({ item, tbs, signature }) => ({
        ...item,
        signed: signedPieces(tbs, signatureAlgorithm, signature),
      }));
    },
    signHead(authority, { seq, hash, time }) {
      const statement = {
        authority: printable(authority),
        seq,
        hash,
        time: wholeSeconds(time),
        key: keyName(issuer),
      };
      return { ...statement, signature: signVerified(encodeHeadStatement(statement)) };
    },
  };
}

function faulty(): Error {
  return new Error('the signature just made does not verify');
}

/** The identifier of the issuer's key in hex, as heads of the record name it. */
export function keyName({ facts }: Issuer): string {
  return Buffer.from(facts.keyIdentifier).toString('hex');
}

/** Throws `authority/validity-exceeds-issuer` if a certificate until `notAfter` would outlive its issuer. */
export function checkWithinIssuer(issuer: Issuer, notAfter: Date): void {
  if (notAfter > issuer.facts.notAfter) {
    throw new CaError(
      'authority/validity-exceeds-issuer',
      `the certificate would end at ${formatInstant(notAfter)}, after its CA at ${formatInstant(issuer.facts.notAfter)}`,
      { hint: 'ask for less with --validity, or make a new authority' },
    );
  }
}
