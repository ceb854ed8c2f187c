import type { CrlRule } from '../rule.ts';

/** When nothing is revoked, revokedCertificates is absent rather than empty. */
export const noEmptyList: CrlRule = {
  name: 'no-empty-list',
  cites: 'RFC 5280 §5.1.2.6',
  check({ entries }) {
    return entries?.length === 0 ? 'revokedCertificates is present but empty' : undefined;
  },
};
