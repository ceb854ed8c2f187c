import { addMs, formatInstant, wholeSeconds } from '../core/instant.ts';
import { countRevocations } from '../core/revocation-page.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CrlRecord } from '../ledger/record.ts';
import { encodeSignedHead } from '../ledger/signed-head.ts';
import { approveCrl } from '../lint/approve.ts';
import type { Crl } from '../x509/crl.ts';
import { type CrlTemplate, TbsCrlEncoder } from '../x509/crl-encoder.ts';
import { findForgotten, readOwnCrl } from './carry-over.ts';
import { checkClock, isClockBehind } from './clock-check.ts';
import { findNewerCopy, numberOf, readOtherCopies } from './crl-copies.ts';
import {
  clientIssuer,
  clientIssuerRole,
  type Issuer,
  openIssuer,
  openSigner,
  type Signer,
} from './issuer.ts';
import { judgeHeads, type Rollback } from './kept-head.ts';
import { keepLatestHead, replaceLatestHead } from './latest-head.ts';
import type { CrlPaths, Home, LedgerTransaction, Ports } from './ports.ts';
import type { Settings } from './settings.ts';
import { crlTemplate, signedCrl } from './signed-crl.ts';
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
 * Signs a new CRL, writes it beside the one in place, records it and gives its files their names, in this order and under
 * the ledger's lock: CRLs appear in the order of their numbers, none before it is on record, and a disk that has no room
 * for one leaves all as it was.
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

/**
 * {@link publishCrl} within a transaction that is already open, together with the entries that it holds: they are on record
 * when their CRL is, or not at all. {@link spreadCrl} is the caller's to do.
 */
export async function publishInside(
  transaction: LedgerTransaction,
  signer: Signer,
  settings: Settings,
  ports: Pick<Ports, 'ledger' | 'home' | 'clock' | 'clockConfirmed'>,
  copyTo: readonly string[] = settings.crl.copyTo,
): Promise<CrlResult> {
  const { issuer } = signer;
  const view = transaction.view();
  // Heads speak of what is on disk.
  const before = transaction.recorded();
  const now = ports.clock();
  checkClock(now, view.head, ports.clockConfirmed);
  // The root of two tiers signs too seldom to speak for the record.
  const isOfClients = issuer.role === clientIssuerRole(view.authority);
  const last = await view.lastCrl(issuer.role);
  const inPlace = await ports.home.crlSum(issuer.role, 'der');
  const isPublished = last !== undefined && inPlace === last.sha256;
  const copies = await readOtherCopies(copyTo, issuer, inPlace, ports.home);
  const heads = isOfClients
    ? await judgeHeads(
        {
          beside: await ports.home.readHead(),
          copies: copies.heads,
          latest: await ports.home.readLatestHead(),
        },
        before,
        ports,
      )
    : undefined;
  const rollback = heads?.rollback;
  // Of a record that a head proves all the way to this CRL's entry nothing is forgotten that is on this CRL.
  const isExplained = isPublished && heads?.isProved && !rollback && last.carried === undefined;
  const published = isExplained ? undefined : await ports.home.readCrl(issuer.role);
  const own = readOwnCrl(published, issuer);

  const thisUpdate = wholeSeconds(now);
  // The root of two tiers signs its CRL once for its whole life, and can then stay offline.
  const nextUpdate = isOfClients ? addMs(thisUpdate, settings.crl.validityMs) : issuer.facts.notAfter;
  const number = nextNumber(thisUpdate, last, [
    published && numberOf(published),
    ...copies.crls.map((crl) => crl.number),
  ]);
  const { tbs, entries, carried } = await listRevocations(
    transaction,
    issuer,
    own ? [own, ...copies.crls] : copies.crls,
    // Entries of expired certificates may go only if the CRL that was to show them last really was published, and not by a
    // clock that stood ahead: for everybody else those certificates have not expired yet.
    { dropExpired: isPublished && !rollback && last.thisUpdate <= now },
    crlTemplate(issuer, { thisUpdate, nextUpdate, number }),
  );
  const facts = { ...issuer.facts, ...(last ? { lastNumber: last.number } : {}) };
  const staged = await ports.home.stageCrl(signedCrl(signer, approveCrl(tbs, facts)));
  try {
    const body = {
      type: 'crl-published',
      issuer: issuer.role,
      number: `${number}`,
      thisUpdate,
      nextUpdate,
      entries,
      ...staged.sums,
      ...(carried === 0 ? {} : { carried }),
    } as const;
    const recorded = await transaction.hold([body]);
    const head = heads && encodeSignedHead(signer.signHead(view.authority.name, recorded));
    for (const lost of heads?.setAside ?? []) staged.add(lost);
    if (head !== undefined) staged.addHead(head);
    await staged.sync();
    await transaction.append([]);
    if (head !== undefined) await keepLatestHead(head, before, ports);
    const files = await staged.publish();
    if (head !== undefined && heads?.setAside.length) await replaceLatestHead(head, ports.home);
    return {
      number: `${number}`,
      thisUpdate,
      nextUpdate,
      entries,
      files,
      ...(rollback ? { rollback } : {}),
    };
  } finally {
    staged.discard();
  }
}

/** The issuer's next CRL, to be signed, and how many of its entries are carried over from published ones. */
async function listRevocations(
  transaction: LedgerTransaction,
  issuer: Issuer,
  published: readonly Crl[],
  options: { readonly dropExpired: boolean },
  template: CrlTemplate,
): Promise<{ tbs: Uint8Array; entries: number; carried: number }> {
  const { authority } = transaction.view();
  if (issuer.role !== clientIssuerRole(authority)) {
    return { tbs: new TbsCrlEncoder(template, 0).finish(), entries: 0, carried: 0 };
  }
  const forgotten = await findForgotten(published, options, transaction.view());
  await transaction.hold(forgotten.revoked);
  const revocations = await transaction.view().revocationsForCrl(options);
  const carried = countRevocations(forgotten.carried);
  const encoder = new TbsCrlEncoder(template, revocations.atMost + carried);
  for await (const page of revocations.pages()) encoder.add(page);
  encoder.add(forgotten.carried);
  return { tbs: encoder.finish(), entries: encoder.count, carried };
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
  if (isClockBehind(now, last.thisUpdate)) return `it is not valid before ${formatInstant(last.thisUpdate)}`;
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
  if ((await home.crlSum(role, 'der')) !== last.sha256) return false;
  return last.pemSha256 !== undefined && (await home.crlSum(role, 'pem')) === last.pemSha256;
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
