import { checkAttribute } from '../../core/distinguished-name.ts';
import { tags } from '../../x509/der-writer.ts';
import { type RawAttribute, readRdns, stringTagOf, typeOfOid } from '../../x509/name.ts';
import type { CertificateRule } from '../rule.ts';

/** The subject has attributes that we make, in their lengths and string types; a CA's is not empty. */
export const subjectName: CertificateRule = {
  name: 'subject-name',
  cites: 'RFC 5280 §4.1.2.6, appendix A.1',
  check(certificate) {
    const rdns = readRdns(certificate.subject);
    if (rdns.length === 0 && certificate.basicConstraints?.ca) return 'subject of a CA is empty';
    for (const rdn of rdns) {
      const fault = findFault(rdn);
      if (fault) return fault;
    }
    return undefined;
  },
};

function findFault(rdn: readonly RawAttribute[]): string | undefined {
  const [attribute] = rdn;
  if (!attribute || rdn.length > 1) return 'subject has an RDN of several attributes';
  const type = typeOfOid(attribute.oid);
  if (!type) return `subject has an attribute of the unknown type ${attribute.oid}`;
  const { tag, text } = attribute;
  const wanted = stringTagOf(type);
  // RFC 5280 §4.1.2.4 takes PrintableString too where it takes UTF8String; imported CAs have it.
  const isAllowed = tag === wanted || (wanted === tags.utf8String && tag === tags.printableString);
  if (text === undefined || !isAllowed)
    return `subject attribute ${type} has the string type ${tag}, not ${wanted}`;
  checkAttribute(type, text);
  return undefined;
}
