import type { San } from '../core/san.ts';
import { type Serial, serialFromOctets, serialOctets } from '../core/serial.ts';
import { type Asn1Time, type DerReader, malformed, readDer } from './der-reader.ts';
import {
  bitString,
  contextTagConstructed,
  encodedLength,
  explicit,
  integer,
  sequence,
  tags,
  time,
  writeHeader,
} from './der-writer.ts';
import {
  type CertificateExtensions,
  decodeCertificateExtensions,
  readExtensions,
} from './extension-reader.ts';
import {
  authorityInfoAccessExtension,
  authorityKeyIdentifierExtension,
  type BasicConstraints,
  basicConstraintsExtension,
  crlDistributionPointsExtension,
  type ExtendedKeyUsage,
  extendedKeyUsageExtension,
  type KeyUsage,
  keyUsageExtension,
  nameConstraintsExtension,
  subjectAltNameExtension,
  subjectKeyIdentifierExtension,
} from './extensions.ts';
import { encodeSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts';
import { keyIdentifier } from './subject-public-key-info.ts';

/** Everything that a certificate of ours says, decided. Empty lists leave their extensions out. */
export interface CertificateTemplate {
  readonly serial: Serial;
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** The issuer's encoded Name, octet for octet its certificate's subject (RFC 5280 §4.1.2.4, §7.1). */
  readonly issuer: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** The encoded Name. */
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly basicConstraints: BasicConstraints;
  readonly keyUsage: readonly KeyUsage[];
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[];
  readonly subjectAltNames: readonly San[];
  /** The issuer's key identifier; a self-signed certificate may do without (RFC 5280 §4.2.1.1). */
  readonly authorityKeyIdentifier?: Uint8Array;
  readonly crlDistributionPoints: readonly string[];
  readonly caIssuers: readonly string[];
  readonly permittedDns: readonly string[];
}

/** A TBSCertificate as it was read, its meaning not judged: that is the linter's. */
export interface TbsCertificate extends CertificateExtensions {
  /** 3 for v3. */
  readonly version: number;
  /** The INTEGER's content octets, whose sign and length are not judged. */
  readonly serialOctets: Uint8Array;
  /** The whole AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array;
  /** The encoded Name. */
  readonly issuer: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** How the two instants are written. */
  readonly timeForms: { readonly notBefore: Asn1Time['form']; readonly notAfter: Asn1Time['form'] };
  /** The encoded Name. */
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
}

/** A Certificate that keeps the shape of RFC 5280 §4.1; its signature is not checked. */
export interface Certificate extends TbsCertificate {
  readonly serial: Serial;
  /** The signed bytes. */
  readonly tbs: Uint8Array;
  readonly signature: Uint8Array;
}

/** The TBSCertificate in DER (RFC 5280 §4.1.2): what the linter approves and the issuer signs. */
export function encodeTbsCertificate(template: CertificateTemplate): Uint8Array {
  return sequence(
    version3,
    integer(serialOctets(template.serial)),
    encodeSignatureAlgorithm(template.signatureAlgorithm),
    template.issuer,
    sequence(time(template.notBefore), time(template.notAfter)),
    template.subject,
    template.spki,
    explicit(3, sequence(...encodeExtensions(template))),
  );
}

/**
 * A Certificate or CertificateList: the signed bytes, how they were signed, and the signature (RFC 5280 §4.1.1,
 * §5.1.1). ECDSA signatures come in DER, as node:crypto makes them (RFC 5758 §3.2).
 */
export function encodeSigned(
  tbs: Uint8Array,
  signatureAlgorithm: SignatureAlgorithm,
  signature: Uint8Array,
): Uint8Array {
  return Buffer.concat(signedPieces(tbs, signatureAlgorithm, signature));
}

/** {@link encodeSigned} in pieces, of which `tbs` is one: a large CRL is not copied. */
export function signedPieces(
  tbs: Uint8Array,
  signatureAlgorithm: SignatureAlgorithm,
  signature: Uint8Array,
): readonly Uint8Array[] {
  const after = Buffer.concat([encodeSignatureAlgorithm(signatureAlgorithm), bitString(signature)]);
  const length = tbs.length + after.length;
  const header = new Uint8Array(encodedLength(length) - length);
  writeHeader(header, 0, tags.sequence, length);
  return [header, tbs, after];
}

/** The three parts that {@link encodeSigned} joins. Throws `x509/malformed`. */
export function decodeSigned(der: Uint8Array, what: string) {
  return readDer(der, what, (reader) => {
    const signed = reader.sequence(what);
    const tbs = signed.element(`tbs of the ${what}`, tags.sequence);
    const signatureAlgorithm = signed.element('signatureAlgorithm', tags.sequence);
    const signature = signed.bitString('signatureValue');
    signed.end('signatureValue');
    return { tbs, signatureAlgorithm, signature };
  });
}

/**
 * The Certificate that `der` holds, and nothing else.
 *
 * Throws `x509/malformed` for bytes that are not DER; for versions other than v3, a serial that is not a positive
 * one of at most 20 octets, repeated extensions, signature algorithms that differ inside and outside (RFC 5280
 * §4.1.1.2), and forms of known extensions that the tool could not show in full.
 */
export function decodeCertificate(der: Uint8Array): Certificate {
  const { tbs, signatureAlgorithm, signature } = decodeSigned(der, 'certificate');
  const decoded = decodeTbsCertificate(tbs);
  if (decoded.version !== 3) throw malformed(`certificate is v${decoded.version}, not v3`);
  if (Buffer.compare(signatureAlgorithm, decoded.signatureAlgorithm) !== 0) {
    throw malformed('certificate has two signature algorithms (RFC 5280 §4.1.1.2)');
  }
  const repeated = findRepeated(decoded.extensions.map(({ oid }) => oid));
  if (repeated) throw malformed(`certificate has extension ${repeated} twice (RFC 5280 §4.2)`);
  return Object.assign(decoded, { serial: readSerial(decoded.serialOctets), tbs, signature });
}

/** The fields of a TBSCertificate. Throws `x509/malformed`. */
export function decodeTbsCertificate(tbs: Uint8Array): TbsCertificate {
  return readDer(tbs, 'tbsCertificate', (reader) => {
    const fields = reader.sequence('tbsCertificate');
    const leading = readLeadingFields(fields);
    const extensions = fields.isAtEnd ? [] : readWrappedExtensions(fields);
    fields.end('extensions');
    // V8 takes longer to spread two objects as large as these than to read the whole certificate.
    return Object.assign(leading, decodeCertificateExtensions(extensions));
  });
}

/** What a certificate says outside its extensions. */
export type BareCertificate = Pick<
  Certificate,
  'serial' | 'issuer' | 'notBefore' | 'notAfter' | 'subject' | 'spki'
>;

/**
 * What a certificate of any version says outside its extensions, which are not looked at: for what a stolen CA key may have
 * signed. Throws `x509/malformed`.
 */
export function decodeBareCertificate(der: Uint8Array): BareCertificate {
  const { tbs } = decodeSigned(der, 'certificate');
  const fields = readDer(tbs, 'tbsCertificate', (reader) => {
    const sequence = reader.sequence('tbsCertificate');
    const leading = readLeadingFields(sequence);
    while (!sequence.isAtEnd) sequence.element('a field after the key');
    return leading;
  });
  return { ...fields, serial: readSerial(fields.serialOctets) };
}

/** All up to the key: what follows depends on the version. */
function readLeadingFields(fields: DerReader): Omit<TbsCertificate, keyof CertificateExtensions> {
  const version = readVersion(fields);
  const serial = fields.integer('serialNumber');
  const signatureAlgorithm = fields.element('signature', tags.sequence);
  const issuer = fields.element('issuer', tags.sequence);
  const validity = fields.sequence('validity');
  const notBefore = validity.time('notBefore');
  const notAfter = validity.time('notAfter');
  validity.end('notAfter');
  const subject = fields.element('subject', tags.sequence);
  const spki = fields.element('subjectPublicKeyInfo', tags.sequence);
  return {
    version,
    serialOctets: serial,
    signatureAlgorithm,
    issuer,
    notBefore: notBefore.instant,
    notAfter: notAfter.instant,
    timeForms: { notBefore: notBefore.form, notAfter: notAfter.form },
    subject,
    spki,
  };
}

/** The first text that occurs a second time, if one does. */
export function findRepeated(texts: readonly string[]): string | undefined {
  return texts.find((text, index) => texts.indexOf(text) !== index);
}

/** The serial of an INTEGER's content octets. Throws `x509/malformed`. */
export function readSerial(octets: Uint8Array): Serial {
  try {
    return serialFromOctets(octets);
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : 'serial is malformed');
  }
}

