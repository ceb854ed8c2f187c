import { CaError } from '../core/ca-error.ts';
import { decodeTbsCertificate } from '../x509/certificate.ts';
import { decodeTbsCrl, type TbsCrl } from '../x509/crl.ts';
import { CrlEntryCursor } from '../x509/crl-entry.ts';
import { PlainEntries } from './plain-entries.ts';
import type { CrlIssuerFacts, IssuerFacts, Rule } from './rule.ts';
import { certificateRules, crlEntriesRules, crlEntryRules, crlRules } from './rules.ts';

export type { CrlIssuerFacts, IssuerFacts } from './rule.ts';

/** More findings than these about the entries of one CRL say nothing new. */
const maxEntryFindings = 10;

/** What is larger is taken over instead of copied; what is smaller may share its memory with other Buffers. */
const sharedOctets = Buffer.poolSize;

/** Known to this module alone: what keeps everybody else from making an {@link Approved}. */
const seal = Symbol('approved by the linter');

/**
 * Bytes that the linter found fit to be signed by one issuer. Only {@link approveCertificate} and {@link approveCrl} make
 * it, and signers take nothing else, so that nothing is signed that was not linted, octet for octet and for this issuer.
 */
export class Approved {
  #bytes: Uint8Array | undefined;
  readonly #issuer: Uint8Array;

  constructor(key: typeof seal, bytes: Uint8Array, issuer: Uint8Array) {
    if (key !== seal) throw new Error('only the linter approves');
    this.#bytes = bytes;
    this.#issuer = new Uint8Array(issuer);
  }

  /**
   * The TBS bytes that were linted: given away once, so that nobody can change them between two uses.
   *
   * @param issuer the SubjectPublicKeyInfo of who is about to sign; the bytes are not given to sign with another key
   */
  bytesFor(issuer: Uint8Array): Uint8Array {
    if (Buffer.compare(this.#issuer, issuer) !== 0) throw new Error('this was approved for another issuer');
    const bytes = this.#bytes;
    if (!bytes) throw new Error('this was signed already');
    this.#bytes = undefined;
    return bytes;
  }
}

/** The TBSCertificate, if that issuer may sign it. Throws `lint/refused` with every finding. */
export function approveCertificate(tbs: Uint8Array, issuer: IssuerFacts): Approved {
  const bytes = new Uint8Array(tbs);
  const certificate = decodeOrRefuse(() => decodeTbsCertificate(bytes));
  refuseFindings('certificate', applyRules(certificateRules, certificate, issuer));
  return new Approved(seal, bytes, issuer.spki);
}

/**
 * The TBSCertList, if that issuer may sign it. A large one is not copied but taken over: the caller's view of it is empty
 * then. Throws `lint/refused` with the findings.
 */
export function approveCrl(tbs: Uint8Array, issuer: CrlIssuerFacts): Approved {
  const bytes = takeOver(tbs);
  const crl = decodeOrRefuse(() => decodeTbsCrl(bytes));
  const entryFindings = decodeOrRefuse(() => checkEntries(crl, issuer));
  refuseFindings('CRL', [...applyRules(crlRules, crl, issuer), ...entryFindings]);
  return new Approved(seal, bytes, issuer.spki);
}

/** The bytes where nobody else can change them. */
function takeOver(bytes: Uint8Array): Uint8Array {
  const { buffer } = bytes;
  if (buffer.byteLength <= sharedOctets || !(buffer instanceof ArrayBuffer)) return new Uint8Array(bytes);
  return structuredClone(bytes, { transfer: [buffer] });
}

function applyRules<Subject, Facts>(
  rules: readonly Rule<Subject, Facts>[],
  subject: Subject,
  issuer: Facts,
): string[] {
  const findings: string[] = [];
  for (const rule of rules) {
    const finding = checkRule(rule, subject, issuer);
    if (finding !== undefined) findings.push(`${finding} (${rule.cites})`);
  }
  return findings;
}

/** A rule that finds its part of the bytes malformed has found something too. */
function checkRule<Subject, Facts>(rule: Rule<Subject, Facts>, subject: Subject, issuer: Facts) {
  try {
    return rule.check(subject, issuer);
  } catch (error) {
    if (error instanceof CaError) return error.message;
    throw error;
  }
}

function checkEntries(crl: TbsCrl, issuer: CrlIssuerFacts): string[] {
  const findings: string[] = [];
  if (!crl.entries) return findings;
  const cursor = new CrlEntryCursor(crl.entries);
  const plain = new PlainEntries(crl.entries);
  while (cursor.skipTo(plain.pass(cursor.end)).next()) {
    for (const rule of crlEntryRules) {
      const finding = rule.check(cursor, issuer);
      if (finding !== undefined) findings.push(`${finding} (${rule.cites})`);
    }
    if (findings.length >= maxEntryFindings) return findings.slice(0, maxEntryFindings);
  }
  return findings.length > 0 ? findings : applyRules(crlEntriesRules, crl, issuer);
}

function decodeOrRefuse<Value>(decode: () => Value): Value {
  try {
    return decode();
  } catch (error) {
    if (error instanceof CaError)
      throw new CaError('lint/refused', error.message, {
        hint: 'nothing was signed; report a bug',
        cause: error,
      });
    throw error;
  }
}

function refuseFindings(what: string, findings: readonly string[]): void {
  if (findings.length === 0) return;
  throw new CaError('lint/refused', findings.join('; '), {
    hint: `the ${what} was not signed; change what was asked for, or report a bug if the request was sound`,
  });
}
