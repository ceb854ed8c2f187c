import type { Rule } from '../rule.ts';

/** The issuer's key is named by the identifier in its own certificate; a self-signed one may leave that out. */
export const authorityKeyIdentifier: Rule<{ readonly authorityKeyIdentifier: Uint8Array | undefined }> = {
  name: 'authority-key-identifier',
  cites: 'RFC 5280 §4.2.1.1, §5.2.1',
  check(subject, issuer) {
    if (!subject.authorityKeyIdentifier) {
      return issuer.selfSigned ? undefined : 'AuthorityKeyIdentifier is missing';
    }
    if (Buffer.compare(subject.authorityKeyIdentifier, issuer.keyIdentifier) === 0) return undefined;
    return "AuthorityKeyIdentifier is not the issuer's SubjectKeyIdentifier";
  },
};
