import { type RevocationReason, reasonOfCode } from '../core/revocation-reason.ts';
import type { Run } from './index-run.ts';
import { certificateRow as at, flags as flag, type Place, readPlace, readSeconds } from './index-tables.ts';

/** What the runs together tell of one certificate, beside its own line. */
export interface Facts {
  readonly seq: number;
  readonly place: Place;
  /** Unix seconds. */
  readonly notAfter: number;
  readonly flags: number;
  readonly deliveredAt?: Date;
  readonly supersededAt?: Date;
  readonly revocation?: {
    readonly seq: number;
    readonly at: Date;
    readonly reason: RevocationReason;
    readonly invalidityDate?: Date;
  };
}

/** What is known of the certificate with that key; undefined if it was never issued. */
export function findFacts(runs: readonly Run[], serialKey: Buffer): Facts | undefined {
  let facts: Partial<Facts> & { flags: number } = { flags: 0 };
  for (const run of runs) {
    const row = run.certificates.find(serialKey);
    if (row) facts = { ...facts, ...readFacts(row), flags: facts.flags | (row[at.flags] ?? 0) };
  }
  return facts.flags & flag.issued ? (facts as Facts) : undefined;
}

function readFacts(row: Buffer): Partial<Facts> {
  const flags = row[at.flags] ?? 0;
  return {
    ...(flags & flag.issued && {
      seq: row.readUIntBE(at.seq, 6),
      place: readPlace(row, at.place),
      notAfter: readSeconds(row, at.notAfter),
    }),
    ...(flags & flag.delivered && { deliveredAt: new Date(row.readDoubleBE(at.deliveredAt)) }),
    ...(flags & flag.superseded && { supersededAt: new Date(row.readDoubleBE(at.supersededAt)) }),
    ...(flags & flag.revoked && {
      revocation: {
        seq: row.readUIntBE(at.revokedSeq, 6),
        at: new Date(row.readDoubleBE(at.revokedAt)),
        reason: reasonOfCode(row[at.reason] ?? 0) ?? 'unspecified',
        ...(flags & flag.invalidity && {
          invalidityDate: new Date(readSeconds(row, at.invalidityDate) * 1000),
        }),
      },
    }),
  };
}
