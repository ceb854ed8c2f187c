import type { TbsCertificate } from '../x509/certificate.ts';
import type { TbsCrl } from '../x509/crl.ts';
import type { CrlEntryCursor } from '../x509/crl-entry.ts';

/** What the linter knows of the CA that is about to sign. */
export interface IssuerFacts {
  /** The encoded Name of its certificate's subject. */
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  /** Its certificate's SubjectKeyIdentifier. */
  readonly keyIdentifier: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** True if what is judged is the CA's own certificate, signed with its own key. */
  readonly selfSigned: boolean;
  /** The DNS names that its name constraints permit; empty if they permit all. */
  readonly permittedDns: readonly string[];
  /** How many CAs may stand below it, if that is limited. */
  readonly pathLength?: number;
}

/** What the linter knows of the CA that is about to sign a CRL. */
export interface CrlIssuerFacts extends IssuerFacts {
  /** The greatest number that a CRL of this CA ever had. */
  readonly lastNumber?: bigint;
}

/**
 * One thing that must hold for what is signed, with the clause that asks for it. Rules judge the decoded bytes,
 * never the template they were made from.
 */
export interface Rule<Subject, Facts = IssuerFacts> {
  readonly name: string;
  /** `RFC 5280 §4.1.2.2` */
  readonly cites: string;
  /** What is wrong, with actual and allowed values; undefined if nothing is. A `CaError` thrown is a finding too. */
  readonly check: (subject: Subject, issuer: Facts) => string | undefined;
}

export type CertificateRule = Rule<TbsCertificate>;
export type CrlRule = Rule<TbsCrl, CrlIssuerFacts>;
/** A rule about each entry of a CRL, which the cursor stands on. */
export type CrlEntryRule = Rule<CrlEntryCursor, CrlIssuerFacts>;
