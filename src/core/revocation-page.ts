import { CrlEntryEncoder } from './crl-entry.ts';
import { type RevocationReason, revocationReasons } from './revocation-reason.ts';
import { type Serial, serialOctets } from './serial.ts';

/** What a CRL says of one revoked certificate (RFC 5280 §5.3). */
export interface Revocation {
  readonly serial: Serial;
  readonly revokedAt: Date;
  readonly reason: RevocationReason;
  /** When the key is known or suspected to have been compromised (RFC 5280 §5.3.2). */
  readonly invalidityDate?: Date;
}

/**
 * Revocations as the entries of a CRL, in DER, one after another: whoever keeps a million of them keeps them ready to be
 * copied into the next CRL. None has more than 127 octets, so that its length stands in its second one.
 */
export type RevocationPage = Uint8Array;

/** Revocations that need not fit into memory. */
export interface PagedRevocations {
  /** How many there are at most. */
  readonly atMost: number;
  /** All of them, in their order. A page is good until the next one is asked for. */
  pages(): AsyncIterable<RevocationPage>;
}

/** One page with these revocations, in their order. */
export function encodeRevocationPage(revocations: readonly Revocation[]): RevocationPage {
  const encoder = new CrlEntryEncoder();
  const entries = revocations.map(({ serial, reason, revokedAt, invalidityDate }) =>
    Buffer.from(
      encoder.encode(serialOctets(serial), {
        revokedAt: wholeSeconds(revokedAt),
        reason: revocationReasons[reason],
        invalidityDate: invalidityDate && wholeSeconds(invalidityDate),
      }),
    ),
  );
  return Buffer.concat(entries);
}

/** How many revocations a page has. Throws `RangeError` if it ends within one. */
export function countRevocations(page: RevocationPage): number {
  let count = 0;
  let at = 0;
  for (; at < page.length; at += 2 + (page[at + 1] ?? 0)) count++;
  if (at !== page.length) throw new RangeError('a revocation page ends within an entry');
  return count;
}

function wholeSeconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}
