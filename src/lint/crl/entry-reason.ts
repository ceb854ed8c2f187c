import { revocationReasons } from '../../core/revocation-reason.ts';
import type { CrlEntryRule } from '../rule.ts';

/** A reason is one of those for a full CRL; "unspecified" is left out, not written. */
export const entryReason: CrlEntryRule = {
  name: 'entry-reason',
  cites: 'RFC 5280 §5.3.1',
  check(entry) {
    if (entry.reasonCode < 0) return undefined;
    if (entry.reasonCode === 0) return `entry ${entry.index} spells out the reason "unspecified"`;
    if (codes.has(entry.reasonCode)) return undefined;
    return `entry ${entry.index} has the reason code ${entry.reasonCode}, which no full CRL has`;
  },
};

const codes: ReadonlySet<number> = new Set(Object.values(revocationReasons));
