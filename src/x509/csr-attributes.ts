import { CaError } from '../core/ca-error.ts';
import { formatSan, parseSan, type San } from '../core/san.ts';
import { type DerReader, malformed, readDer } from './der-reader.ts';
import { contextTagConstructed, tags } from './der-writer.ts';
import { decodeGeneralNames } from './general-name.ts';
import { oids } from './oids.ts';

/** One extension that a CSR asks for; what it would say is left out, for it is never granted. */
export interface RequestedExtension {
  readonly oid: string;
  readonly critical: boolean;
  /** The standard's word for the OID, if it is a known one. */
  readonly name: string | undefined;
}

export interface CsrAttributes {
  readonly subjectAltNames: readonly San[];
  readonly requestedExtensions: readonly RequestedExtension[];
}

/**
 * The names and extensions that the attributes of a CertificationRequestInfo ask for (RFC 2986 §4.1, RFC 2985
 * §5.4.2); other attributes, challenge passwords among them, are passed over unread.
 *
 * Throws `x509/malformed` for attributes or extensions that come twice, for critical extensions that we do not know
 * and for names that we do not make; `core/invalid-san`; `x509/ca-requested`.
 */
export function readCsrAttributes(info: DerReader): CsrAttributes {
  // RFC 2986 wants `[0]` even when it is empty; several libraries leave it out, and nothing hangs on it.
  const requests = info.isAtEnd
    ? []
    : readExtensionRequests(info.open(contextTagConstructed(0), 'attributes'));
  if (requests.length > 1) throw malformed('request has more than one extensionRequest (RFC 2985 §5.4.2)');
  const extensions = requests.flatMap(readExtensions);
  const san = extensions.find(({ oid }) => oid === oids.subjectAltName);
  return {
    subjectAltNames: san ? readNames(san.value) : [],
    requestedExtensions: extensions.map(({ oid, critical, name }) => ({ oid, critical, name })),
  };
}

/** Older Windows has an attribute of its own for the same thing. */
const microsoftExtensionRequest = '1.3.6.1.4.1.311.2.1.14';

/** Names of the extensions that may be asked for, and passed over, even if marked critical. */
const knownExtensions: ReadonlyMap<string, string> = new Map([
  ...(
    [
      'subjectKeyIdentifier',
      'keyUsage',
      'subjectAltName',
      'basicConstraints',
      'authorityKeyIdentifier',
      'extKeyUsage',
      'cRLDistributionPoints',
      'authorityInfoAccess',
    ] as const
  ).map((name) => [oids[name], name] as const),
  ['2.5.29.32', 'certificatePolicies'],
  ['1.3.6.1.5.5.7.1.24', 'tlsFeature'],
  ['1.2.840.113549.1.9.15', 'smimeCapabilities'],
  ['2.16.840.1.113730.1.1', 'netscapeCertType'],
  ['2.16.840.1.113730.1.13', 'netscapeComment'],
  ['1.3.6.1.4.1.311.20.2', 'enrollCerttype'],
  ['1.3.6.1.4.1.311.21.7', 'certificateTemplate'],
  ['1.3.6.1.4.1.311.21.10', 'applicationCertPolicies'],
]);

interface ReadExtension extends RequestedExtension {
  readonly value: Uint8Array;
}

function readExtensionRequests(attributes: DerReader): Uint8Array[] {
  const requests: Uint8Array[] = [];
  const seen = new Set<string>();
  while (!attributes.isAtEnd) {
    const attribute = attributes.sequence('attribute');
    const type = attribute.oid('attribute type');
    if (seen.has(type)) throw malformed(`attribute ${type} comes twice`);
    seen.add(type);
    const values = attribute.set('attribute values');
    attribute.end('attribute values');
    if (type !== oids.extensionRequest && type !== microsoftExtensionRequest) continue;
    requests.push(values.element('extensionRequest'));
    values.end('extensionRequest');
  }
  return requests;
}

function readExtensions(bytes: Uint8Array): ReadExtension[] {
  return readDer(bytes, 'extensions', (reader) => {
    const list = reader.sequence('extensions');
    const extensions: ReadExtension[] = [];
    while (!list.isAtEnd) {
      const extension = readExtension(list.sequence('extension'));
      if (extensions.some(({ oid }) => oid === extension.oid)) {
        throw malformed(`extension ${extension.name ?? extension.oid} comes twice (RFC 5280 §4.2)`);
      }
      extensions.push(extension);
    }
    return extensions;
  });
}

function readExtension(reader: DerReader): ReadExtension {
  const oid = reader.oid('extension type');
  const critical = reader.defaultFalse('critical');
  const value = reader.octetString('extension value');
  reader.end('extension value');
  const name = knownExtensions.get(oid);
  if (critical && name === undefined) {
    throw malformed(`request has the unknown critical extension ${oid}`);
  }
  if (oid === oids.basicConstraints) refuseCa(value);
  return { oid, critical, name, value };
}

/** RFC 5280 §4.2.1.9. That a default is spelt out, as some tools do, changes nothing here. */
function refuseCa(value: Uint8Array): void {
  const cA = readDer(value, 'basicConstraints', (reader) => {
    const constraints = reader.sequence('basicConstraints');
    const isCa = constraints.nextTag === tags.boolean && constraints.boolean('cA');
    if (!constraints.isAtEnd) constraints.integer('pathLenConstraint');
    constraints.end('pathLenConstraint');
    return isCa;
  });
  if (cA) {
    throw new CaError('x509/ca-requested', 'request asks for a CA certificate (basicConstraints CA:TRUE)', {
      hint: 'make a request for a client, without basicConstraints',
    });
  }
}

function readNames(value: Uint8Array): San[] {
  const byText = new Map<string, San>();
  for (const { type, value: text } of decodeGeneralNames(value)) {
    const san = parseSan(type, text);
    byText.set(formatSan(san), san);
  }
  return [...byText.values()];
}
