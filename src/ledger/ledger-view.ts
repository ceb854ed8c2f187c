import type { ClientName } from '../core/client-name.ts';
import type { PagedRevocations } from '../core/revocation-page.ts';
import type { Serial } from '../core/serial.ts';
import type { IssuerRole } from './entry.ts';
import type { AuthorityRecord, CertificateRecord, ClientRecord, CrlRecord, LedgerHead } from './record.ts';

/** Questions to the record as it stands at `head`; a view never changes under its reader. */
export interface LedgerView {
  readonly head: LedgerHead;
  readonly authority: AuthorityRecord;

  client(name: ClientName): Promise<ClientRecord | undefined>;
  /** The client whose name collides with this key (see clientNameKey in core). */
  clientWithKey(nameKey: string): Promise<ClientRecord | undefined>;
  clientCount(): Promise<number>;

  certificate(serial: Serial): Promise<CertificateRecord | undefined>;
  /** The certificate's DER. Throws `ledger/unknown-serial`. */
  certificateBytes(serial: Serial): Promise<Uint8Array>;
  /** All certificates of a client, oldest first. */
  certificatesOf(client: ClientName): Promise<readonly CertificateRecord[]>;
  /** The same, newest first, in pages: a client may have had thousands, and who looks for the last one reads no further. */
  newestFirst(client: ClientName): AsyncIterable<readonly CertificateRecord[]>;
  /** All certificates with the public key of that SHA-256, oldest first. */
  certificatesWithKey(key: string): Promise<readonly CertificateRecord[]>;
  /** True if the public key of that SHA-256 was ever said to be compromised: by a revocation, or later. */
  isKeyBarred(key: string): Promise<boolean>;
  /** All certificates in the order they were issued, in pages. */
  certificates(): AsyncIterable<readonly CertificateRecord[]>;
  /** The certificates with `from` <= notAfter < `to`, by notAfter, in pages. */
  certificatesExpiring(from: Date, to: Date): AsyncIterable<readonly CertificateRecord[]>;
  /** Of {@link certificatesExpiring} those that are live: neither revoked nor superseded. */
  liveExpiring(from: Date, to: Date): AsyncIterable<readonly CertificateRecord[]>;
  /** How many certificates {@link liveExpiring} would give. */
  countLive(from: Date, to: Date): Promise<number>;
  /** The greatest notAfter − notBefore of any certificate, in milliseconds: it bounds what can be due. */
  longestValidityMs(): Promise<number>;
  /** Certificates whose delivery was never recorded, oldest first, without those that are revoked or superseded. */
  undelivered(): Promise<readonly CertificateRecord[]>;
  counts(now: Date): Promise<StatusCounts>;

  /** The latest CRL of that issuer. */
  lastCrl(issuer: IssuerRole): Promise<CrlRecord | undefined>;
  /** The number of the latest `revoked` entry that changed anything; 0 if there is none. */
  lastRevocationSeq(): Promise<number>;
  /**
   * The revocations of client certificates for the next CRL, ordered by revocation. With `dropExpired` those that have been on
   * a CRL after their certificate's notAfter are left out (isDueOnCrl in record.ts).
   */
  revocationsForCrl(options: { readonly dropExpired: boolean }): Promise<PagedRevocations>;
}

/** How many certificates have each status. */
export interface StatusCounts {
  readonly active: number;
  readonly superseded: number;
  readonly revoked: number;
  readonly expired: number;
}
