import type { CertificateRule } from '../rule.ts';

/** A certificate with a SPIFFE ID has that URI alone, and is no CA. */
export const spiffeId: CertificateRule = {
  name: 'spiffe-id',
  cites: 'SPIFFE X509-SVID §2, §5.2',
  check({ subjectAltNames, basicConstraints }) {
    const uris = subjectAltNames.filter(({ type }) => type === 'uri');
    if (!uris.some(({ value }) => value.toLowerCase().startsWith('spiffe:'))) return undefined;
    if (basicConstraints?.ca) return 'a CA has a SPIFFE ID';
    return uris.length > 1 ? `SPIFFE ID stands beside ${uris.length - 1} more URI names` : undefined;
  },
};
