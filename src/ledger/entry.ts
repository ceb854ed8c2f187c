import type { ClientName } from '../core/client-name.ts';
import type { KeyAlgorithm } from '../core/key-algorithm.ts';
import type { RevocationReason } from '../core/revocation-reason.ts';
import type { San } from '../core/san.ts';
import type { Serial } from '../core/serial.ts';

/** The version of the record that this code writes and reads; it stands in the first entry. */
export const ledgerVersion = 1;

/** Which CA certificate: the root, or the issuing CA below it when there are two tiers. */
export type IssuerRole = 'root' | 'issuing';

/** The first entry of every ledger. `root` and `issuing` are certificates in base64 DER. */
export interface AuthorityCreated {
  readonly type: 'authority-created';
  readonly version: typeof ledgerVersion;
  readonly name: string;
  readonly root: string;
  readonly issuing?: string;
}

/** Where a client's files go: a directory, the home directory's own `clients/<client>`, or standard output once. */
export type DeliveryTarget =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'home' }
  | { readonly kind: 'stdout' };

/** The two kinds of PKCS#12 (RFC 7292): `modern` PBES2 with AES-256, `compat` 3DES for old Windows and macOS. */
export type Pkcs12Kind = 'modern' | 'compat';

/** What the authority keeps of a client so that it can renew without being asked again. */
export interface ClientPolicy {
  readonly profile: string;
  /** RFC 4514 text, when it is not just `CN=<client>`. */
  readonly subject?: string;
  readonly subjectAltNames: readonly San[];
  /** A duration such as `90d`, when it is not the profile's. */
  readonly validity?: string;
  /** The kind of key the authority makes, or `csr`: the client keeps its key, and we sign its request alone. */
  readonly key: KeyAlgorithm | 'csr';
  readonly delivery: DeliveryTarget;
  readonly pkcs12?: { readonly kind: Pkcs12Kind; readonly passwordFile?: string };
  /** A shell command, run after each delivery. */
  readonly hook?: string;
}

/** A client's first entry, or a change of its policy: the latest one counts. */
export interface ClientAdded {
  readonly type: 'client-added';
  readonly client: ClientName;
  readonly policy: ClientPolicy;
}

/**
 * A certificate was signed. On disk before the certificate is printed, delivered or returned. `key` is the
 * SHA-256 of the SubjectPublicKeyInfo, `certificate` the DER in base64.
 */
export interface Issued {
  readonly type: 'issued';
  readonly client: ClientName;
  readonly serial: Serial;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly key: string;
  readonly profile: string;
  readonly subject: string;
  /** The certificate that this one takes over from, once it is delivered. */
  readonly supersedes?: Serial;
  readonly certificate: string;
  /** Present if the record had lost the certificate, as after an old backup was restored, and it was taken in again later. */
  readonly adopted?: true;
}

/** A certificate's files are in place and its hook, if any, has succeeded. */
export interface Delivered {
  readonly type: 'delivered';
  readonly client: ClientName;
  readonly serial: Serial;
}

export interface Revoked {
  readonly type: 'revoked';
  readonly client: ClientName;
  readonly serial: Serial;
  readonly reason: RevocationReason;
  readonly invalidityDate?: Date;
}

/**
 * The key of a certificate that had been revoked for another reason turned out to be compromised: it is barred as
 * if that revocation had said so. `key` is as in {@link Issued}.
 */
export interface KeyCompromised {
  readonly type: 'key-compromised';
  readonly client: ClientName;
  readonly serial: Serial;
  readonly key: string;
}

/** A CRL was signed. On disk before the CRL is renamed into place. */
export interface CrlPublished {
  readonly type: 'crl-published';
  readonly issuer: IssuerRole;
  /** CRLNumber in decimal. */
  readonly number: string;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
  /** SHA-256 in hex of the DER, and of the PEM: records of before 2026-11-22 lack that. */
  readonly sha256: string;
  readonly pemSha256?: string;
  /** How many entries are of certificates that this record does not know: taken over from a list of a newer record. */
  readonly carried?: number;
}

/** The passphrase of a CA key was changed. */
export interface PassphraseChanged {
  readonly type: 'passphrase-changed';
  readonly issuer: IssuerRole;
}

/** A torn last line, left by a power cut, was moved to `file` in the ledger's own folder. */
export interface TailSetAside {
  readonly type: 'tail-set-aside';
  readonly file: string;
  readonly octets: number;
}

export type EntryBody =
  | AuthorityCreated
  | ClientAdded
  | Issued
  | Delivered
  | Revoked
  | KeyCompromised
  | CrlPublished
  | PassphraseChanged
  | TailSetAside;

/** What every entry carries: its number from 1, when it was written, and SHA-256 of the line before it. */
export interface EntryHead {
  readonly seq: number;
  readonly time: Date;
  /** 64 hex digits; zeros for the first entry. */
  readonly prev: string;
}

export type Entry = EntryHead & EntryBody;

/** The `prev` of the first entry. */
export const noPreviousEntry = '0'.repeat(64);
