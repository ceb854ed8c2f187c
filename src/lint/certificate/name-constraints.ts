import { printable } from '../../core/printable.ts';
import { oids } from '../../x509/oids.ts';
import type { CertificateRule } from '../rule.ts';

/** Name constraints stand in CA certificates alone, and permit well-formed DNS names. */
export const nameConstraints: CertificateRule = {
  name: 'name-constraints',
  cites: 'RFC 5280 §4.2.1.10',
  check({ extensions, basicConstraints, permittedDns }) {
    if (!extensions.some(({ oid }) => oid === oids.nameConstraints)) return undefined;
    if (!basicConstraints?.ca) return 'NameConstraints stands in a certificate that is no CA';
    const malformed = permittedDns.find((base) => !/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(base));
    return malformed !== undefined
      ? `NameConstraints permits "${printable(malformed)}", which is no DNS name`
      : undefined;
  },
};
