import type { CertificateRule } from '../rule.ts';

/** A leaf may make the signatures of a handshake, and may sign no certificate and no CRL. */
export const leafKeyUsage: CertificateRule = {
  name: 'leaf-key-usage',
  cites: 'RFC 5280 §4.2.1.3, §4.2.1.9',
  check({ basicConstraints, keyUsage }) {
    if (basicConstraints?.ca) return undefined;
    if (!keyUsage?.includes('digitalSignature')) return 'KeyUsage lacks digitalSignature';
    const excess = keyUsage.find((usage) => usage === 'keyCertSign' || usage === 'cRLSign');
    return excess && `KeyUsage has ${excess} though the certificate is no CA`;
  },
};
