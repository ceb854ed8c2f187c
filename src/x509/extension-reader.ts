import type { San } from '../core/san.ts';
import { type DerReader, malformed, readDer } from './der-reader.ts';
import { contextTag, contextTagConstructed } from './der-writer.ts';
import { type BasicConstraints, type KeyUsage, keyUsageBits } from './extensions.ts';
import { decodeGeneralNames, generalNameTags, readGeneralName } from './general-name.ts';
import { oids } from './oids.ts';

/** One Extension as it was read. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** What the OCTET STRING holds. */
  readonly value: Uint8Array;
  /** Where the extension starts, in the TBS bytes. */
  readonly offset: number;
}

/** What a certificate's extensions say, as far as they are known here; of a repeated one the first counts. */
export interface CertificateExtensions {
  readonly extensions: readonly Extension[];
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: readonly KeyUsage[] | undefined;
  /** Purposes by name where they have one here (`clientAuth`), else as dotted OIDs. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly subjectAltNames: readonly San[];
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  readonly authorityKeyIdentifier: Uint8Array | undefined;
  readonly crlDistributionPoints: readonly string[];
  readonly caIssuers: readonly string[];
  readonly ocsp: readonly string[];
  readonly permittedDns: readonly string[];
}

/** The Extensions, at least one, that the reader stands before (RFC 5280 §4.2). Throws `x509/malformed`. */
export function readExtensions(reader: DerReader): Extension[] {
  const list = reader.sequence('extensions');
  const extensions: Extension[] = [];
  do {
    const { offset } = list;
    const extension = list.sequence('extension');
    const oid = extension.oid('extension type');
    const critical = extension.defaultFalse(`critical of extension ${oid}`);
    const value = extension.octetString(`value of extension ${oid}`);
    extension.end(`extension ${oid}`);
    extensions.push({ oid, critical, value, offset });
  } while (!list.isAtEnd);
  return extensions;
}

/**
 * The known ones among a certificate's extensions, decoded. Throws `x509/malformed` also for valid forms that the
 * tool does not make and could not show in full: other name types, CRL issuers, excluded subtrees.
 */
export function decodeCertificateExtensions(extensions: readonly Extension[]): CertificateExtensions {
  const decoded: Mutable<CertificateExtensions> = {
    extensions,
    basicConstraints: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    subjectAltNames: [],
    subjectKeyIdentifier: undefined,
    authorityKeyIdentifier: undefined,
    crlDistributionPoints: [],
    caIssuers: [],
    ocsp: [],
    permittedDns: [],
  };
  // From the last to the first, so that of a repeated extension the first counts.
  for (let index = extensions.length - 1; index >= 0; index--) {
    const extension = extensions[index];
    if (extension) decodeInto(decoded, extension);
  }
  return decoded;
}

/** The keyIdentifier of an AuthorityKeyIdentifier, if it has one (RFC 5280 §4.2.1.1). Throws `x509/malformed`. */
export function decodeAuthorityKeyIdentifier(value: Uint8Array): Uint8Array | undefined {
  return readDer(value, 'AuthorityKeyIdentifier', (reader) => {
    const fields = reader.sequence('AuthorityKeyIdentifier');
    const identifier =
      fields.nextTag === contextTag(0) ? fields.content(contextTag(0), 'keyIdentifier') : undefined;
    if (fields.nextTag === contextTagConstructed(1)) {
      fields.element('authorityCertIssuer');
      fields.content(contextTag(2), 'authorityCertSerialNumber');
    }
    fields.end('AuthorityKeyIdentifier');
    return identifier;
  });
}

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

const keyUsages = Object.keys(keyUsageBits) as KeyUsage[];

function decodeInto(decoded: Mutable<CertificateExtensions>, { oid, value }: Extension): void {
  switch (oid) {
    case oids.basicConstraints:
      decoded.basicConstraints = readDer(value, 'BasicConstraints', readBasicConstraints);
      break;
    case oids.keyUsage:
      decoded.keyUsage = readDer(value, 'KeyUsage', readKeyUsage);
      break;
    case oids.extKeyUsage:
      decoded.extendedKeyUsage = readDer(value, 'ExtKeyUsage', readExtendedKeyUsage);
      break;
    case oids.subjectAltName:
      decoded.subjectAltNames = decodeGeneralNames(value);
      break;
    case oids.subjectKeyIdentifier:
      decoded.subjectKeyIdentifier = readDer(value, 'SubjectKeyIdentifier', (reader) =>
        reader.octetString('SubjectKeyIdentifier'),
      );
      break;
    case oids.authorityKeyIdentifier:
      decoded.authorityKeyIdentifier = decodeAuthorityKeyIdentifier(value);
      break;
    case oids.cRLDistributionPoints:
      decoded.crlDistributionPoints = readDer(value, 'CRLDistributionPoints', readCrlDistributionPoints);
      break;
    case oids.authorityInfoAccess: {
      const access = readDer(value, 'AuthorityInfoAccess', readAuthorityInfoAccess);
      decoded.caIssuers = access.caIssuers;
      decoded.ocsp = access.ocsp;
      break;
    }
    case oids.nameConstraints:
      decoded.permittedDns = readDer(value, 'NameConstraints', readNameConstraints);
  }
}

function readBasicConstraints(reader: DerReader): BasicConstraints {
  const constraints = reader.sequence('BasicConstraints');
  const ca = constraints.defaultFalse('cA');
  const pathLength = constraints.isAtEnd ? undefined : constraints.smallInteger('pathLenConstraint');
  constraints.end('BasicConstraints');
  if (ca) return { ca, pathLength };
  if (pathLength !== undefined) throw malformed('BasicConstraints has a pathLenConstraint without cA');
  return { ca };
}

function readKeyUsage(reader: DerReader): KeyUsage[] {
  return reader.namedBits('KeyUsage').map((position) => {
    const usage = keyUsages[position];
    if (!usage) throw malformed(`KeyUsage has the unknown bit ${position}`);
    return usage;
  });
}

function readExtendedKeyUsage(reader: DerReader): string[] {
  const list = reader.sequence('ExtKeyUsage');
  const purposes: string[] = [];
  do {
    const purpose = list.oid('KeyPurposeId');
    if (purpose === oids.clientAuth) purposes.push('clientAuth');
    else if (purpose === oids.serverAuth) purposes.push('serverAuth');
    else purposes.push(purpose);
  } while (!list.isAtEnd);
  return purposes;
}

function readCrlDistributionPoints(reader: DerReader): string[] {
  const points = reader.sequence('CRLDistributionPoints');
  const urls: string[] = [];
  do {
    const point = points.sequence('DistributionPoint');
    const name = point.open(contextTagConstructed(0), 'distributionPoint');
    const fullName = name.open(contextTagConstructed(0), 'fullName');
    do urls.push(readUri(fullName, 'distributionPoint'));
    while (!fullName.isAtEnd);
    name.end('fullName');
    point.end('distributionPoint');
  } while (!points.isAtEnd);
  return urls;
}

function readAuthorityInfoAccess(reader: DerReader): { caIssuers: string[]; ocsp: string[] } {
  const descriptions = reader.sequence('AuthorityInfoAccess');
  const access = { caIssuers: [] as string[], ocsp: [] as string[] };
  do {
    const description = descriptions.sequence('AccessDescription');
    const method = description.oid('accessMethod');
    const url = readUri(description, 'accessLocation');
    description.end('accessLocation');
    if (method === oids.caIssuers) access.caIssuers.push(url);
    else if (method === oids.ocsp) access.ocsp.push(url);
    else throw malformed(`AuthorityInfoAccess has the unknown method ${method}`);
  } while (!descriptions.isAtEnd);
  return access;
}

function readNameConstraints(reader: DerReader): string[] {
  const constraints = reader.sequence('NameConstraints');
  const permitted = constraints.open(contextTagConstructed(0), 'permittedSubtrees');
  const bases: string[] = [];
  do {
    const subtree = permitted.sequence('GeneralSubtree');
    bases.push(subtree.ascii('dNSName of a GeneralSubtree', contextTag(generalNameTags.dns)));
    subtree.end('dNSName of a GeneralSubtree');
  } while (!permitted.isAtEnd);
  constraints.end('permittedSubtrees');
  return bases;
}

function readUri(reader: DerReader, what: string): string {
  const name = readGeneralName(reader);
  if (name.type !== 'uri') throw malformed(`${what} is not a URI`);
  return name.value;
}
