import { isUtcTime } from '../../core/asn1-time.ts';
import type { CrlEntryRule } from '../rule.ts';

/** The revocation date of an entry is UTCTime through 2049 and GeneralizedTime from 2050 on. */
export const entryTimeForm: CrlEntryRule = {
  name: 'entry-time-form',
  cites: 'RFC 5280 §5.1.2.6',
  check(entry) {
    if (entry.isUtcTime === isUtcTime(entry.revokedAt)) return undefined;
    return `entry ${entry.index} has its revocation date as ${entry.isUtcTime ? 'UTCTime' : 'GeneralizedTime'}`;
  },
};
