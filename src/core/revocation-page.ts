import { type RevocationReason, reasonOfCode, revocationReasons } from './revocation-reason.ts';
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
 * Revocations as fixed-width records, so that a CRL of a million entries is written without a million objects.
 *
 * A record has {@link revocationWidth} octets: eleven that are left to whoever keeps it, so that what is kept needs no
 * copying, then at {@link revocationStart} the serial's length, the serial left-aligned in 20 octets, the CRLReason code,
 * and revokedAt and invalidityDate as big-endian 40-bit Unix seconds (0: no invalidityDate).
 */
export type RevocationPage = Uint8Array;

export const revocationStart = 11;
export const revocationWidth = revocationStart + 32;

/** Revocations that need not fit into memory. */
export interface PagedRevocations {
  /** How many there are at most. */
  readonly atMost: number;
  /** All of them, in their order. A page is good until the next one is asked for. */
  pages(): AsyncIterable<RevocationPage>;
}

/** One page with these revocations, in their order. */
export function encodeRevocationPage(revocations: readonly Revocation[]): RevocationPage {
  const page = Buffer.alloc(revocations.length * revocationWidth);
  revocations.forEach((revocation, index) => {
    const at = index * revocationWidth + revocationStart;
    const serial = serialOctets(revocation.serial);
    page[at] = serial.length;
    page.set(serial, at + 1);
    page[at + 21] = revocationReasons[revocation.reason];
    page.writeUIntBE(Math.floor(revocation.revokedAt.getTime() / 1000), at + 22, 5);
    page.writeUIntBE(Math.floor((revocation.invalidityDate?.getTime() ?? 0) / 1000), at + 27, 5);
  });
  return page;
}

/** The revocations of a page, as objects. */
export function decodeRevocationPage(page: RevocationPage): Revocation[] {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.byteLength);
  return Array.from({ length: bytes.length / revocationWidth }, (_, index) => {
    const at = index * revocationWidth + revocationStart;
    const invalidity = bytes.readUIntBE(at + 27, 5);
    return {
      serial: bytes.toString('hex', at + 1, at + 1 + (bytes[at] ?? 0)) as Serial,
      reason: reasonOfCode(bytes[at + 21] ?? 0) ?? 'unspecified',
      revokedAt: new Date(bytes.readUIntBE(at + 22, 5) * 1000),
      ...(invalidity === 0 ? {} : { invalidityDate: new Date(invalidity * 1000) }),
    };
  });
}
