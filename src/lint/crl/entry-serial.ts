import { maxSerialOctets } from '../../core/serial.ts';
import type { CrlEntryRule } from '../rule.ts';

/** The serial of an entry is one that a certificate can have. */
export const entrySerial: CrlEntryRule = {
  name: 'entry-serial',
  cites: 'RFC 5280 §4.1.2.2, §5.1.2.6',
  check(entry) {
    const first = entry.bytes[entry.serialStart] ?? 0;
    if (first >= 0x80) return `entry ${entry.index} has a negative serial`;
    if (first === 0 && entry.serialLength === 1) return `entry ${entry.index} has the serial zero`;
    if (entry.serialLength <= maxSerialOctets) return undefined;
    return `entry ${entry.index} has a serial of ${entry.serialLength} octets > ${maxSerialOctets} allowed`;
  },
};
