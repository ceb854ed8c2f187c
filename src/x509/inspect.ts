import { X509Certificate } from 'node:crypto';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import { formatIp, formatSan, ipOctets } from '../core/san.ts';
import { parseSerial, type Serial } from '../core/serial.ts';
import { malformed, readDer } from './der-reader.ts';
import { tags } from './der-writer.ts';
import { keyUsageBits } from './extensions.ts';
import { describeDer, readImportedFile } from './imported-file.ts';
import { formatName } from './name.ts';
import { oids } from './oids.ts';
import { readSpki } from './subject-public-key-info.ts';

/** What a certificate says, whoever made it, in words that are safe on a terminal. */
export interface CertificateFacts {
  readonly serial: Serial;
  /** RFC 4514 text. */
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** The `KeyAlgorithm` if it is one of ours, else a description: `rsa 1024`, `ec secp256k1`. */
  readonly key: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** `dns:api.example.com` and the like; names that we do not make as `upn:…`, `dn:…`, `guid:…`, `id:…`. */
  readonly subjectAltNames: readonly string[];
  /** Named bits of RFC 5280 §4.2.1.3; empty without the extension. */
  readonly keyUsage: readonly string[];
  /** `clientAuth`, `serverAuth`, or the OID of another purpose; empty without the extension. */
  readonly extendedKeyUsage: readonly string[];
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined;
  /** Lower-case hex. */
  readonly subjectKeyIdentifier: string | undefined;
  readonly authorityKeyIdentifier: string | undefined;
  readonly crlUrls: readonly string[];
  readonly criticalExtensions: readonly string[];
}

/** The largest certificate file that is read, in octets. */
const maxFileOctets = 1_048_576;

/**
 * The certificates of a file: all its PEM `CERTIFICATE` blocks in their order, at least one, or the one that its DER
 * is. Keys and other blocks beside them are passed over. Throws `x509/malformed`, naming what the file is instead.
 */
export function readCertificateFile(input: Uint8Array | string): readonly [Uint8Array, ...Uint8Array[]] {
  const [first, ...more] = readImportedFile(input, {
    what: 'certificate',
    labels: ['CERTIFICATE'],
    maxOctets: maxFileOctets,
    mayHoldKey: true,
    code: 'x509/malformed',
  });
  if (!first) throw malformed('file holds no certificate');
  return [first, ...more];
}

/**
 * What the certificate says, read by @peculiar/x509 and OpenSSL rather than by the code that writes our own: an
 * independent opinion. The library is loaded here alone, for it costs some 50 ms.
 *
 * Throws `x509/malformed` for anything that either reader refuses.
 */
export async function inspectCertificate(der: Uint8Array): Promise<CertificateFacts> {
  await import('reflect-metadata');
  const library = await import('@peculiar/x509');
  const opened = openCertificate(der);
  try {
    return readFacts(library, opened, der);
  } catch (cause) {
    const fault = cause instanceof CaError ? cause.message : 'an extension or a name does not decode';
    throw new CaError('x509/malformed', `certificate is malformed: ${fault}`, {
      hint: notACertificate,
      cause,
    });
  }
}

/**
 * True if the issuer's key made the certificate's signature, by OpenSSL's judgement; names and dates are not compared.
 * Throws `x509/malformed` for what is no certificate.
 */
export function isSignedBy(certificate: Uint8Array, issuer: Uint8Array): boolean {
  const signed = openCertificate(certificate);
  const signer = openCertificate(issuer);
  try {
    return signed.verify(signer.publicKey);
  } catch {
    // A key or signature of a kind that OpenSSL does not know proves nothing.
    return false;
  }
}

/** True if the certificate may sign others (RFC 5280 §4.2.1.9), by OpenSSL's judgement. Throws `x509/malformed`. */
export function isCaCertificate(certificate: Uint8Array): boolean {
  return openCertificate(certificate).ca;
}

