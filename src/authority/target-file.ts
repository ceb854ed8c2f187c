import { CaError } from '../core/ca-error.ts';
import type { Serial } from '../core/serial.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { AuthorityRecord, CertificateRecord } from '../ledger/record.ts';
import { decodeBareCertificate } from '../x509/certificate.ts';
import { isCaCertificate, isSignedBy } from '../x509/inspect.ts';
import { formatName } from '../x509/name.ts';
import { decodePem } from '../x509/pem.ts';
import { spkiFingerprint } from '../x509/subject-public-key-info.ts';
import { clientIssuer, type Issuer } from './issuer.ts';

/** A public key by the SHA-256 of its SubjectPublicKeyInfo in hex, or a certificate. */
export type TargetFile =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'certificate'; readonly serial: Serial; readonly der: Uint8Array };

/** What a file with a public key or a certificate names. Throws `x509/malformed`. */
export function readTargetFile(file: Uint8Array): TargetFile {
  const { label, der } = firstBlock(file);
  if (label === 'PUBLIC KEY') return { kind: 'key', key: spkiFingerprint(der) };
  return { kind: 'certificate', serial: decodeBareCertificate(der).serial, der };
}

/** The first certificate or public key in a file: PEM, or the DER of a certificate. Throws `x509/malformed`. */
function firstBlock(file: Uint8Array): { readonly label: string; readonly der: Uint8Array } {
  if (file[0] === 0x30) return { label: 'CERTIFICATE', der: file };
  const text = Buffer.from(file).toString('latin1');
  const blocks = text.includes('-----BEGIN ') ? decodePem(text) : [];
  const block = blocks.find(({ label }) => label === 'CERTIFICATE' || label === 'PUBLIC KEY');
  if (!block) {
    throw new CaError('x509/malformed', 'the file holds neither a certificate nor a public key', {
      hint: 'give a certificate in PEM or DER, or a public key in PEM',
    });
  }
  return block;
}

/**
 * The record of a certificate, octet for octet; undefined if this authority signed it and the record has lost it. Throws
 * `ledger/unknown-serial` for one that it did not sign for a client, `ledger/duplicate-serial` for one that it signed and
 * whose serial another has on record.
 */
export async function findRecordOf(
  der: Uint8Array,
  serial: Serial,
  view: LedgerView,
): Promise<CertificateRecord | undefined> {
  const record = await view.certificate(serial);
  if (record && Buffer.compare(await view.certificateBytes(serial), der) === 0) return record;
  if (!isOwnCertificate(der, view.authority)) {
    throw new CaError(
      'ledger/unknown-serial',
      `certificate ${serial} is not one that this authority signed for a client`,
      { hint: 'see who signed it with: ca verify FILE' },
    );
  }
  if (!record) return undefined;
  throw new CaError(
    'ledger/duplicate-serial',
    `the CA key signed two certificates ${serial}: on record is another one, of ${record.client}`,
    {
      hint: `somebody else has used the CA key; servers go by the serial, so cut off both with: ca revoke ${serial}`,
    },
  );
}

/** True for a certificate that this authority's CA has signed for a client, whether the record knows it or not. */
export function isOwnCertificate(der: Uint8Array, authority: AuthorityRecord): boolean {
  return isOfIssuer(der, clientIssuer(authority)) && !isCaCertificate(der);
}

/**
 * True if the issuer is named and its key made the signature, in whatever algorithm: that is what servers go by. Throws
 * `x509/malformed` for what is no certificate.
 */
export function isOfIssuer(der: Uint8Array, { facts, certificate }: Issuer): boolean {
  const { issuer } = decodeBareCertificate(der);
  // Servers compare names without regard to case (RFC 5280 §7.1).
  const isNamed = formatName(issuer).toLowerCase() === formatName(facts.subject).toLowerCase();
  return isNamed && isSignedBy(der, certificate);
}
