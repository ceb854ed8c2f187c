import type { KeyUsage } from '../../x509/extensions.ts';
import type { CertificateRule } from '../rule.ts';

/** A CA may sign certificates and CRLs, and nothing else with the same key. */
export const caKeyUsage: CertificateRule = {
  name: 'ca-key-usage',
  cites: 'RFC 5280 §4.2.1.3',
  check({ basicConstraints, keyUsage }) {
    if (!basicConstraints?.ca) return undefined;
    const missing = required.find((usage) => !keyUsage?.includes(usage));
    if (missing) return `KeyUsage of a CA lacks ${missing}`;
    const excess = keyUsage?.find((usage) => !required.includes(usage));
    return excess && `KeyUsage of a CA has ${excess}`;
  },
};

const required: readonly KeyUsage[] = ['keyCertSign', 'cRLSign'];
