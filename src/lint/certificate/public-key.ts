import { readSpki } from '../../x509/subject-public-key-info.ts';
import type { CertificateRule } from '../rule.ts';

/** The key is of a kind and size that we certify, and without a known weakness. */
export const publicKey: CertificateRule = {
  name: 'public-key',
  cites: 'RFC 5280 §4.1.2.7, FIPS 186-5',
  check({ spki }) {
    readSpki(spki);
    return undefined;
  },
};
