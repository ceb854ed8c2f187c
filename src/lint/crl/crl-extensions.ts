import { findRepeated } from '../../x509/certificate.ts';
import { oids } from '../../x509/oids.ts';
import type { CrlRule } from '../rule.ts';

/** The CRL has AuthorityKeyIdentifier and CRLNumber, each once and not critical, and nothing that makes it partial. */
export const crlExtensions: CrlRule = {
  name: 'crl-extensions',
  cites: 'RFC 5280 §5.2',
  check({ extensions }) {
    const repeated = findRepeated(extensions.map(({ oid }) => oid));
    if (repeated) return `extension ${repeated} stands twice`;
    const unknown = extensions.find(
      ({ oid }) => oid !== oids.authorityKeyIdentifier && oid !== oids.cRLNumber,
    );
    if (unknown) return `extension ${unknown.oid}${names.get(unknown.oid) ?? ''} is not one that we make`;
    const critical = extensions.find((extension) => extension.critical);
    return critical && `extension ${critical.oid} is critical`;
  },
};

const names = new Map<string, string>([
  [oids.deltaCRLIndicator, ' (deltaCRLIndicator)'],
  [oids.issuingDistributionPoint, ' (issuingDistributionPoint)'],
  [oids.freshestCRL, ' (freshestCRL)'],
]);
