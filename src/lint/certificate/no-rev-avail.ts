import { oids } from '../../x509/oids.ts';
import type { CertificateRule } from '../rule.ts';

/** A certificate without revocation says nowhere where its revocation is found, and is no CA. */
export const noRevAvail: CertificateRule = {
  name: 'no-rev-avail',
  cites: 'RFC 9608 §2, §3',
  check({ extensions, basicConstraints, ocsp }) {
    const present = new Set(extensions.map(({ oid }) => oid));
    if (!present.has(oids.noRevAvail)) return undefined;
    if (basicConstraints?.ca) return 'noRevAvail stands in a CA certificate';
    if (present.has(oids.cRLDistributionPoints)) return 'noRevAvail stands beside CRLDistributionPoints';
    if (present.has(oids.freshestCRL)) return 'noRevAvail stands beside FreshestCRL';
    return ocsp.length > 0 ? 'noRevAvail stands beside an OCSP responder' : undefined;
  },
};
