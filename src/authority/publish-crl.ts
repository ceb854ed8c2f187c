import { addMs, formatInstant, wholeSeconds } from '../core/instant.ts';
import { type RevocationPage, revocationWidth } from '../core/revocation-page.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CrlRecord } from '../ledger/record.ts';
import { encodeSignedHead } from '../ledger/signed-head.ts';
import { approveCrl } from '../lint/approve.ts';
import { type Crl, encodeTbsCrl } from '../x509/crl.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { encodePem } from '../x509/pem.ts';
import { findForgotten, readOwnCrl } from './carry-over.ts';
import { checkClock } from './clock-check.ts';
import { findNewerCopy, numberOf, readOtherCopies } from './crl-copies.ts';
import {
  clientIssuer,
  clientIssuerRole,
  type Issuer,
  openIssuer,
  openSigner,
  type Signer,
} from './issuer.ts';
import { type FoundHead, judgeHeads, type Rollback } from './kept-head.ts';
import type { CrlPaths, Home, LedgerTransaction, Ports } from './ports.ts';
import type { Settings } from './settings.ts';
import { copyPublished, isSpread, spreadCrl } from './spread-crl.ts';

/** A CRL as scripts see it. */
export interface CrlResult {
  /** CRLNumber in decimal. */
  readonly number: string;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
  readonly files: CrlPaths;
  /** The record was put back from an older copy, or rewritten, since the CRL before. */
  readonly rollback?: Rollback;
}

/**
 * Signs a new CRL, records it and puts it in place, in this order and under the ledger's lock, so that CRLs appear
 * in the order of their numbers.
 *
 * @param copyTo where copies will go: what lies there is taken into account before it is overwritten
 */
export async function publishCrl(
  signer: Signer,
  settings: Settings,
  ports: Pick<Ports, 'ledger' | 'home' | 'clock' | 'runHook' | 'clockConfirmed'>,
  copyTo: readonly string[] = settings.crl.copyTo,
): Promise<CrlResult> {
  const result = await ports.ledger.transact((transaction) =>
    publishInside(transaction, signer, settings, ports, copyTo),
  );
  await spreadCrl(result, settings, ports);
  return result;
}

/** {@link publishCrl} within a transaction that is already open; {@link spreadCrl} is the caller's to do. */
export async function publishInside(
  transaction: LedgerTransaction,
  signer: Signer,
  settings: Settings,
  ports: Pick<Ports, 'ledger' | 'home' | 'clock' | 'clockConfirmed'>,
  copyTo: readonly string[] = settings.crl.copyTo,
): Promise<CrlResult> {
  const { issuer } = signer;
  const view = transaction.view();
  const now = ports.clock();
  checkClock(now, view.head, ports.clockConfirmed);
  // The root of two tiers signs too seldom to speak for the record.
  const isOfClients = issuer.role === clientIssuerRole(view.authority);
  const last = await view.lastCrl(issuer.role);
  const published = await ports.home.readCrl(issuer.role);
  const isPublished = last !== undefined && published !== undefined && sha256Hex(published) === last.sha256;
  const copies = await readOtherCopies(copyTo, issuer, published, ports.home);
  const heads = isOfClients
    ? await judgeHeads(await besideCrl(ports.home), copies.heads, view, ports)
    : undefined;
  const rollback = heads?.rollback;
  // Of a record that a head proves all the way to this CRL's entry nothing is forgotten that is on this CRL.
  const isExplained = isPublished && heads?.isProved && !rollback && last.carried === undefined;
  const inPlace = isExplained ? undefined : readOwnCrl(published, issuer);
  const { revocations, carried } = await listRevocations(
    transaction,
    issuer,
    inPlace ? [inPlace, ...copies.crls] : copies.crls,
    // Entries of expired certificates may go only if the CRL that was to show them last really was published.
    { dropExpired: isPublished && !rollback },
  );
  const entries = revocations.reduce((sum, page) => sum + page.length / revocationWidth, 0);

  const thisUpdate = wholeSeconds(now);
  // The root of two tiers signs its CRL once for its whole life, and can then stay offline.
  const nextUpdate = isOfClients ? addMs(thisUpdate, settings.crl.validityMs) : issuer.facts.notAfter;
  const number = nextNumber(thisUpdate, last, [
    published && numberOf(published),
    ...copies.crls.map((crl) => crl.number),
  ]);
  const tbs = encodeTbsCrl({
    signatureAlgorithm: issuer.signatureAlgorithm,
    issuer: issuer.facts.subject,
    thisUpdate,
    nextUpdate,
    number,
    authorityKeyIdentifier: issuer.facts.keyIdentifier,
    revocations,
  });
  const der = signer.sign(approveCrl(tbs, { ...issuer.facts, ...(last ? { lastNumber: last.number } : {}) }));
  const recorded = await transaction.append([
    {
      type: 'crl-published',
      issuer: issuer.role,
      number: `${number}`,
      thisUpdate,
      nextUpdate,
      entries,
      sha256: sha256Hex(der),
      ...(carried === 0 ? {} : { carried }),
    },
  ]);
  const files = await ports.home.publishCrl({
    issuer: issuer.role,
    der,
    pem: encodePem('X509 CRL', der),
    ...(isOfClients ? { head: encodeSignedHead(signer.signHead(view.authority.name, recorded)) } : {}),
    ...(heads ? { lostHeads: heads.setAside } : {}),
  });
  return {
    number: `${number}`,
    thisUpdate,
    nextUpdate,
    entries,
    files,
    ...(rollback ? { rollback } : {}),
  };
}

