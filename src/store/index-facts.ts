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
  const facts: FactsSoFar = { flags: 0 };
  for (const run of runs) {
    const row = run.certificates.find(serialKey);
    if (row) addFacts(facts, row);
  }
  return facts.flags & flag.issued ? (facts as Facts) : undefined;
}

type FactsSoFar = { -readonly [K in keyof Facts]?: Facts[K] } & { flags: number };

/** Assigned one by one: a list of a million certificates spends a tenth of its time in objects that are spread into others. */
function addFacts(facts: FactsSoFar, row: Buffer): void {
  const flags = row[at.flags] ?? 0;
  facts.flags |= flags;
  if (flags & flag.issued) {
    facts.seq = row.readUIntBE(at.seq, 6);
    facts.place = readPlace(row, at.place);
    facts.notAfter = readSeconds(row, at.notAfter);
  }
  if (flags & flag.delivered) facts.deliveredAt = new Date(row.readDoubleBE(at.deliveredAt));
  if (flags & flag.superseded) facts.supersededAt = new Date(row.readDoubleBE(at.supersededAt));
  if (flags & flag.revoked) {
    facts.revocation = {
      seq: row.readUIntBE(at.revokedSeq, 6),
      at: new Date(row.readDoubleBE(at.revokedAt)),
      reason: reasonOfCode(row[at.reason] ?? 0) ?? 'unspecified',
      ...(flags & flag.invalidity && {
        invalidityDate: new Date(readSeconds(row, at.invalidityDate) * 1000),
      }),
    };
  }
}
