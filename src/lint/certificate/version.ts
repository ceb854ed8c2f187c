import type { CertificateRule } from '../rule.ts';

/** The certificate is v3, as it has extensions. */
export const version: CertificateRule = {
  name: 'version',
  cites: 'RFC 5280 §4.1.2.1',
  check({ version }) {
    return version === 3 ? undefined : `version is v${version}, not v3`;
  },
};
