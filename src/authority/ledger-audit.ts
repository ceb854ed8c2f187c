import { CaError, type ErrorCode } from '../core/ca-error.ts';
import { parseDistinguishedName } from '../core/distinguished-name.ts';
import type { Serial } from '../core/serial.ts';
import type { Entry, Issued } from '../ledger/entry.ts';
import { decodeCertificate } from '../x509/certificate.ts';
import { encodeName } from '../x509/name.ts';
import { openPublicKey, verifyBytes } from '../x509/signature.ts';
import { spkiFingerprint } from '../x509/subject-public-key-info.ts';
import { clientIssuer, clientIssuerRole, type Issuer } from './issuer.ts';
import type { Ports } from './ports.ts';
import { isInPlace } from './publish-crl.ts';

export interface Finding {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface AuditResult {
  readonly entries: number;
  /** SHA-256 of the last line: who keeps it can tell later whether history was rewritten. */
  readonly head: string;
  readonly certificates: number;
  readonly revocations: number;
  /** Empty when the record is whole. */
  readonly findings: readonly Finding[];
}

/**
 * Checks the whole record: every line strictly, the chain, each certificate's bytes against what its entry says and
 * against the CA's signature, each reference, and that the CRL in place is the one recorded last.
 */
export async function auditLedger(ports: Pick<Ports, 'ledger' | 'home' | 'progress'>): Promise<AuditResult> {
  const findings: Finding[] = [];
  const serials = new Set<Serial>();
  let entries = 0;
  let revocations = 0;
  try {
    const view = await ports.ledger.view();
    const issuer = clientIssuer(view.authority);
    const publicKey = openPublicKey(issuer.facts.spki);
    for await (const page of ports.ledger.entries()) {
      for (const entry of page) {
        entries = entry.seq;
        if (entry.type === 'revoked') revocations++;
        findings.push(...checkReferences(entry, serials));
        if (entry.type === 'issued') {
          serials.add(entry.serial);
          findings.push(...checkIssued(entry, entry.seq, issuer, publicKey));
        }
      }
      ports.progress(entries, view.head.seq, 'entries checked');
    }
    const role = clientIssuerRole(view.authority);
    const last = await view.lastCrl(role);
    if (last && !(await isInPlace(last, ports.home, role))) {
      findings.push({
        code: 'ledger/malformed',
        message: `the CRL in ${ports.home.crlPaths(role).der} is not the one recorded last; run: ca crl`,
      });
    }
    return { entries, head: view.head.hash, certificates: serials.size, revocations, findings };
  } catch (error) {
    if (!(error instanceof CaError) || !error.code.startsWith('ledger/')) throw error;
    findings.push({ code: error.code, message: error.message });
    return { entries, head: '', certificates: serials.size, revocations, findings };
  }
}

function checkReferences(entry: Entry, serials: ReadonlySet<Serial>): Finding[] {
  if ((entry.type === 'delivered' || entry.type === 'revoked') && !serials.has(entry.serial)) {
    return [
      {
        code: 'ledger/unknown-serial',
        message: `entry ${entry.seq} is about serial ${entry.serial}, which was never issued`,
      },
    ];
  }
  if (entry.type === 'issued' && serials.has(entry.serial)) {
    return [
      {
        code: 'ledger/duplicate-serial',
        message: `entry ${entry.seq} issues serial ${entry.serial} a second time`,
      },
    ];
  }
  return [];
}

function checkIssued(
  entry: Issued,
  seq: number,
  issuer: Issuer,
  publicKey: ReturnType<typeof openPublicKey>,
): Finding[] {
  const fault = findFault(entry, issuer, publicKey);
  return fault === undefined
    ? []
    : [{ code: 'ledger/malformed', message: `entry ${seq}: the certificate ${fault}` }];
}

function findFault(
  entry: Issued,
  issuer: Issuer,
  publicKey: ReturnType<typeof openPublicKey>,
): string | undefined {
  let decoded: ReturnType<typeof decodeCertificate>;
  try {
    decoded = decodeCertificate(Buffer.from(entry.certificate, 'base64'));
  } catch (error) {
    if (!(error instanceof CaError)) throw error;
    return `cannot be read: ${error.message}`;
  }
  if (decoded.serial !== entry.serial) return `has serial ${decoded.serial}, the entry says ${entry.serial}`;
  if (decoded.notAfter.getTime() !== entry.notAfter.getTime())
    return 'has another notAfter than the entry says';
  if (decoded.notBefore.getTime() !== entry.notBefore.getTime())
    return 'has another notBefore than the entry says';
  if (spkiFingerprint(decoded.spki) !== entry.key) return 'has another public key than the entry says';
  if (Buffer.compare(decoded.subject, encodeName(parseDistinguishedName(entry.subject))) !== 0)
    return 'has another subject than the entry says';
  if (!verifyBytes(publicKey, issuer.signatureAlgorithm, decoded.tbs, decoded.signature))
    return "does not bear the CA's signature";
  return undefined;
}
