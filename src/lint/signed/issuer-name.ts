import { formatName } from '../../x509/name.ts';
import type { Rule } from '../rule.ts';

/** The issuer is, octet for octet, the subject of the CA's certificate, so that every verifier finds it. */
export const issuerName: Rule<{ readonly issuer: Uint8Array }> = {
  name: 'issuer-name',
  cites: 'RFC 5280 §4.1.2.4, §5.1.2.3',
  check({ issuer }, { subject }) {
    if (issuer.length <= 2) return 'issuer is empty';
    if (Buffer.compare(issuer, subject) === 0) return undefined;
    return `issuer "${formatName(issuer)}" is not, octet for octet, the CA's subject "${formatName(subject)}"`;
  },
};
