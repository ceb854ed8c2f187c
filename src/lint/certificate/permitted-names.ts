import { isDnsWithin } from '../../core/san.ts';
import type { TbsCertificate } from '../../x509/certificate.ts';
import { readRdns, typeOfOid } from '../../x509/name.ts';
import type { CertificateRule } from '../rule.ts';

/** Every DNS name lies within the issuer's name constraints: outside of them no path validates. */
export const permittedNames: CertificateRule = {
  name: 'permitted-names',
  cites: 'RFC 5280 §4.2.1.10',
  check(certificate, issuer) {
    if (issuer.permittedDns.length === 0) return undefined;
    const outside = [...dnsNamesOf(certificate), ...certificate.permittedDns].find(
      (name) => !issuer.permittedDns.some((base) => isDnsWithin(name, base)),
    );
    if (outside === undefined) return undefined;
    return `DNS name ${outside} is outside of the issuer's name constraints (${issuer.permittedDns.join(', ')})`;
  },
};

/** A CN of two or more labels, as OpenSSL's cn2dnsid recognises it. */
const dnsLike = /^\w(?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)+$/;

/** The dNSNames or, where there are none, the CNs that OpenSSL holds against name constraints in their stead. */
function dnsNamesOf({ subject, subjectAltNames, basicConstraints }: TbsCertificate): string[] {
  const names = subjectAltNames.filter(({ type }) => type === 'dns').map(({ value }) => value);
  if (names.length > 0 || basicConstraints?.ca) return names;
  return readRdns(subject)
    .flat()
    .filter(({ oid, text }) => typeOfOid(oid) === 'CN' && text !== undefined && dnsLike.test(text))
    .map(({ text }) => text ?? '');
}
