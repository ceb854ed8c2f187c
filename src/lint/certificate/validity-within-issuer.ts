import { formatInstant } from '../../core/instant.ts';
import type { CertificateRule } from '../rule.ts';

/** The certificate is valid only while its issuer is: outside of that no path validates. */
export const validityWithinIssuer: CertificateRule = {
  name: 'validity-within-issuer',
  cites: 'RFC 5280 §6.1.3',
  check({ notBefore, notAfter }, issuer) {
    if (notBefore < issuer.notBefore) {
      return `notBefore ${formatInstant(notBefore)} is before the issuer's ${formatInstant(issuer.notBefore)}`;
    }
    if (notAfter > issuer.notAfter) {
      return `notAfter ${formatInstant(notAfter)} is after the issuer's ${formatInstant(issuer.notAfter)}`;
    }
    return undefined;
  },
};
