import { formatInstant } from '../../core/instant.ts';
import type { CertificateRule } from '../rule.ts';

/** The certificate does not end before it begins. */
export const validityOrder: CertificateRule = {
  name: 'validity-order',
  cites: 'RFC 5280 §4.1.2.5',
  check({ notBefore, notAfter }) {
    if (notBefore < notAfter) return undefined;
    return `notAfter ${formatInstant(notAfter)} is not after notBefore ${formatInstant(notBefore)}`;
  },
};
