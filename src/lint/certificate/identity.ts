import { oids } from '../../x509/oids.ts';
import type { CertificateRule } from '../rule.ts';

/** The certificate names somebody; if the subject is empty, SubjectAltName does, and is critical exactly then. */
export const identity: CertificateRule = {
  name: 'identity',
  cites: 'RFC 5280 §4.1.2.6, §4.2.1.6',
  check({ subject, extensions }) {
    const isEmpty = subject.length <= 2;
    const extension = extensions.find(({ oid }) => oid === oids.subjectAltName);
    if (!extension) return isEmpty ? 'subject is empty and there is no SubjectAltName' : undefined;
    if (extension.critical === isEmpty) return undefined;
    return isEmpty
      ? 'SubjectAltName is not critical though the subject is empty'
      : 'SubjectAltName is critical though the subject is not empty';
  },
};
