import type { Approved } from '../lint/approve.ts';
import type { CrlTemplate } from '../x509/crl-encoder.ts';
import { sha256OfPieces } from '../x509/fingerprint.ts';
import { pemPieces } from '../x509/pem.ts';
import type { Issuer, Signer } from './issuer.ts';
import type { CrlSums, PublishedCrl } from './ports.ts';

/** A CRL of that CA with these dates and that number. */
export function crlTemplate(
  { signatureAlgorithm, facts }: Issuer,
  own: Pick<CrlTemplate, 'thisUpdate' | 'nextUpdate' | 'number'>,
): CrlTemplate {
  const { subject: issuer, keyIdentifier: authorityKeyIdentifier } = facts;
  return { signatureAlgorithm, issuer, authorityKeyIdentifier, ...own };
}

/** The CRL that the signer makes of these bytes, as files. */
export function signedCrl(signer: Signer, approved: Approved): PublishedCrl {
  const der = signer.sign(approved);
  return {
    issuer: signer.issuer.role,
    der,
    // Made anew each time: a CRL of a million entries takes 66 MB as PEM.
    pem: { [Symbol.iterator]: () => pemPieces('X509 CRL', der) },
  };
}

/** What the record says of the files. */
export function sumsOf({ der, pem }: PublishedCrl): CrlSums {
  return { sha256: sha256OfPieces(der), pemSha256: sha256OfPieces(pem) };
}