/** What goes on the issuer's next CRL, and how many of these entries are carried over from published ones. */
async function listRevocations(
  transaction: LedgerTransaction,
  issuer: Issuer,
  published: readonly Crl[],
  options: { readonly dropExpired: boolean },
): Promise<{ revocations: readonly RevocationPage[]; carried: number }> {
  const view = transaction.view();
  if (issuer.role !== clientIssuerRole(view.authority)) return { revocations: [], carried: 0 };
  const own = await view.revocationsForCrl(options);
  if (published.length === 0) return { revocations: own, carried: 0 };
  const { revoked, carried } = await findForgotten(published, own, view);
  if (revoked.length > 0) await transaction.append(revoked);
  const complete = revoked.length > 0 ? await transaction.view().revocationsForCrl(options) : own;
  const revocations = carried.length > 0 ? [...complete, carried] : complete;
  return { revocations, carried: carried.length / revocationWidth };
}

/** Why a new CRL is needed now, or undefined when the published one will do. */
export async function whyCrlIsDue(
  settings: Settings,
  ports: Pick<Ports, 'ledger' | 'home' | 'clock'>,
  copyTo: readonly string[] = settings.crl.copyTo,
): Promise<string | undefined> {
  const view = await ports.ledger.view();
  const role = clientIssuerRole(view.authority);
  const last = await view.lastCrl(role);
  if (!last) return 'there is none';
  const now = ports.clock();
  if (last.nextUpdate <= now) return `it expired at ${formatInstant(last.nextUpdate)}`;
  if (now.getTime() - last.thisUpdate.getTime() >= settings.crl.refreshMs)
    return `it is of ${formatInstant(last.thisUpdate)}`;
  if (await hasUnlisted(view, last)) return 'a revocation is not on it yet';
  if (!(await isInPlace(last, ports.home, role))) return 'the published file is not the one on record';
  const newer = await findNewerCopy(copyTo, clientIssuer(view.authority), last, ports.home);
  return newer === undefined ? undefined : `the copy in ${newer} is newer than the one on record`;
}

/** True if something was revoked since that CRL: the one that was to list it could not be made. */
export async function hasUnlisted(view: LedgerView, last: CrlRecord): Promise<boolean> {
  return (await view.lastRevocationSeq()) > last.seq;
}

/** The CRL on record, as a result, for commands that leave it as it is: that of the CA that issues to clients, unless said otherwise. */
export async function currentCrl(
  ports: Pick<Ports, 'ledger' | 'home'>,
  issuer?: IssuerRole,
): Promise<CrlResult | undefined> {
  const view = await ports.ledger.view();
  const role = issuer ?? clientIssuerRole(view.authority);
  const last = await view.lastCrl(role);
  return (
    last && {
      number: `${last.number}`,
      thisUpdate: last.thisUpdate,
      nextUpdate: last.nextUpdate,
      entries: last.entries,
      files: ports.home.crlPaths(role),
    }
  );
}

/** True if the files that servers read, DER and PEM, are the CRL that was recorded last. */
export async function isInPlace(last: CrlRecord, home: Home, role: IssuerRole): Promise<boolean> {
  const published = await home.readCrl(role);
  if (published === undefined || sha256Hex(published) !== last.sha256) return false;
  return (await home.readCrlPem(role)) === encodePem('X509 CRL', published);
}

export interface CrlRequest {
  /** Only when the published one is old, missing or damaged. */
  readonly ifDue: boolean;
  readonly copyTo?: string;
  /** The root's CRL instead, with two tiers: for the day when it was lost. Needs the root's key. */
  readonly root: boolean;
  readonly dryRun: boolean;
}

/**
 * `ca crl`: publishes a CRL, and copies it to one more directory if asked. A CRL that is not due, but whose copies or hook
 * failed, is spread as it is.
 */
export async function crl(
  request: CrlRequest,
  settings: Settings,
  ports: Ports,
): Promise<{ crl: CrlResult | undefined; why: string | undefined }> {
  const { authority } = await ports.ledger.view();
  const copyTo = [...settings.crl.copyTo, ...(request.copyTo === undefined ? [] : [request.copyTo])];
  const why = request.ifDue ? await whyCrlIsDue(settings, ports, copyTo) : 'asked for';
  let result = await currentCrl(ports, request.root ? 'root' : undefined);
  if (why !== undefined && !request.dryRun) {
    const issuer = request.root ? openIssuer('root', authority.root) : clientIssuer(authority);
    result = await publishCrl(await openSigner(issuer, ports), settings, ports, copyTo);
  } else if (result && !request.dryRun && !(await isSpread(result, settings, ports))) {
    await spreadCrl(result, settings, ports);
  }
  if (request.copyTo !== undefined && !request.dryRun) await copyPublished(request.copyTo, ports);
  return { crl: result, why };
}

/**
 * The next CRLNumber: greater than the last on record and those in place, and at least the time in milliseconds, so that it
 * grows even after an old backup was restored (RFC 5280 §5.2.3).
 */
function nextNumber(
  thisUpdate: Date,
  last: CrlRecord | undefined,
  inPlace: readonly (bigint | undefined)[],
): bigint {
  return [last?.number, ...inPlace]
    .filter((number) => number !== undefined)
    .map((number) => number + 1n)
    .reduce((a, b) => (a > b ? a : b), BigInt(thisUpdate.getTime()));
}

async function besideCrl(home: Home): Promise<FoundHead | undefined> {
  const octets = await home.readHead();
  return octets && { file: home.filePath('crl/ledger.head'), octets };
}
