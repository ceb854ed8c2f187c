import type { CrlRule } from '../rule.ts';

/** The CRL is v2, as it has extensions. */
export const crlVersion: CrlRule = {
  name: 'crl-version',
  cites: 'RFC 5280 §5.1.2.1',
  check({ version }) {
    return version === 2 ? undefined : `version is v${version}, not v2`;
  },
};
