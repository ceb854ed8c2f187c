import { findRepeated } from '../../x509/certificate.ts';
import type { CertificateRule } from '../rule.ts';

/** No extension stands twice. */
export const extensionsOnce: CertificateRule = {
  name: 'extensions-once',
  cites: 'RFC 5280 §4.2',
  check({ extensions }) {
    const repeated = findRepeated(extensions.map(({ oid }) => oid));
    return repeated && `extension ${repeated} stands twice`;
  },
};
