import type { San } from '../core/san.ts';
import {
  asciiOctets,
  boolean,
  explicit,
  implicit,
  integer,
  namedBits,
  octetString,
  oid,
  sequence,
} from './der-writer.ts';
import { encodeGeneralName, encodeGeneralNames } from './general-name.ts';
import { oids } from './oids.ts';

/** The bits of KeyUsage, by name (RFC 5280 §4.2.1.3). */
export const keyUsageBits = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const;

export type KeyUsage = keyof typeof keyUsageBits;

/** A purpose of RFC 5280 §4.2.1.12 by name, or any other as a dotted OID. */
export type ExtendedKeyUsage = 'clientAuth' | 'serverAuth' | `${number}.${string}`;

export type BasicConstraints =
  | { readonly ca: true; readonly pathLength?: number | undefined }
  | { readonly ca: false };

/** BasicConstraints: critical on CAs; on others an empty SEQUENCE, FALSE being the default (RFC 5280 §4.2.1.9). */
export function basicConstraintsExtension(constraints: BasicConstraints): Uint8Array {
  if (!constraints.ca) return notCaExtension;
  const { pathLength } = constraints;
  const value = sequence(boolean(true), ...(pathLength === undefined ? [] : [integer(pathLength)]));
  return encodeExtension(oids.basicConstraints, value, { critical: true });
}

/** KeyUsage, critical (RFC 5280 §4.2.1.3). */
export function keyUsageExtension(usages: readonly KeyUsage[]): Uint8Array {
  const bits = namedBits(...usages.map((usage) => keyUsageBits[usage]));
  return encodeExtension(oids.keyUsage, bits, { critical: true });
}

/** ExtKeyUsage, not critical, so that a verifier that knows no purposes can go on (RFC 5280 §4.2.1.12). */
export function extendedKeyUsageExtension(usages: readonly ExtendedKeyUsage[]): Uint8Array {
  const purposes = usages.map((usage) =>
    oid(usage === 'clientAuth' || usage === 'serverAuth' ? oids[usage] : usage),
  );
  return encodeExtension(oids.extKeyUsage, sequence(...purposes));
}

/** SubjectAltName, critical exactly if the subject is empty (RFC 5280 §4.2.1.6). */
export function subjectAltNameExtension(
  names: readonly San[],
  options: { readonly critical: boolean },
): Uint8Array {
  return encodeExtension(oids.subjectAltName, encodeGeneralNames(names), options);
}

/** SubjectKeyIdentifier (RFC 5280 §4.2.1.2). */
export function subjectKeyIdentifierExtension(identifier: Uint8Array): Uint8Array {
  return encodeExtension(oids.subjectKeyIdentifier, octetString(identifier));
}

/** AuthorityKeyIdentifier with the issuer's keyIdentifier alone (RFC 5280 §4.2.1.1). */
export function authorityKeyIdentifierExtension(identifier: Uint8Array): Uint8Array {
  const value = sequence(implicit(0, octetString(identifier)));
  return encodeExtension(oids.authorityKeyIdentifier, value);
}

/** CRLDistributionPoints: one point, where each URL leads to the same full CRL (RFC 5280 §4.2.1.13). */
export function crlDistributionPointsExtension(urls: readonly string[]): Uint8Array {
  const fullName = explicit(0, ...urls.map((value) => encodeGeneralName({ type: 'uri', value })));
  return encodeExtension(oids.cRLDistributionPoints, sequence(sequence(explicit(0, fullName))));
}

/** AuthorityInfoAccess with the places of the issuer's certificate (RFC 5280 §4.2.2.1). */
export function authorityInfoAccessExtension(caIssuers: readonly string[]): Uint8Array {
  const descriptions = caIssuers.map((value) =>
    sequence(oid(oids.caIssuers), encodeGeneralName({ type: 'uri', value })),
  );
  return encodeExtension(oids.authorityInfoAccess, sequence(...descriptions));
}

/** NameConstraints that permit DNS names within these alone; critical (RFC 5280 §4.2.1.10). */
export function nameConstraintsExtension(permittedDns: readonly string[]): Uint8Array {
  const subtrees = permittedDns.map((base) => sequence(implicit(2, octetString(asciiOctets(base)))));
  return encodeExtension(oids.nameConstraints, sequence(explicit(0, ...subtrees)), { critical: true });
}

/** CRLNumber (RFC 5280 §5.2.3). */
export function crlNumberExtension(number: bigint): Uint8Array {
  return encodeExtension(oids.cRLNumber, integer(number));
}

/** An Extension; `critical` is written only if TRUE, FALSE being the default (RFC 5280 §4.2, X.690 §11.5). */
export function encodeExtension(
  type: string,
  value: Uint8Array,
  options: { readonly critical: boolean } = { critical: false },
): Uint8Array {
  return options.critical
    ? sequence(oid(type), boolean(true), octetString(value))
    : sequence(oid(type), octetString(value));
}

const notCaExtension = encodeExtension(oids.basicConstraints, sequence());
