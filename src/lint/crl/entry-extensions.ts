import type { CrlEntryRule } from '../rule.ts';

/** Entries have a reason and an invalidity date, neither critical, and no other extension. */
export const entryExtensions: CrlEntryRule = {
  name: 'entry-extensions',
  cites: 'RFC 5280 §5.3',
  check(entry) {
    if (entry.hasCriticalExtension) return `entry ${entry.index} has a critical extension`;
    return entry.hasUnknownExtension
      ? `entry ${entry.index} has an extension that we do not make`
      : undefined;
  },
};
