import { CaError } from '../core/ca-error.ts';
import type { Serial } from '../core/serial.ts';
import type { AuthorityRecord } from '../ledger/record.ts';
import { decodeCertificate } from '../x509/certificate.ts';
import { decodePem } from '../x509/pem.ts';
import { verifyBytes } from '../x509/signature.ts';
import { spkiFingerprint } from '../x509/subject-public-key-info.ts';
import { clientIssuer } from './issuer.ts';

/** A public key by the SHA-256 of its SubjectPublicKeyInfo in hex, or a certificate. */
export type TargetFile =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'certificate'; readonly serial: Serial; readonly der: Uint8Array };

/** What a file with a public key or a certificate names. Throws `x509/malformed`. */
export function readTargetFile(file: Uint8Array): TargetFile {
  const { label, der } = firstBlock(file);
  if (label === 'PUBLIC KEY') return { kind: 'key', key: spkiFingerprint(der) };
  return { kind: 'certificate', serial: decodeCertificate(der).serial, der };
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

/** True for a certificate that this authority's CA has signed for a client, whether the record knows it or not. */
export function isOwnCertificate(der: Uint8Array, authority: AuthorityRecord): boolean {
  const { facts, signatureAlgorithm } = clientIssuer(authority);
  const { basicConstraints, issuer, tbs, signature } = decodeCertificate(der);
  if (basicConstraints?.ca || Buffer.compare(issuer, facts.subject) !== 0) return false;
  return verifyBytes(facts.spki, signatureAlgorithm, tbs, signature);
}
