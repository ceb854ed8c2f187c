import { CaError, type ErrorCode } from '../core/ca-error.ts';
import { DerReader } from './der-reader.ts';
import { contextTagConstructed, tags } from './der-writer.ts';
import { decodePem, type PemBlock } from './pem.ts';

/** What a file that somebody gave us should be. */
export interface ExpectedFile {
  /** In words: `certificate request`. */
  readonly what: string;
  readonly labels: readonly string[];
  readonly maxOctets: number;
  /** True if the file may hold a private key as well, as bundles do. */
  readonly mayHoldKey: boolean;
  /** The code of every refusal. */
  readonly code: ErrorCode;
}

/**
 * The blocks of that kind in a file: its PEM blocks with such a label, in their order and at least one, or its bytes
 * if they are DER. Blocks of other kinds are passed over, except where they are all that there is.
 *
 * Throws the code of `expected`, naming what the file is instead, but never quoting it.
 */
export function readImportedFile(input: Uint8Array | string, expected: ExpectedFile): Uint8Array[] {
  const { what, maxOctets } = expected;
  const octets = typeof input === 'string' ? Buffer.byteLength(input) : input.length;
  if (octets === 0) throw refuse(expected, `${what} is empty`);
  if (octets > maxOctets) {
    throw refuse(expected, `${what} has ${octets} octets > ${maxOctets} allowed`);
  }
  if (typeof input !== 'string' && input[0] === tags.sequence) return [input];
  const blocks = readBlocks(input, expected);
  const wanted = blocks.filter(({ label }) => expected.labels.includes(label));
  if (wanted.length === 0) {
    throw refuse(expected, `file holds ${describeLabel(blocks[0]?.label)}, not a ${what}`);
  }
  if (!expected.mayHoldKey && blocks.some(({ label }) => label.endsWith('PRIVATE KEY'))) {
    throw new CaError(expected.code, `file holds a private key beside the ${what}`, {
      hint: `send the ${what.replace('certificate ', '')} alone: a key stays where it was made`,
    });
  }
  return wanted.map(({ der }) => der);
}

/**
 * What the DER of another kind than expected seems to be, in words, judged by its first two tags; undefined for
 * anything else.
 */
export function describeDer(der: Uint8Array): string | undefined {
  try {
    const outer = new DerReader(der).sequence('file');
    if (outer.nextTag === tags.integer) return 'a private key or a PKCS#12 file';
    if (outer.nextTag === tags.oid) return 'a PKCS#7 file';
    const inner = outer.sequence('file');
    if (inner.nextTag === contextTagConstructed(0)) return 'a certificate';
    if (inner.nextTag !== tags.oid) return undefined;
    return outer.nextTag === tags.octetString ? 'an encrypted private key' : 'a public key';
  } catch {
    return undefined;
  }
}

function readBlocks(input: Uint8Array | string, expected: ExpectedFile): PemBlock[] {
  try {
    return decodePem(typeof input === 'string' ? input.replace(/^\ufeff/, '') : decodeText(input, expected));
  } catch (cause) {
    if (!(cause instanceof CaError) || cause.code !== 'x509/malformed') throw cause;
    throw refuse(expected, `${expected.what} is neither PEM nor DER: ${cause.message}`, cause);
  }
}

function decodeText(bytes: Uint8Array, expected: ExpectedFile): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    // What PowerShell 5 makes of `openssl … > file`.
    throw refuse(expected, `${expected.what} is text in UTF-16, not ASCII`);
  }
  return Buffer.from(bytes)
    .toString('utf8')
    .replace(/^\ufeff/, '');
}

function describeLabel(label: string | undefined): string {
  if (label === undefined) return 'nothing';
  if (label.endsWith('PRIVATE KEY')) return 'a private key';
  return names[label] ?? `a PEM block of another kind`;
}

const names: Readonly<Record<string, string>> = {
  CERTIFICATE: 'a certificate',
  'TRUSTED CERTIFICATE': 'a certificate in the format of OpenSSL alone',
  'X509 CRL': 'a revocation list',
  'CERTIFICATE REQUEST': 'a certificate request',
  'NEW CERTIFICATE REQUEST': 'a certificate request',
  'PUBLIC KEY': 'a public key',
  PKCS7: 'a PKCS#7 file',
};

function refuse(expected: ExpectedFile, message: string, cause?: unknown): CaError {
  const hint = `give a ${expected.what} in PEM or DER`;
  return new CaError(expected.code, message, cause === undefined ? { hint } : { hint, cause });
}
