import { findRepeatedSerial } from '../repeated-serial.ts';
import type { CrlRule } from '../rule.ts';

/** An entry's serial, by which the certificate is known, is that of no entry before it. */
export const entryOnce: CrlRule = {
  name: 'entry-once',
  cites: 'RFC 5280 §5.1.2.6',
  check({ entries }) {
    const index = entries && findRepeatedSerial(entries);
    return index === undefined ? undefined : `entry ${index} has the serial of an entry before it`;
  },
};
