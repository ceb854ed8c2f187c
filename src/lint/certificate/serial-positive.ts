import type { CertificateRule } from '../rule.ts';

/** The serial is greater than zero. */
export const serialPositive: CertificateRule = {
  name: 'serial-positive',
  cites: 'RFC 5280 §4.1.2.2',
  check({ serialOctets }) {
    const isZero = serialOctets.every((octet) => octet === 0);
    const isNegative = (serialOctets[0] ?? 0) >= 0x80;
    return isZero || isNegative ? `serial is ${isZero ? 'zero' : 'negative'}` : undefined;
  },
};
