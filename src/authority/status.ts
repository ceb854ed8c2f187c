import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { dayMs, formatDuration } from '../core/duration.ts';
import { addMs, formatDay, formatInstant } from '../core/instant.ts';
import type { Serial } from '../core/serial.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import type { LedgerView, StatusCounts } from '../ledger/ledger-view.ts';
import { type CertificateRecord, type CrlRecord, certificateStatus } from '../ledger/record.ts';
import { isClockBehind } from './clock-check.ts';
import type { Finding } from './finding.ts';
import { isSameHead, type KeptHead } from './head-proof.ts';
import { clientIssuer, clientIssuerRole } from './issuer.ts';
import { asFinding, findHeadFault, readKeptHead } from './kept-head.ts';
import { findLatestHeadFault, isSpoiled, readLatestHead } from './latest-head.ts';
import { describeTorn } from './ledger-notes.ts';
import { findMissing, type MissingFiles } from './missing-files.ts';
import { describeOutliving } from './outliving-profiles.ts';
import type { CrlPaths, Ports } from './ports.ts';
import { hasUnlisted, isInPlace } from './publish-crl.ts';
import { farFuture, planRenewals, windowMs } from './renewal-plan.ts';
import type { Settings } from './settings.ts';
import { isSpread } from './spread-crl.ts';
import { findUntrusted } from './trusted-files.ts';

export interface StatusResult {
  readonly home: string;
  /** `notAfter` of the CA that issues to clients. */
  readonly authority: { readonly name: string; readonly notAfter: Date };
  readonly clients: number;
  readonly counts: StatusCounts;
  /** What `ca renew` would replace now. */
  readonly due: readonly CertificateBrief[];
  /** Recorded, and not in its place yet. */
  readonly undelivered: readonly CertificateBrief[];
  readonly crl: CrlStatus | undefined;
  /** With two tiers. */
  readonly rootCrl?: CrlStatus;
  /** How many active certificates expire in each of the next weeks, from now. */
  readonly expiringByWeek: readonly number[];
  /** What a person must see to; each says what to do. Not empty: exit code 1. */
  readonly problems: readonly string[];
  /** What a person should know in good time. */
  readonly warnings: readonly string[];
}

export interface CertificateBrief {
  readonly client: ClientName;
  readonly serial: Serial;
  readonly notAfter: Date;
}

export interface CrlStatus {
  readonly number: string;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
  readonly files: CrlPaths;
  /** `fresh`, `stale` (older than half its life: nobody renews it; never the root's of two tiers), `expired`, or `damaged` (not the file on record). */
  readonly state: 'fresh' | 'stale' | 'expired' | 'not valid yet' | 'damaged';
}

const histogramWeeks = 13;
/** Clients whose files are looked for: each costs a fifth of a millisecond. */
const mostLookedAt = 250;
/** Clients whose files are gone from the home directory: where somebody takes them all to the clients, more say nothing. */
const mostWarnedOf = 10;

/** The authority's health. Reads only. */
export async function status(
  settings: Settings,
  ports: Pick<Ports, 'ledger' | 'home' | 'keys' | 'clock' | 'deliveries'>,
): Promise<StatusResult> {
  // Before the record: a CRL and its head may be published meanwhile.
  const crlHead = await readKeptHead(ports.home).catch(asFinding);
  const latestHead = await readLatestHead(ports.home).catch(asFinding);
  const view = await ports.ledger.view();
  const now = ports.clock();
  const { due, skipped } = await planRenewals({ clients: [], force: false }, view, settings, now);
  const undelivered = (await view.undelivered()).filter(
    (record) => certificateStatus(record, now) === 'active',
  );
  const crl = await crlStatus(clientIssuerRole(view.authority), view, ports);
  const rootCrl = view.authority.issuing ? await crlStatus('root', view, ports) : undefined;
  const missing = await findAllMissing(view, ports);
  const issuer = clientIssuer(view.authority);
  const caNotAfter = issuer.facts.notAfter;

  const ending = authorityProblems(caNotAfter, await view.longestValidityMs(), now);
  // Once the end of the CA itself is the problem, that of its profiles is none.
  const outliving =
    ending.length > 0 ? undefined : describeOutliving(caNotAfter.getTime() - now.getTime(), settings);
  const isBehind = isClockBehind(now, view.head.time);
  const problems = [
    ...(await openProblems(ports)),
    ...(await trustProblems(view, ports)),
    ...(await keyProblems(clientIssuerRole(view.authority), ports)),
    ...(await headProblems(crlHead, latestHead, view, ports)),
    ...(await tornProblems(ports)),
    ...crlProblems(crl, now, isBehind),
    ...(await revocationProblems(view)),
    ...(await spreadProblems(crl, settings, ports)),
    ...rootCrlProblems(rootCrl),
    ...overdueProblems(due, settings, now),
    ...(await Promise.all(undelivered.map((record) => undeliveredProblem(record, view)))),
    ...missing.filter(({ isMissed }) => isMissed).map(({ text }) => text),
    ...skipped.map(({ client, why }) => `${client} is due, but ${why}`),
    ...ending,
  ];
  if (isBehind) {
    problems.push(
      `the clock is behind the last entry of the ledger (${formatInstant(view.head.time)}); set the clock`,
    );
  }
  return {
    home: ports.home.path,
    authority: { name: view.authority.name, notAfter: caNotAfter },
    clients: await view.clientCount(),
    counts: await view.counts(now),
    due: due.map(brief),
    undelivered: undelivered.map(brief),
    crl,
    ...(rootCrl ? { rootCrl } : {}),
    expiringByWeek: await expiringByWeek(view, now),
    problems,
    warnings: [
      ...missing.filter(({ isMissed }) => !isMissed).map(({ text }) => text),
      ...authorityWarnings(caNotAfter, now),
      ...(outliving === undefined ? [] : [outliving]),
    ],
  };
}

