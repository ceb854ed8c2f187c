import { encodeSignatureAlgorithm, signatureAlgorithmOf } from '../../x509/signature-algorithm.ts';
import { readKeyKind } from '../../x509/subject-public-key-info.ts';
import type { Rule } from '../rule.ts';

/** The algorithm is the one of the issuer's key, its parameters as its RFC wants them: NULL for RSA, else absent. */
export const signatureAlgorithm: Rule<{ readonly signatureAlgorithm: Uint8Array }> = {
  name: 'signature-algorithm',
  cites: 'RFC 5280 §4.1.1.2, RFC 4055 §5, RFC 5758 §3.2, RFC 8410 §3',
  check(subject, issuer) {
    const wanted = signatureAlgorithmOf(readKeyKind(issuer.spki));
    if (Buffer.compare(subject.signatureAlgorithm, encodeSignatureAlgorithm(wanted)) === 0) return undefined;
    return `signature algorithm is not ${wanted}, the one of the issuer's key`;
  },
};