const version3 = explicit(0, integer(2));
const emptyName = sequence();

function encodeExtensions(template: CertificateTemplate): Uint8Array[] {
  const { subject, authorityKeyIdentifier, crlDistributionPoints, caIssuers, permittedDns } = template;
  const extensions = [basicConstraintsExtension(template.basicConstraints)];
  if (template.keyUsage.length > 0) extensions.push(keyUsageExtension(template.keyUsage));
  if (template.extendedKeyUsage.length > 0) {
    extensions.push(extendedKeyUsageExtension(template.extendedKeyUsage));
  }
  extensions.push(subjectKeyIdentifierExtension(keyIdentifier(template.spki)));
  if (authorityKeyIdentifier) extensions.push(authorityKeyIdentifierExtension(authorityKeyIdentifier));
  if (template.subjectAltNames.length > 0) {
    const critical = Buffer.compare(subject, emptyName) === 0;
    extensions.push(subjectAltNameExtension(template.subjectAltNames, { critical }));
  }
  if (permittedDns.length > 0) extensions.push(nameConstraintsExtension(permittedDns));
  if (crlDistributionPoints.length > 0)
    extensions.push(crlDistributionPointsExtension(crlDistributionPoints));
  if (caIssuers.length > 0) extensions.push(authorityInfoAccessExtension(caIssuers));
  return extensions;
}

function readVersion(fields: DerReader): number {
  if (fields.nextTag !== contextTagConstructed(0)) return 1;
  const wrapper = fields.open(contextTagConstructed(0), 'version');
  const version = wrapper.smallInteger('version') + 1;
  wrapper.end('version');
  if (version === 1) throw malformed('version spells out its default');
  return version;
}

function readWrappedExtensions(fields: DerReader) {
  // The unique identifiers [1] and [2], which no CA must make (RFC 5280 §4.1.2.8), fail here.
  const wrapper = fields.open(contextTagConstructed(3), 'extensions');
  const extensions = readExtensions(wrapper);
  wrapper.end('extensions');
  return extensions;
}