async function crlStatus(
  role: IssuerRole,
  view: LedgerView,
  ports: Pick<Ports, 'home' | 'clock'>,
): Promise<CrlStatus | undefined> {
  const last = await view.lastCrl(role);
  if (!last) return undefined;
  const { number, thisUpdate, nextUpdate, entries } = last;
  // The root of two tiers signs its CRL for its whole life: half of it gone is no fault.
  const isRenewed = role === clientIssuerRole(view.authority);
  const state = (await isInPlace(last, ports.home, role))
    ? freshness(last, isRenewed, ports.clock())
    : 'damaged';
  return { number: `${number}`, thisUpdate, nextUpdate, entries, files: ports.home.crlPaths(role), state };
}

function freshness({ thisUpdate, nextUpdate }: CrlRecord, isRenewed: boolean, now: Date): CrlStatus['state'] {
  if (nextUpdate <= now) return 'expired';
  if (isClockBehind(now, thisUpdate)) return 'not valid yet';
  if (!isRenewed) return 'fresh';
  const half = (nextUpdate.getTime() - thisUpdate.getTime()) / 2;
  return now.getTime() - thisUpdate.getTime() > half ? 'stale' : 'fresh';
}

/** What others may change behind the record's back. */
async function openProblems({ home }: Pick<Ports, 'home'>): Promise<string[]> {
  const open = await home.findOpen();
  if (open.length === 0) return [];
  const shown = open.slice(0, 5).join(', ');
  const more = open.length > 5 ? ` and ${open.length - 5} more` : '';
  return [`others than their owner may write to ${shown}${more}; run: chmod -R go-w ${home.path}`];
}

/** What servers are told to trust. */
async function trustProblems(view: LedgerView, { home }: Pick<Ports, 'home'>): Promise<string[]> {
  const untrusted = await findUntrusted(view.authority, home);
  return untrusted.map(({ file, why }) => `${file} is ${why}; run: ca renew, which puts it back`);
}

/** The key of daily work; the root's of two tiers may be elsewhere. It stays unread: whether it opens is seen when it is used. */
async function keyProblems(
  role: IssuerRole,
  { home, keys }: Pick<Ports, 'home' | 'keys'>,
): Promise<string[]> {
  try {
    if (await keys.hasKey(role)) return [];
  } catch (error) {
    if (!(error instanceof CaError)) throw error;
    return [error.hint === undefined ? error.message : `${error.message}; ${error.hint}`];
  }
  return [
    `the CA key ${home.filePath(`keys/${role}.key`)} is missing: nothing can be issued, renewed or revoked; bring it back from a backup`,
  ];
}

/** The record, held against the head that was signed with the last CRL, and the latest. */
async function headProblems(
  ofCrl: KeptHead | Finding | undefined,
  latest: KeptHead | Finding | undefined,
  view: LedgerView,
  { ledger }: Pick<Ports, 'ledger'>,
): Promise<string[]> {
  const problems: string[] = [];
  if (ofCrl) {
    if ('code' in ofCrl) problems.push(`${ofCrl.message}; run: ca crl`);
    else problems.push(...faultProblems(await findHeadFault(ofCrl, view)));
  }
  if (latest) {
    if ('code' in latest) problems.push(...(isSpoiled(latest) ? [] : [`${latest.message}; run: ca crl`]));
    else if (!ofCrl || 'code' in ofCrl || !isSameHead(ofCrl, latest))
      problems.push(...faultProblems(await findLatestHeadFault(latest, view, ledger)));
  }
  return problems;
}

function faultProblems(fault: Finding | undefined): string[] {
  return fault ? [`${fault.message}; run: ca ledger verify`] : [];
}

async function tornProblems({ ledger }: Pick<Ports, 'ledger'>): Promise<string[]> {
  const octets = await ledger.unfinishedOctets();
  return octets === 0 ? [] : [`${describeTorn(octets)}; set it aside with: ca renew`];
}

