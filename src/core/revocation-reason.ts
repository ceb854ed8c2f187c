import { CaError } from './ca-error.ts';
import { quoted } from './printable.ts';

/** CRLReason codes that a full CRL may carry for an end-entity or CA certificate (RFC 5280 §5.3.1). */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type RevocationReason = keyof typeof revocationReasons;

/** The reason of that name, in any case and with or without hyphens. Throws `core/invalid-reason`. */
export function parseRevocationReason(text: string): RevocationReason {
  const wanted = text.replaceAll('-', '').toLowerCase();
  const names = Object.keys(revocationReasons) as RevocationReason[];
  const reason = names.find((name) => name.toLowerCase() === wanted);
  if (!reason || reason === 'certificateHold') {
    throw new CaError('core/invalid-reason', `${quoted(text)} is not a reason for revocation`, {
      hint: `use one of: ${names.filter((name) => name !== 'certificateHold').join(', ')}`,
    });
  }
  return reason;
}

/** The reason with that CRLReason code, if it is one that is used. */
export function reasonOfCode(code: number): RevocationReason | undefined {
  return (Object.keys(revocationReasons) as RevocationReason[]).find(
    (name) => revocationReasons[name] === code,
  );
}
