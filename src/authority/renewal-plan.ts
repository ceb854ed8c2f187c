import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { dayMs } from '../core/duration.ts';
import { addMs, formatDay } from '../core/instant.ts';
import type { RenewalWindow } from '../core/renewal-window.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, certificateStatus } from '../ledger/record.ts';
import type { Skipped } from './batch-run.ts';
import { newestCertificate } from './issue-plan.ts';
import { clientIssuer } from './issuer.ts';
import type { Settings } from './settings.ts';

export interface RenewalPlan {
  /** The certificates to be replaced: each its client's latest. */
  readonly due: readonly CertificateRecord[];
  readonly skipped: readonly Skipped[];
}

export interface RenewalSelection {
  /** Only these clients; empty: all. */
  readonly clients: readonly ClientName[];
  readonly within?: RenewalWindow;
  /** Due or not. */
  readonly force: boolean;
}

/**
 * What is due at `now`: the newest certificate of each client, if it is neither revoked nor superseded, has less
 * left than the window, is not expired for longer than the grace period, and its CA has more to give. Where the newest
 * one was revoked, an older one is not renewed in its place: whoever revoked it has to say what is next. What expired
 * longer ago than the grace period is renewed only by name and by force; for half a year after it `skipped` tells of it,
 * so that no client is lost in silence and the query stays small.
 *
 * Throws `ledger/unknown-client` for a name that is not there.
 */
export async function planRenewals(
  selection: RenewalSelection,
  view: LedgerView,
  settings: Settings,
  now: Date,
): Promise<RenewalPlan> {
  const due: CertificateRecord[] = [];
  const skipped: Skipped[] = [];
  const caNotAfter = clientIssuer(view.authority).facts.notAfter;
  const graceStart = addMs(now, -settings.renewal.graceMs);
  const consider = async (record: CertificateRecord, named: boolean) => {
    const isPastGrace = record.notAfter < graceStart;
    const forgotten = isPastGrace && !(named && selection.force) ? pastGrace(record) : undefined;
    const why = (await whyNotDue(record, selection, view, settings, now, caNotAfter)) ?? forgotten;
    const isLive = certificateStatus(record, now) === 'active';
    const isTold = (why === notDeliverable && !isPastGrace) || (why === newestRevoked && isLive);
    if (why === undefined) due.push(record);
    else if (named || isTold || why === forgotten)
      skipped.push({ client: record.client, serial: record.serial, why });
  };
  for (const client of selection.clients) {
    if (!(await view.client(client))) {
      throw new CaError('ledger/unknown-client', `there is no client "${client}"`, {
        hint: 'see what there is: ca list',
      });
    }
    const newest = await newestCertificate(view, client);
    if (newest) await consider(newest, true);
  }
  if (selection.clients.length === 0) {
    const horizon = selection.force
      ? farFuture
      : addMs(now, await longestWindowMs(selection.within ?? settings.renewal.within, view));
    for await (const page of view.liveExpiring(addMs(graceStart, -rememberedMs), horizon)) {
      for (const record of page) await consider(record, false);
    }
  }
  return { due, skipped };
}

/** True if less is left of the certificate's life than the window allows. */
export function isInWindow(
  record: Pick<CertificateRecord, 'notBefore' | 'notAfter'>,
  window: RenewalWindow,
  now: Date,
): boolean {
  return record.notAfter.getTime() - now.getTime() < windowMs(record, window);
}

/**
 * How long before its notAfter a certificate becomes due, in milliseconds: never more than two thirds of its life, or
 * one that lives shorter than the window would be renewed at every run.
 */
export function windowMs(
  { notBefore, notAfter }: Pick<CertificateRecord, 'notBefore' | 'notAfter'>,
  window: RenewalWindow,
): number {
  const lifeMs = notAfter.getTime() - notBefore.getTime();
  return 'ms' in window ? Math.min(window.ms, (2 / 3) * lifeMs) : window.share * lifeMs;
}

/** An instant after every notAfter that X.509 can write (RFC 5280 §4.1.2.5). */
export const farFuture = new Date('9999-12-31T23:59:59Z');

/** How long after its grace period a client is still told of. */
const rememberedMs = 180 * dayMs;

const newestRevoked = 'its newest certificate was revoked; give it another one with: ca issue CLIENT';
const notDeliverable = 'its files went to standard output; issue it again with --out DIR to have it renewed';

function pastGrace({ client, notAfter }: CertificateRecord): string {
  return `it expired on ${formatDay(notAfter)} and is past renewal.grace; run: ca renew ${client} --force`;
}

async function whyNotDue(
  record: CertificateRecord,
  { within, force }: RenewalSelection,
  view: LedgerView,
  settings: Settings,
  now: Date,
  caNotAfter: Date,
): Promise<string | undefined> {
  if (record.revocation) return newestRevoked;
  if (record.supersededAt) return `it is ${certificateStatus(record, now)}`;
  const window = within ?? settings.renewal.within;
  if (!force && !isInWindow(record, window, now)) {
    return `it is due from ${formatDay(addMs(record.notAfter, -windowMs(record, window)))}`;
  }
  const newest = await newestCertificate(view, record.client);
  if (newest?.revocation) return newestRevoked;
  if (newest?.serial !== record.serial) return 'a newer one was issued';
  if (!force && caNotAfter <= record.notAfter) return 'it ends when its CA does, and so would a new one';
  const client = await view.client(record.client);
  return client?.policy.delivery.kind === 'stdout' ? notDeliverable : undefined;
}

async function longestWindowMs(window: RenewalWindow, view: LedgerView): Promise<number> {
  return 'ms' in window ? window.ms : window.share * (await view.longestValidityMs());
}