function crlProblems(crl: CrlStatus | undefined, now: Date, isClockWrong: boolean): string[] {
  if (!crl) return ['the CRL was never published; run: ca crl'];
  switch (crl.state) {
    case 'fresh':
      return [];
    case 'stale': {
      const left = formatDuration(crl.nextUpdate.getTime() - now.getTime());
      return [`the CRL ends in ${left} and nobody has renewed it; run ca renew, from cron`];
    }
    case 'expired':
      return [
        `the CRL expired at ${formatInstant(crl.nextUpdate)}: servers refuse every client; run: ca crl`,
      ];
    case 'not valid yet':
      // A clock that is behind the record is told of already, and is to be set first.
      if (isClockWrong) return [];
      return [
        `the CRL is not valid before ${formatInstant(crl.thisUpdate)}: servers refuse every client; run: ca crl`,
      ];
    case 'damaged':
      return [`the CRL in ${crl.files.der} is not the one on record; run: ca crl`];
  }
}

/** A root's CRL is signed at init for the root's whole life; a lost one is signed again with the root's key. */
function rootCrlProblems(crl: CrlStatus | undefined): string[] {
  if (crl?.state !== 'damaged') return [];
  return [`the root's CRL in ${crl.files.der} is not the one on record; run: ca crl --root`];
}

async function revocationProblems(view: LedgerView): Promise<string[]> {
  const last = await view.lastCrl(clientIssuerRole(view.authority));
  return last && (await hasUnlisted(view, last)) ? ['a revocation is not on the CRL yet; run: ca crl'] : [];
}

/** A list that stays here keeps nobody out. */
async function spreadProblems(
  crl: CrlStatus | undefined,
  settings: Settings,
  ports: Pick<Ports, 'home'>,
): Promise<string[]> {
  if (!crl || (await isSpread(crl, settings, ports))) return [];
  return [
    'crl.copyTo or crl.hook has not gone through for the CRL on record, so servers may have an older one; run: ca renew',
  ];
}

/** What was to be printed cannot be printed later: its private key is nowhere else. */
async function undeliveredProblem({ client, serial }: CertificateRecord, view: LedgerView): Promise<string> {
  const isPrinted = (await view.client(client))?.policy.delivery.kind === 'stdout';
  return isPrinted
    ? `${client}: certificate ${serial} may have been lost before it was printed; run: ca issue ${client} --again`
    : `${client}: certificate ${serial} is not delivered; run: ca renew`;
}

/**
 * The clients whose files are gone, of those whose live certificates end first: so many that the health of a fleet is no more
 * work than that of a team. What ends later comes into it in time, and `ca show` looks at any.
 */
async function findAllMissing(
  view: LedgerView,
  ports: Pick<Ports, 'clock' | 'deliveries'>,
): Promise<readonly MissingFiles[]> {
  const missing: MissingFiles[] = [];
  let left = mostLookedAt;
  let warnedOf = 0;
  for await (const page of view.liveExpiring(ports.clock(), farFuture)) {
    for (const record of page.slice(0, left)) {
      const found = await findMissing(record, view, ports, { alsoHome: warnedOf < mostWarnedOf });
      if (!found) continue;
      missing.push(found);
      if (!found.isMissed && ++warnedOf === mostWarnedOf) missing.push(andOthers);
    }
    left -= page.length;
    if (left <= 0) break;
  }
  return missing;
}

const andOthers: MissingFiles = {
  text: 'the files of other clients may be gone from the home directory too; to look at one: ca show CLIENT',
  isMissed: false,
};

/** Certificates that are due for so long that `ca renew` cannot be running. */
function overdueProblems(due: readonly CertificateRecord[], settings: Settings, now: Date): string[] {
  const overdue = due.filter(
    (record) => record.notAfter.getTime() - now.getTime() < windowMs(record, settings.renewal.within) / 2,
  );
  return overdue.map(({ client, notAfter }) =>
    notAfter <= now
      ? `${client} expired on ${formatDay(notAfter)} and was not renewed; run: ca renew`
      : `${client} ends on ${formatDay(notAfter)} and is overdue for renewal; run ca renew, from cron`,
  );
}

function authorityProblems(notAfter: Date, longestValidityMs: number, now: Date): string[] {
  const leftMs = notAfter.getTime() - now.getTime();
  if (leftMs <= 0)
    return [`the CA expired on ${formatDay(notAfter)}: servers refuse every client; make a new authority`];
  if (leftMs >= longestValidityMs + 90 * dayMs) return [];
  return [
    `the CA ends on ${formatDay(notAfter)}, renewals are cut short to it, and ca issue refuses what would end later; make a new authority and give its ca.crt to the servers beside the old one`,
  ];
}

function authorityWarnings(notAfter: Date, now: Date): string[] {
  const leftMs = notAfter.getTime() - now.getTime();
  if (leftMs <= 0 || leftMs > 3 * 365 * dayMs) return [];
  return [`the CA ends on ${formatDay(notAfter)}, in ${formatDuration(leftMs)}: plan its successor`];
}

function expiringByWeek(view: LedgerView, now: Date): Promise<number[]> {
  const startOf = (week: number) => addMs(now, week * 7 * dayMs);
  const weeks = Array.from({ length: histogramWeeks }, (_, week) => week);
  return Promise.all(weeks.map((week) => view.countLive(startOf(week), startOf(week + 1))));
}

function brief({ client, serial, notAfter }: CertificateRecord): CertificateBrief {
  return { client, serial, notAfter };
}
