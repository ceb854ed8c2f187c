import type { CertificateRule } from '../rule.ts';

/** A CA stands only below an issuer whose path length leaves room for it. */
export const pathLength: CertificateRule = {
  name: 'path-length',
  cites: 'RFC 5280 §4.2.1.9',
  check({ basicConstraints }, issuer) {
    if (!basicConstraints?.ca || issuer.selfSigned || issuer.pathLength === undefined) return undefined;
    if (issuer.pathLength === 0) return 'issuer has path length 0: no CA may stand below it';
    const { pathLength } = basicConstraints;
    if (pathLength === undefined || pathLength < issuer.pathLength) return undefined;
    return `path length ${pathLength} is not below the issuer's ${issuer.pathLength}`;
  },
};
