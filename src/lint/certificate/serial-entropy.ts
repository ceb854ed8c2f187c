import type { CertificateRule } from '../rule.ts';

/** The serial has room for the 64 random bits that keep a certificate's bytes from being foreseen. */
export const serialEntropy: CertificateRule = {
  name: 'serial-entropy',
  cites: 'CA/Browser Forum BR §7.1',
  check({ serialOctets }) {
    const octets = serialOctets[0] === 0 ? serialOctets.length - 1 : serialOctets.length;
    return octets < minOctets ? `serial has ${octets} octets < ${minOctets} required` : undefined;
  },
};

const minOctets = 8;
