import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { parseDistinguishedName } from '../core/distinguished-name.ts';
import type { Serial } from '../core/serial.ts';
import type { Entry, Issued } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type BareCertificate, decodeBareCertificate, decodeCertificate } from '../x509/certificate.ts';
import { encodeName, formatName } from '../x509/name.ts';
import { openPublicKey, verifyBytes } from '../x509/signature.ts';
import { spkiFingerprint } from '../x509/subject-public-key-info.ts';
import type { Finding } from './finding.ts';
import { findFutureHeads, HeadComparison, type HeadProof, isSameHead, type KeptHead } from './head-proof.ts';
import { clientIssuer, clientIssuerRole, type Issuer } from './issuer.ts';
import { asFinding, readKeptHead } from './kept-head.ts';
import { isSpoiled, readLatestHead } from './latest-head.ts';
import { describeTorn, UnsignedEntries } from './ledger-notes.ts';
import type { Home, Ports } from './ports.ts';
import { isInPlace } from './publish-crl.ts';
import { isOfIssuer } from './target-file.ts';
import { findUntrusted } from './trusted-files.ts';

export interface AuditResult {
  readonly entries: number;
  /** SHA-256 of the last line: who keeps it can tell later whether history was rewritten. */
  readonly head: string;
  readonly certificates: number;
  readonly revocations: number;
  /**
   * The heads that the record was held against, by their numbers: those that were given, the one beside the CRL, and the
   * latest if it is none of these.
   */
  readonly heads: readonly HeadProof[];
  /** Empty when the record is whole. */
  readonly findings: readonly Finding[];
  /** What may be honest, and should be known: remains of a command that died; absent when there is nothing. */
  readonly notes?: readonly string[];
}

/**
 * Checks the whole record: every line strictly, the chain, each certificate's bytes against what its entry says and
 * against the CA's signature, each reference, that the CRL in place is the one recorded last, and that the record goes on
 * from heads that were kept, which is what finds a history that was rewritten as a whole. At a line that is not sound it
 * ends: what it counts then are the entries before that line.
 */
export async function auditLedger(
  ports: Pick<Ports, 'ledger' | 'home' | 'clock' | 'progress'>,
  given: readonly KeptHead[] = [],
): Promise<AuditResult> {
  const findings: Finding[] = [];
  // Before the record: a CRL and its head may be published meanwhile.
  const notes: string[] = [];
  const heads = await readHeads(given, ports.home, findings, notes);
  const unsigned = new UnsignedEntries(Math.max(0, ...heads.map(({ head }) => head.seq)));
  const comparison = new HeadComparison(heads);
  const tally: Tally = {
    entries: 0,
    revocations: 0,
    owners: new Map(),
    comparison,
    unsigned,
    findings,
    notes,
  };
  const head = await readAll(tally, ports).catch((error: unknown) => {
    findings.push(asFinding(error));
    return '';
  });
  const proved = comparison.conclude(tally.view);
  findings.push(...proved.findings, ...findFutureHeads(given, ports.clock()));
  const { entries, owners, revocations } = tally;
  // Of heads that the record does not go on from, none speaks for it.
  const late = proved.heads.every(({ extended }) => extended) ? unsigned.describe() : undefined;
  if (late !== undefined) notes.push(late);
  return {
    entries,
    head,
    certificates: owners.size,
    revocations,
    heads: proved.heads,
    findings,
    ...(notes.length === 0 ? {} : { notes }),
  };
}

/** Those that were given, the one beside the CRL, and the latest, if it is none of these. */
async function readHeads(
  given: readonly KeptHead[],
  home: Home,
  findings: Finding[],
  notes: string[],
): Promise<readonly KeptHead[]> {
  const ofCrl = await readKeptHead(home).catch((error: unknown) => {
    findings.push(asFinding(error));
  });
  const latest = await readLatestHead(home).catch((error: unknown) => {
    const finding = asFinding(error);
    if (isSpoiled(finding))
      notes.push(`${finding.message}, as after a power cut; have another made with: ca crl`);
    else findings.push(finding);
  });
  const heads = ofCrl ? [...given, ofCrl] : given;
  return latest && !heads.some((head) => isSameHead(head, latest)) ? [...heads, latest] : heads;
}

