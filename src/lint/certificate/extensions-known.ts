import { oids } from '../../x509/oids.ts';
import type { CertificateRule } from '../rule.ts';

/** Every extension is one that these rules judge. */
export const extensionsKnown: CertificateRule = {
  name: 'extensions-known',
  cites: 'RFC 5280 §4.2',
  check({ extensions }) {
    const unknown = extensions.find(({ oid }) => !known.has(oid));
    return unknown && `extension ${unknown.oid} is not one that we make`;
  },
};

const known = new Set<string>([
  oids.authorityInfoAccess,
  oids.authorityKeyIdentifier,
  oids.basicConstraints,
  oids.cRLDistributionPoints,
  oids.extKeyUsage,
  oids.keyUsage,
  oids.nameConstraints,
  oids.noRevAvail,
  oids.subjectAltName,
  oids.subjectKeyIdentifier,
]);
