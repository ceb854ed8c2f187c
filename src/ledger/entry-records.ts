import type { AuthorityCreated, Entry, EntryHead, Issued } from './entry.ts';
import type { AuthorityRecord, CertificateRecord, CrlRecord } from './record.ts';

/** What an `issued` entry says by itself. */
export function issuedRecord(entry: EntryHead & Issued): CertificateRecord {
  const { type: _type, prev: _prev, certificate: _certificate, time: issuedAt, ...record } = entry;
  return { ...record, issuedAt };
}

/** What the first entry says. */
export function authorityRecord({
  name,
  time,
  root,
  issuing,
}: EntryHead & AuthorityCreated): AuthorityRecord {
  return {
    name,
    createdAt: time,
    root: Buffer.from(root, 'base64'),
    ...(issuing !== undefined && { issuing: Buffer.from(issuing, 'base64') }),
  };
}

/** What a `crl-published` entry says. */
export function crlRecord(entry: Extract<Entry, { type: 'crl-published' }>, hash: string): CrlRecord {
  const { type: _type, prev: _prev, time: _time, number, ...record } = entry;
  return { ...record, hash, number: BigInt(number) };
}
