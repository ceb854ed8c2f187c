import type { KeyUsage } from '../../x509/extensions.ts';
import { readKeyKind } from '../../x509/subject-public-key-info.ts';
import type { CertificateRule } from '../rule.ts';

/** The key can do what KeyUsage says: neither EC nor Ed25519 keys encipher, nor does Ed25519 agree. */
export const keyUsageOfKey: CertificateRule = {
  name: 'key-usage-of-key',
  cites: 'RFC 8813 §3, RFC 9295 §3',
  check({ spki, keyUsage }) {
    const kind = readKeyKind(spki);
    if (kind === 'rsa') return undefined;
    const isEc = kind !== 'ed25519';
    const excess = keyUsage?.find((usage) => encipherments.has(usage) || (!isEc && agreements.has(usage)));
    return excess && `KeyUsage has ${excess}, which ${isEc ? 'EC' : 'Ed25519'} keys must not have`;
  },
};

const encipherments: ReadonlySet<KeyUsage> = new Set(['keyEncipherment', 'dataEncipherment']);
const agreements: ReadonlySet<KeyUsage> = new Set(['keyAgreement', 'encipherOnly', 'decipherOnly']);
