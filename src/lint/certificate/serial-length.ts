import { maxSerialOctets } from '../../core/serial.ts';
import type { CertificateRule } from '../rule.ts';

/** The serial has at most 20 octets, sign octet included. */
export const serialLength: CertificateRule = {
  name: 'serial-length',
  cites: 'RFC 5280 §4.1.2.2',
  check({ serialOctets }) {
    const { length } = serialOctets;
    return length > maxSerialOctets ? `serial has ${length} octets > ${maxSerialOctets} allowed` : undefined;
  },
};
