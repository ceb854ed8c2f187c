import type { ClientName } from '../core/client-name.ts';
import type { RevocationReason } from '../core/revocation-reason.ts';
import type { Serial } from '../core/serial.ts';
import type { ClientPolicy, IssuerRole } from './entry.ts';

/** A point of the record: the last entry's number, the SHA-256 of its line, and its time. */
export interface LedgerHead {
  readonly seq: number;
  readonly hash: string;
  readonly time: Date;
}

/** The authority as its first entry tells it. Certificates are DER. */
export interface AuthorityRecord {
  readonly name: string;
  readonly createdAt: Date;
  readonly root: Uint8Array;
  readonly issuing?: Uint8Array;
}

export interface ClientRecord {
  readonly name: ClientName;
  readonly addedAt: Date;
  readonly policy: ClientPolicy;
}

/** What the ledger knows of one certificate, without its DER. */
export interface CertificateRecord {
  readonly client: ClientName;
  readonly serial: Serial;
  readonly profile: string;
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of the SubjectPublicKeyInfo in hex. */
  readonly key: string;
  /** The number and time of its `issued` entry. */
  readonly seq: number;
  readonly issuedAt: Date;
  readonly supersedes?: Serial;
  /** True if it was taken into the record after it had been lost to it. */
  readonly adopted?: true;
  readonly deliveredAt?: Date;
  /** When the certificate that supersedes this one was delivered. */
  readonly supersededAt?: Date;
  readonly revocation?: RevocationRecord;
}

export interface RevocationRecord {
  readonly seq: number;
  readonly at: Date;
  readonly reason: RevocationReason;
  readonly invalidityDate?: Date;
}

export interface CrlRecord {
  readonly seq: number;
  /** SHA-256 of its entry's line: what the head beside the CRL says. */
  readonly hash: string;
  readonly issuer: IssuerRole;
  readonly number: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
  /** SHA-256 in hex of the DER, and of the PEM if that is on record. */
  readonly sha256: string;
  readonly pemSha256?: string;
  /** How many entries are of certificates that the record does not know. */
  readonly carried?: number;
}

export const certificateStatuses = ['active', 'superseded', 'revoked', 'expired'] as const;

export type CertificateStatus = (typeof certificateStatuses)[number];

/** The status at `now`, derived: revoked before expired before superseded. */
export function certificateStatus(record: CertificateRecord, now: Date): CertificateStatus {
  if (record.revocation) return 'revoked';
  if (record.notAfter < now) return 'expired';
  return record.supersededAt ? 'superseded' : 'active';
}

/**
 * True if the revoked certificate must stand on the next CRL: an entry stays until it has been on one CRL issued
 * after the certificate's notAfter (RFC 5280 §3.3).
 *
 * @param lastCrl the latest CRL that was published, if any
 */
export function isDueOnCrl(
  notAfterMs: number,
  revokedSeq: number,
  lastCrl: Pick<CrlRecord, 'seq' | 'thisUpdate'> | undefined,
): boolean {
  return !lastCrl || lastCrl.seq < revokedSeq || lastCrl.thisUpdate.getTime() <= notAfterMs;
}