/** What the audit has seen so far. */
interface Tally {
  entries: number;
  revocations: number;
  /** Undefined when there is none to be had of a record so broken. */
  view?: LedgerView;
  readonly comparison: HeadComparison;
  readonly unsigned: UnsignedEntries;
  readonly owners: Map<Serial, ClientName>;
  readonly findings: Finding[];
  readonly notes: string[];
}

/** Adds every entry to the tally, and gives the hash of the last. Throws at the first line that is not sound. */
async function readAll(tally: Tally, ports: Pick<Ports, 'ledger' | 'home' | 'progress'>): Promise<string> {
  let view: LedgerView;
  try {
    view = await ports.ledger.view();
    tally.view = view;
  } catch (error) {
    // Without a view there is no CA to check signatures with; the lines before the fault are counted all the same.
    for await (const page of ports.ledger.entries()) for (const entry of page) count(entry, tally);
    // The lines are sound one by one: what is wrong between them was found, and says more than the fold's refusal.
    if (tally.findings.length > 0) return '';
    throw error;
  }
  const issuer = clientIssuer(view.authority);
  const publicKey = openPublicKey(issuer.facts.spki);
  for await (const page of ports.ledger.entries()) {
    for (const entry of page) {
      // What is appended while we read is the next audit's: the head is of this view.
      if (entry.seq > view.head.seq) break;
      count(entry, tally);
      if (entry.type === 'issued') tally.findings.push(...checkIssued(entry, entry.seq, issuer, publicKey));
      if (entry.type === 'key-compromised') tally.findings.push(...(await checkCompromised(entry, view)));
    }
    ports.progress(tally.entries, view.head.seq, 'entries checked');
  }
  tally.findings.push(...(await checkTrusted(view, ports)), ...(await checkCrlsInPlace(ports)));
  const torn = await ports.ledger.unfinishedOctets();
  if (torn > 0) tally.notes.push(`${describeTorn(torn)}; the next command that writes sets them aside`);
  return view.head.hash;
}

function count(entry: Entry, tally: Tally): void {
  tally.entries = entry.seq;
  tally.comparison.see(entry);
  tally.unsigned.see(entry);
  if (entry.type === 'revoked') tally.revocations++;
  tally.findings.push(...checkReferences(entry, tally.owners));
  if (entry.type === 'issued') tally.owners.set(entry.serial, entry.client);
}

/** The certificates that servers are told to trust are those of the record. */
async function checkTrusted(view: LedgerView, { home }: Pick<Ports, 'home'>): Promise<Finding[]> {
  const untrusted = await findUntrusted(view.authority, home);
  return untrusted.map(({ file, why }) => ({
    code: 'ledger/malformed',
    message: `${file} is ${why}; run: ca renew`,
  }));
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

/** The key that is barred is the certificate's: another one would bar a client who lost nothing, and leave this one free. */
async function checkCompromised(
  { seq, serial, key }: Extract<Entry, { type: 'key-compromised' }>,
  view: LedgerView,
): Promise<Finding[]> {
  const certificate = await view.certificate(serial);
  if (!certificate || certificate.key === key) return [];
  const message = `entry ${seq} bars another public key than that of certificate ${serial}`;
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
  const der = Buffer.from(entry.certificate, 'base64');
  let decoded: BareCertificate;
  let isSigned: boolean;
  try {
    // What was adopted may be the work of another encoder, with the key alone the same.
    if (entry.adopted) {
      decoded = decodeBareCertificate(der);
      isSigned = isOfIssuer(der, issuer);
    } else {
      const { tbs, signature, ...fields } = decodeCertificate(der);
      decoded = fields;
      isSigned = verifyBytes(publicKey, issuer.signatureAlgorithm, tbs, signature);
    }
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
  const isSubject = entry.adopted
    ? formatName(decoded.subject) === entry.subject
    : Buffer.compare(decoded.subject, encodeName(parseDistinguishedName(entry.subject))) === 0;
  if (!isSubject) return 'has another subject than the entry says';
  if (!isSigned) return "does not bear the CA's signature";
  return undefined;
}
