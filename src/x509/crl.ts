import type { Revocation } from '../core/revocation-page.ts';
import { type Serial, serialOctets } from '../core/serial.ts';
import { decodeSigned, findRepeated } from './certificate.ts';
import { CrlEntryCursor } from './crl-entry.ts';
import { type Asn1Time, type DerReader, malformed, readDer } from './der-reader.ts';
import { contextTagConstructed, integer, tags } from './der-writer.ts';
import { decodeAuthorityKeyIdentifier, type Extension, readExtensions } from './extension-reader.ts';
import { oids } from './oids.ts';

/** A TBSCertList as it was read, its meaning not judged: that is the linter's. */
export interface TbsCrl {
  /** 2 for v2. */
  readonly version: number;
  /** The whole AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array;
  /** The encoded Name. */
  readonly issuer: Uint8Array;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** How the two instants are written. */
  readonly timeForms: {
    readonly thisUpdate: Asn1Time['form'];
    readonly nextUpdate: Asn1Time['form'] | undefined;
  };
  /** The content of revokedCertificates; undefined if the element is absent. */
  readonly entries: Uint8Array | undefined;
  readonly extensions: readonly Extension[];
  readonly number: bigint | undefined;
  readonly authorityKeyIdentifier: Uint8Array | undefined;
}

/** A CertificateList that keeps the profile of RFC 5280 §5; its signature is not checked. */
export interface Crl extends TbsCrl {
  readonly nextUpdate: Date;
  readonly number: bigint;
  readonly authorityKeyIdentifier: Uint8Array;
  readonly entryCount: number;
  /** The signed bytes. */
  readonly tbs: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The CRL that `der` holds, and nothing else, every entry of it read.
 *
 * Throws `x509/malformed` for bytes that are not DER; for a CRL that is not v2, lacks nextUpdate, CRLNumber or
 * AuthorityKeyIdentifier, or has an empty revokedCertificates (RFC 5280 §5.1.2.5 and .6, §5.2.1, §5.2.3); and for critical
 * extensions, which make it a delta or partial CRL that must not be taken for a full one (§5.2).
 */
export function decodeCrl(der: Uint8Array): Crl {
  const { tbs, signatureAlgorithm, signature } = decodeSigned(der, 'CRL');
  const decoded = decodeTbsCrl(tbs);
  const { nextUpdate, number, authorityKeyIdentifier, extensions } = decoded;
  if (decoded.version !== 2) throw malformed(`CRL is v${decoded.version}, not v2`);
  if (Buffer.compare(signatureAlgorithm, decoded.signatureAlgorithm) !== 0) {
    throw malformed('CRL has two signature algorithms (RFC 5280 §5.1.1.2)');
  }
  if (!nextUpdate) throw malformed('CRL has no nextUpdate (RFC 5280 §5.1.2.5)');
  if (number === undefined) throw malformed('CRL has no CRLNumber (RFC 5280 §5.2.3)');
  if (!authorityKeyIdentifier) throw malformed('CRL has no AuthorityKeyIdentifier (RFC 5280 §5.2.1)');
  const critical = extensions.find((extension) => extension.critical);
  if (critical) throw malformed(`CRL has the critical extension ${critical.oid}`, critical.offset);
  const repeated = findRepeated(extensions.map(({ oid }) => oid));
  if (repeated) throw malformed(`CRL has extension ${repeated} twice (RFC 5280 §4.2)`);
  if (decoded.entries?.length === 0) throw malformed('CRL has an empty revokedCertificates');
  const entryCount = countEntries(decoded);
  return { ...decoded, nextUpdate, number, authorityKeyIdentifier, entryCount, tbs, signature };
}

/** The fields of a TBSCertList; its entries are left to {@link CrlEntryCursor}. Throws `x509/malformed`. */
export function decodeTbsCrl(tbs: Uint8Array): TbsCrl {
  return readDer(tbs, 'tbsCertList', (reader) => {
    const fields = reader.sequence('tbsCertList');
    const version = fields.nextTag === tags.integer ? fields.smallInteger('version') + 1 : 1;
    const signatureAlgorithm = fields.element('signature', tags.sequence);
    const issuer = fields.element('issuer', tags.sequence);
    const thisUpdate = fields.time('thisUpdate');
    const hasNextUpdate = fields.nextTag === tags.utcTime || fields.nextTag === tags.generalizedTime;
    const nextUpdate = hasNextUpdate ? fields.time('nextUpdate') : undefined;
    const hasEntries = fields.nextTag === tags.sequence;
    const entries = hasEntries ? fields.content(tags.sequence, 'revokedCertificates') : undefined;
    const extensions = fields.isAtEnd ? [] : readWrappedExtensions(fields);
    fields.end('crlExtensions');
    const crlNumber = extensions.find(({ oid }) => oid === oids.cRLNumber);
    const keyIdentifier = extensions.find(({ oid }) => oid === oids.authorityKeyIdentifier);
    return {
      version,
      signatureAlgorithm,
      issuer,
      thisUpdate: thisUpdate.instant,
      nextUpdate: nextUpdate?.instant,
      timeForms: { thisUpdate: thisUpdate.form, nextUpdate: nextUpdate?.form },
      entries,
      extensions,
      number: crlNumber && readCrlNumber(crlNumber.value),
      authorityKeyIdentifier: keyIdentifier && decodeAuthorityKeyIdentifier(keyIdentifier.value),
    };
  });
}

/** What the CRL says of that serial, if it lists it. */
export function findRevocation(crl: TbsCrl, serial: Serial): Revocation | undefined {
  const encoded = integer(serialOctets(serial)).subarray(2);
  const cursor = new CrlEntryCursor(crl.entries ?? noEntries);
  while (cursor.next()) if (cursor.hasSerial(encoded)) return cursor.revocation();
  return undefined;
}

/** The CRL's entries one after the other. Throws `x509/malformed`. */
export function* crlRevocations(crl: Pick<TbsCrl, 'entries'>): Generator<Revocation> {
  const cursor = new CrlEntryCursor(crl.entries ?? noEntries);
  while (cursor.next()) yield cursor.revocation();
}

const noEntries = new Uint8Array(0);

function countEntries(crl: TbsCrl): number {
  const cursor = new CrlEntryCursor(crl.entries ?? noEntries);
  let count = 0;
  while (cursor.next()) count++;
  return count;
}

function readCrlNumber(value: Uint8Array): bigint {
  const octets = readDer(value, 'CRLNumber', (reader) => reader.integer('CRLNumber'));
  if ((octets[0] ?? 0) >= 0x80) throw malformed('CRLNumber is negative');
  return BigInt(`0x${Buffer.from(octets).toString('hex')}`);
}

function readWrappedExtensions(fields: DerReader): Extension[] {
  const wrapper = fields.open(contextTagConstructed(0), 'crlExtensions');
  const extensions = readExtensions(wrapper);
  wrapper.end('crlExtensions');
  return extensions;
}
