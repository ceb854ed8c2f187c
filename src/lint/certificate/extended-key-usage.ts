import { findRepeated } from '../../x509/certificate.ts';
import { oids } from '../../x509/oids.ts';
import type { CertificateRule } from '../rule.ts';

/** A leaf has purposes, and "any" is not among them; a CA has none, since verifiers disagree on what they mean there. */
export const extendedKeyUsage: CertificateRule = {
  name: 'extended-key-usage',
  cites: 'RFC 5280 §4.2.1.12',
  check({ basicConstraints, extendedKeyUsage }) {
    if (basicConstraints?.ca) return extendedKeyUsage && 'ExtKeyUsage stands in a CA certificate';
    if (!extendedKeyUsage) return 'ExtKeyUsage is missing';
    if (extendedKeyUsage.includes(oids.anyExtendedKeyUsage)) return 'ExtKeyUsage has anyExtendedKeyUsage';
    const repeated = findRepeated(extendedKeyUsage);
    return repeated && `ExtKeyUsage has ${repeated} twice`;
  },
};
