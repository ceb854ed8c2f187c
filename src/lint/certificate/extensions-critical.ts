import { oids } from '../../x509/oids.ts';
import type { CertificateRule } from '../rule.ts';

/** Extensions that verifiers must obey are critical, the informative ones are not. */
export const extensionsCritical: CertificateRule = {
  name: 'extensions-critical',
  cites: 'RFC 5280 §4.2.1, §4.2.2',
  check(certificate) {
    for (const { oid, critical } of certificate.extensions) {
      const wanted = oid === oids.basicConstraints ? certificate.basicConstraints?.ca : criticality.get(oid);
      if (wanted !== undefined && critical !== wanted) {
        return `extension ${oid} is ${critical ? '' : 'not '}critical`;
      }
    }
    return undefined;
  },
};

/** SubjectAltName depends on the subject: see the rule `identity`. */
const criticality = new Map<string, boolean>([
  [oids.keyUsage, true],
  [oids.nameConstraints, true],
  [oids.authorityInfoAccess, false],
  [oids.authorityKeyIdentifier, false],
  [oids.cRLDistributionPoints, false],
  [oids.extKeyUsage, false],
  [oids.noRevAvail, false],
  [oids.subjectKeyIdentifier, false],
]);
