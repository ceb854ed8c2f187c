import type { CrlEntryRule } from '../rule.ts';

/** An entry's serial, by which the certificate is known, is that of no entry before it. */
export const entryOnce: CrlEntryRule = {
  name: 'entry-once',
  cites: 'RFC 5280 §5.1.2.6',
  check(entry, { serials }) {
    return serials.add(entry) ? undefined : `entry ${entry.index} has the serial of an entry before it`;
  },
};
