import type { CertificateRule } from '../rule.ts';

/** A self-signed certificate is a CA under its own name and key; any other has another subject than its issuer. */
export const selfSigned: CertificateRule = {
  name: 'self-signed',
  cites: 'RFC 5280 §3.2, §6.1',
  check({ subject, spki, basicConstraints }, issuer) {
    const isSameName = Buffer.compare(subject, issuer.subject) === 0;
    if (!issuer.selfSigned) return isSameName ? "subject is the issuer's own" : undefined;
    if (!basicConstraints?.ca) return 'self-signed certificate is no CA';
    if (!isSameName) return 'self-signed certificate has another subject than issuer';
    return Buffer.compare(spki, issuer.spki) === 0
      ? undefined
      : "self-signed certificate has not the signer's key";
  },
};
