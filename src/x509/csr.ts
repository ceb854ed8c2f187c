import { CaError } from '../core/ca-error.ts';
import { checkAttribute, type DistinguishedName } from '../core/distinguished-name.ts';
import type { KeyAlgorithm } from '../core/key-algorithm.ts';
import { printable } from '../core/printable.ts';
import type { San } from '../core/san.ts';
import { type RequestedExtension, readCsrAttributes } from './csr-attributes.ts';
import { malformed, readDer } from './der-reader.ts';
import { describeDer, readImportedFile } from './imported-file.ts';
import { decodeName, formatName, readRdns } from './name.ts';
import { verifyBytes, verifyBytesAside } from './signature.ts';
import { canKeySign, decodeSignatureAlgorithm } from './signature-algorithm.ts';
import { readSpki } from './subject-public-key-info.ts';

/** The largest CSR that is read, in octets: hundreds of names under a large RSA key take a tenth of it. */
export const maxCsrOctets = 65_536;

/**
 * A certification request whose maker has shown to hold the private key. Its subject and names are wishes; whether
 * they are granted is for the profile to say.
 */
export interface Csr {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly algorithm: KeyAlgorithm;
  readonly subject: CsrSubject;
  /** In canonical spelling, each once. */
  readonly subjectAltNames: readonly San[];
  /** Every extension that was asked for, for a report: none is ever copied into a certificate. */
  readonly requestedExtensions: readonly RequestedExtension[];
}

export interface CsrSubject {
  /** RFC 4514 text, safe on a terminal. */
  readonly text: string;
  /** The name, if we could encode it ourselves. */
  readonly name: DistinguishedName | undefined;
  /** Why there is no `name`. */
  readonly fault: string | undefined;
}

/**
 * The request in a file of one PEM block (`CERTIFICATE REQUEST`, or `NEW CERTIFICATE REQUEST` from older tools) or
 * in DER (RFC 2986 §4), read strictly: every octet has one meaning, and the signature is good over exactly these.
 *
 * Throws `x509/malformed-csr` for what is no such request or asks for the impossible, `x509/ca-requested`,
 * `x509/bad-signature`, and `x509/weak-key` or `x509/unsupported-key` as `readSpki` does.
 */
export function readCsr(input: Uint8Array | string): Csr {
  const { csr, signatureAlgorithm, signed, signature } = openRequest(input);
  if (!verifyBytes(csr.spki, signatureAlgorithm, signed, signature)) throw unproven();
  return csr;
}

/** {@link readCsr} with the signature checked on a thread of its own: for who has many to read. */
export async function readCsrAside(input: Uint8Array | string): Promise<Csr> {
  const { csr, signatureAlgorithm, signed, signature } = openRequest(input);
  if (!(await verifyBytesAside(csr.spki, signatureAlgorithm, signed, signature))) throw unproven();
  return csr;
}

/** The request as it was read, its signature yet to be checked. */
function openRequest(input: Uint8Array | string): ReturnType<typeof decodeRequest> {
  const blocks = readImportedFile(input, csrFile);
  const [der] = blocks;
  if (!der || blocks.length > 1) {
    throw new CaError('x509/malformed-csr', `file holds ${blocks.length} certificate requests > 1 allowed`, {
      hint: 'give each request in a file of its own',
    });
  }
  return explainFaults(der, () => decodeRequest(der));
}

function unproven(): CaError {
  return new CaError('x509/bad-signature', 'certificate request is not signed by the key that it holds', {
    hint: 'the file was changed after it was signed: ask for it again',
  });
}

const csrFile = {
  what: 'certificate request',
  labels: ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'],
  maxOctets: maxCsrOctets,
  mayHoldKey: false,
  code: 'x509/malformed-csr',
} as const;

/** RFC 2986 §4.2. */
function decodeRequest(der: Uint8Array) {
  return readDer(der, 'certificate request', (reader) => {
    const request = reader.sequence('certificate request');
    const signed = request.element('certificationRequestInfo');
    const algorithmIdentifier = request.element('signature algorithm');
    const signature = request.bitString('signature');
    request.end('signature');

    const csr = decodeInfo(signed);
    const signatureAlgorithm = decodeSignatureAlgorithm(algorithmIdentifier);
    if (!canKeySign(csr.algorithm, signatureAlgorithm)) {
      throw malformed(`a ${csr.algorithm} key makes no signature of ${signatureAlgorithm}`);
    }
    return { csr, signed, signature, signatureAlgorithm };
  });
}

/** RFC 2986 §4.1. */
function decodeInfo(bytes: Uint8Array): Csr {
  return readDer(bytes, 'certificationRequestInfo', (reader) => {
    const info = reader.sequence('certificationRequestInfo');
    const version = info.smallInteger('version');
    if (version !== 0) throw malformed(`version is ${version}, not 0 (RFC 2986 §4.1)`);
    const subject = readSubject(info.element('subject'));
    // A copy: the caller keeps it long after the file's bytes.
    const spki = Uint8Array.from(info.element('subjectPKInfo'));
    const { algorithm } = readSpki(spki);
    const attributes = readCsrAttributes(info);
    info.end('attributes');
    return { spki, algorithm, subject, ...attributes };
  });
}

/** Refuses control characters, NUL among them, in any attribute: two readers would see two names. */
function readSubject(bytes: Uint8Array): CsrSubject {
  for (const { oid, text } of readRdns(bytes).flat()) {
    if (text !== undefined && printable(text) !== text) {
      throw malformed(`subject attribute ${oid} holds a control character: "${printable(text)}"`);
    }
  }
  const text = formatName(bytes);
  try {
    const name = decodeName(bytes);
    for (const { type, value } of name) checkAttribute(type, value);
    return { text, name, fault: undefined };
  } catch (cause) {
    if (!(cause instanceof CaError)) throw cause;
    return { text, name: undefined, fault: cause.message };
  }
}

/** Gives the refusals of the readers below the code of a CSR, and says so if the bytes seem to be something else. */
function explainFaults<Value>(der: Uint8Array, decode: () => Value): Value {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof CaError) || !wrappedCodes.has(cause.code)) throw cause;
    const other = describeDer(der);
    const message = other
      ? `file holds ${other}, not a certificate request`
      : `certificate request is malformed: ${cause.message}`;
    const hint = cause.hint ?? 'make one with: openssl req -new -key client.key -out client.csr';
    throw new CaError('x509/malformed-csr', message, { hint, cause });
  }
}

const wrappedCodes: ReadonlySet<string> = new Set(['x509/malformed', 'core/invalid-san']);
