import { CaError, type ErrorCode } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
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
  const owners = new Map<Serial, ClientName>();
  let entries = 0;
  let revocations = 0;
  try {
    const view = await ports.ledger.view();
    const issuer = clientIssuer(view.authority);
    const publicKey = openPublicKey(issuer.facts.spki);
    for await (const page of ports.ledger.entries()) {
      for (const entry of page) {
        // What is appended while we read is the next audit's: the head below is of this view.
        if (entry.seq > view.head.seq) break;
        entries = entry.seq;
        if (entry.type === 'revoked') revocations++;
        findings.push(...checkReferences(entry, owners));
        if (entry.type === 'issued') {
          owners.set(entry.serial, entry.client);
          findings.push(...checkIssued(entry, entry.seq, issuer, publicKey));
        }
      }
      ports.progress(entries, view.head.seq, 'entries checked');
    }
    findings.push(...(await checkCrlsInPlace(ports)));
    return { entries, head: view.head.hash, certificates: owners.size, revocations, findings };
  } catch (error) {
    if (!(error instanceof CaError) || !error.code.startsWith('ledger/')) throw error;
    findings.push({ code: error.code, message: error.message });
    return { entries, head: '', certificates: owners.size, revocations, findings };
  }
}

/** Reads the record again: a CRL may have been published since the audit began. */
async function checkCrlsInPlace(ports: Pick<Ports, 'ledger' | 'home'>): Promise<Finding[]> {
  const findings: Finding[] = [];
  const view = await ports.ledger.view();
  for (const role of view.authority.issuing ? (['root', 'issuing'] as const) : (['root'] as const)) {
    const last = await view.lastCrl(role);
    if (!last || (await isInPlace(last, ports.home, role))) continue;
    const action = role === clientIssuerRole(view.authority) ? 'run: ca crl' : 'run: ca crl --root';
    findings.push({
      code: 'ledger/malformed',
      message: `the CRL in ${ports.home.crlPaths(role).der} is not the one recorded last; ${action}`,
    });
  }
  return findings;
}

function checkReferences(entry: Entry, owners: ReadonlyMap<Serial, ClientName>): Finding[] {
  if (!('serial' in entry)) return [];
  const { seq, serial, client } = entry;
  const owner = owners.get(serial);
  if (entry.type === 'issued') {
    if (!owner) return [];
    return [
      { code: 'ledger/duplicate-serial', message: `entry ${seq} issues serial ${serial} a second time` },
    ];
  }
  if (!owner) {
    const message = `entry ${seq} is about serial ${serial}, which was never issued`;
    return [{ code: 'ledger/unknown-serial', message }];
  }
  if (owner === client) return [];
  const message = `entry ${seq} calls serial ${serial} one of ${client}; it was issued to ${owner}`;
  return [{ code: 'ledger/malformed', message }];
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
