import { keyIdentifier } from '../../x509/subject-public-key-info.ts';
import type { CertificateRule } from '../rule.ts';

/** The certificate bears the identifier of its own key. */
export const subjectKeyIdentifier: CertificateRule = {
  name: 'subject-key-identifier',
  cites: 'RFC 5280 §4.2.1.2, RFC 7093 §2',
  check({ spki, subjectKeyIdentifier }) {
    if (!subjectKeyIdentifier) return 'SubjectKeyIdentifier is missing';
    if (Buffer.compare(subjectKeyIdentifier, keyIdentifier(spki)) === 0) return undefined;
    return "SubjectKeyIdentifier is not that of the certificate's key";
  },
};