function openCertificate(der: Uint8Array): X509Certificate {
  readDer(der, 'certificate', (reader) => reader.element('certificate', tags.sequence));
  try {
    return new X509Certificate(der);
  } catch (cause) {
    const other = describeDer(der);
    const isOther = other !== undefined && other !== 'a certificate';
    const message = isOther ? `file holds ${other}, not a certificate` : 'certificate is malformed';
    throw new CaError('x509/malformed', message, { hint: notACertificate, cause });
  }
}

const notACertificate = 'give a certificate in PEM or DER, as its CA issued it';

type Library = typeof import('@peculiar/x509');

function readFacts(library: Library, opened: X509Certificate, der: Uint8Array): CertificateFacts {
  const certificate = new library.X509Certificate(der);
  const extensions = certificate.extensions;
  const repeated = extensions.find(({ type }, at) => extensions.some((e, i) => i < at && e.type === type));
  if (repeated) throw malformed(`extension ${repeated.type} comes twice (RFC 5280 §4.2)`);
  const { notBefore, notAfter } = certificate;
  if (Number.isNaN(notBefore.getTime() + notAfter.getTime())) throw malformed('validity is no pair of times');

  const spki = new Uint8Array(certificate.publicKey.rawData);
  const constraints = certificate.getExtension(library.BasicConstraintsExtension);
  const usages = certificate.getExtension(library.KeyUsagesExtension)?.usages ?? 0;
  const points = certificate.getExtension(library.CRLDistributionPointsExtension)?.distributionPoints ?? [];
  return {
    // OpenSSL's spelling, for it alone shows that a serial is negative.
    serial: parseSerial(opened.serialNumber),
    subject: formatName(new Uint8Array(certificate.subjectName.toArrayBuffer())),
    issuer: formatName(new Uint8Array(certificate.issuerName.toArrayBuffer())),
    notBefore,
    notAfter,
    key: describeKey(spki, opened),
    spki,
    subjectAltNames: (
      certificate.getExtension(library.SubjectAlternativeNameExtension)?.names.items ?? []
    ).map(({ type, value }) => describeName(type, value)),
    keyUsage: keyUsageNames.filter((_, bit) => (usages & (1 << bit)) !== 0),
    extendedKeyUsage: (certificate.getExtension(library.ExtendedKeyUsageExtension)?.usages ?? [])
      .map(String)
      .map((purpose) => purposeNames.get(purpose) ?? purpose),
    basicConstraints: constraints ? { ca: constraints.ca, pathLength: constraints.pathLength } : undefined,
    subjectKeyIdentifier: certificate.getExtension(library.SubjectKeyIdentifierExtension)?.keyId,
    authorityKeyIdentifier: certificate.getExtension(library.AuthorityKeyIdentifierExtension)?.keyId,
    crlUrls: points
      .flatMap(({ distributionPoint }) => distributionPoint?.fullName ?? [])
      .flatMap(({ uniformResourceIdentifier: url }) => (url === undefined ? [] : [printable(url)])),
    criticalExtensions: extensions.filter(({ critical }) => critical).map(({ type }) => type),
  };
}

/** In the order of their bits (RFC 5280 §4.2.1.3). */
const keyUsageNames = Object.keys(keyUsageBits);

const purposeNames: ReadonlyMap<string, string> = new Map([
  [oids.clientAuth, 'clientAuth'],
  [oids.serverAuth, 'serverAuth'],
  [oids.anyExtendedKeyUsage, 'anyExtendedKeyUsage'],
]);

/** The name in the spelling of `formatSan`, with the library's word for types that we do not make. */
function describeName(type: string, value: string): string {
  if (type === 'ip') return formatSan({ type, value: formatIp(ipOctets(value)) });
  return printable(`${type === 'url' ? 'uri' : type}:${value}`);
}

function describeKey(spki: Uint8Array, opened: X509Certificate): string {
  try {
    return readSpki(spki).algorithm;
  } catch {
    // Foreign certificates have any key: this is for showing, and judges nothing.
  }
  try {
    const { asymmetricKeyType, asymmetricKeyDetails: details } = opened.publicKey;
    return [asymmetricKeyType, details?.modulusLength ?? details?.namedCurve].filter(Boolean).join(' ');
  } catch {
    return 'unknown';
  }
}
