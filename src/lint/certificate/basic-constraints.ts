import type { CertificateRule } from '../rule.ts';

/** The certificate says whether it is a CA, rather than leaving it to old verifiers to guess. */
export const basicConstraints: CertificateRule = {
  name: 'basic-constraints',
  cites: 'RFC 5280 §4.2.1.9',
  check({ basicConstraints }) {
    return basicConstraints ? undefined : 'BasicConstraints is missing';
  },
};
