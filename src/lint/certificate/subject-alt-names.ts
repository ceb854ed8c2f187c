import { printable } from '../../core/printable.ts';
import { formatSan, parseSan } from '../../core/san.ts';
import type { CertificateRule } from '../rule.ts';

/** Each name is well-formed and canonically spelt, and stands once. */
export const subjectAltNames: CertificateRule = {
  name: 'subject-alt-names',
  cites: 'RFC 5280 §4.2.1.6',
  check({ subjectAltNames }) {
    const seen = new Set<string>();
    for (const san of subjectAltNames) {
      const shown = printable(formatSan(san));
      if (seen.has(shown)) return `SubjectAltName has ${shown} twice`;
      seen.add(shown);
      const canonical = parseSan(san.type, san.value);
      if (canonical.value !== san.value) return `SubjectAltName ${shown} is not spelt ${canonical.value}`;
    }
    return undefined;
  },
};
