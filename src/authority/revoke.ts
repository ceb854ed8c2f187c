import { CaError, type LineFault } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { formatInstant, wholeSeconds } from '../core/instant.ts';
import type { RevocationReason } from '../core/revocation-reason.ts';
import type { Serial } from '../core/serial.ts';
import type { EntryBody } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CertificateRecord } from '../ledger/record.ts';
import type { AdoptResult } from './adopt.ts';
import { checkClock } from './clock-check.ts';
import { clientIssuer, clientIssuerRole, openSigner } from './issuer.ts';
import { checkList } from './line-faults.ts';
import { findAllLost, type Lost, uniqueAdoptions } from './lost.ts';
import type { LedgerTransaction, Ports } from './ports.ts';
import { type CrlResult, currentCrl, publishInside, whyCrlIsDue } from './publish-crl.ts';
import { type FindPublished, publishedRevocations } from './published-revocation.ts';
import { type Chosen, findNamed, type Named, type Revocation, type Selection, select } from './revocation.ts';
import type { Settings } from './settings.ts';
import { spreadCrl } from './spread-crl.ts';

export interface RevokeRequest extends Revocation {
  readonly dryRun: boolean;
}

/** A list as it was read: its good lines, and what is wrong with the others. */
export interface RevocationList {
  readonly lines: readonly { readonly line: number; readonly revocation: Revocation }[];
  readonly faults: readonly LineFault[];
}

export interface RevokedCertificate {
  readonly client: ClientName;
  readonly serial: Serial;
  readonly reason: RevocationReason;
  readonly at: Date;
}

export interface BarredKey {
  readonly client: ClientName;
  readonly serial: Serial;
  /** SHA-256 of the SubjectPublicKeyInfo in hex. */
  readonly key: string;
}

export interface RevokeResult {
  readonly revoked: readonly RevokedCertificate[];
  /** Those that were revoked before; left as they are. */
  readonly already: readonly RevokedCertificate[];
  /** The keys of `already` that were not known to be compromised, and are barred now; absent when there are none. */
  readonly barred?: readonly BarredKey[];
  /** Certificates of ours that the record did not know, and was told of before they were revoked; absent when there are none. */
  readonly adopted?: readonly AdoptResult[];
  readonly crl: CrlResult | undefined;
}

/** Revokes, and publishes the CRL that says so: both become the record in one write, when the CRL is on disk. */
export async function revoke(
  request: RevokeRequest,
  settings: Settings,
  ports: Ports,
): Promise<RevokeResult> {
  const view = await openView(ports);
  const { dryRun, ...revocation } = request;
  const found = await find(revocation, view, publishedRevocations(view, ports), settings, ports);
  return revokeFound([found], { dryRun }, view, settings, ports);
}

/**
 * {@link revoke} for all that a list names, recorded as one group, with one CRL. Throws `core/invalid-list` naming every
 * bad line, and then has done nothing.
 */
export async function revokeList(
  list: RevocationList,
  options: { readonly dryRun: boolean },
  settings: Settings,
  ports: Ports,
): Promise<RevokeResult> {
  const view = await openView(ports);
  const published = publishedRevocations(view, ports);
  const lines = new Map<Serial, { readonly line: number; readonly revocation: Revocation }>();
  const found = await checkList(
    list.lines.map((line) => ({ line: line.line, name: line.revocation.target, value: line })),
    list.faults,
    ports.progress,
    async ({ line, revocation }) => {
      const named = await find(revocation, view, published, settings, ports);
      for (const { serial } of named.records) {
        const before = lines.get(serial);
        if (before && !isSameReason(before.revocation, revocation)) throw contradiction(serial, before.line);
        lines.set(serial, { line, revocation });
      }
      return named;
    },
  );
  return revokeFound(found, options, view, settings, ports);
}

/** What a revocation names, and what the record has lost of that. */
interface Found extends Named {
  readonly lost: readonly Lost[];
}

async function find(
  revocation: Revocation,
  view: LedgerView,
  published: FindPublished,
  settings: Settings,
  ports: Ports,
): Promise<Found> {
  checkInvalidityDate(revocation, ports.clock());
  const lost = await findAllLost([revocation], view, settings, published);
  return { revocation, lost, records: await findNamed(revocation, view, ports.clock(), lost) };
}

async function openView(ports: Ports): Promise<LedgerView> {
  const view = await ports.ledger.view();
  checkClock(ports.clock(), view.head, ports.clockConfirmed);
  return view;
}

/** @param found in that view */
async function revokeFound(
  found: readonly Found[],
  { dryRun }: { readonly dryRun: boolean },
  view: LedgerView,
  settings: Settings,
  ports: Ports,
): Promise<RevokeResult> {
  const lost = found.flatMap((each) => each.lost);
  const selected = await select(found, view);
  if (dryRun) {
    const revoked = selected.live.map((chosen) => describe(chosen, ports.clock()));
    return { revoked, ...describeOld(selected), ...describeLost(lost), crl: await currentCrl(ports) };
  }
  if (
    lost.length === 0 &&
    selected.live.length === 0 &&
    selected.barred.length === 0 &&
    (await allOnCrl(selected.already, view)) &&
    !(await whyCrlIsDue(settings, ports))
  ) {
    return { revoked: [], ...describeOld(selected), crl: await currentCrl(ports) };
  }

  const signer = await openSigner(clientIssuer(view.authority), ports);
  const result = await ports.ledger.transact(async (transaction) => {
    const isAsFound = lost.length === 0 && transaction.view().head.hash === view.head.hash;
    const { chosen, missing } = isAsFound
      ? { chosen: selected, missing: lost }
      : await findAnew(found, transaction, settings, ports);
    const { time } = await transaction.hold(entriesOf(chosen));
    const revoked = chosen.live.map((each) => describe(each, time));
    const crl = await explainUnpublished(revoked, transaction, () =>
      publishInside(transaction, signer, settings, ports),
    );
    return { revoked, ...describeOld(chosen), ...describeLost(missing), crl };
  });
  await spreadCrl(result.crl, settings, ports, doneTo(result.revoked));
  return result;
}

/** What is named in the record as it is now; what it has lost is taken in. */
async function findAnew(
  found: readonly Found[],
  transaction: LedgerTransaction,
  settings: Settings,
  ports: Ports,
): Promise<{ readonly chosen: Selection; readonly missing: readonly Lost[] }> {
  const revocations = found.map(({ revocation }) => revocation);
  const before = transaction.view();
  // At night a stolen certificate must be cut off at once, whether the record knew it or not.
  const missing = await findAllLost(revocations, before, settings, publishedRevocations(before, ports));
  await transaction.hold(uniqueAdoptions(missing).flatMap(({ entries }) => entries));
  const view = transaction.view();
  const named: Named[] = [];
  for (const revocation of revocations)
    named.push({ revocation, records: await findNamed(revocation, view, ports.clock()) });
  return { chosen: await select(named, view), missing };
}

/**
 * What fails says what is on record: who cuts off a stolen key is not to believe that it is done, nor that nothing is where
 * only the CRL is not in place yet.
 */
async function explainUnpublished<T>(
  revoked: readonly RevokedCertificate[],
  transaction: LedgerTransaction,
  publish: () => Promise<T>,
): Promise<T> {
  const before = transaction.recorded().head.seq;
  try {
    return await publish();
  } catch (error) {
    const done = doneTo(revoked);
    if (!(error instanceof CaError) || done === undefined) throw error;
    const isRecorded = transaction.recorded().head.seq > before;
    const unless =
      error.code === 'store/uncertain' ? 'nobody knows whether anything was revoked' : 'nothing was revoked';
    const what = isRecorded ? `${done}, but no published CRL says so yet` : unless;
    const hint = isRecorded ? 'when this is mended, publish it with: ca crl' : error.hint;
    throw new CaError(error.code, `${what}: ${error.message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}

/** What was revoked in a few words, or undefined if nothing was. */
function doneTo(revoked: readonly Pick<CertificateRecord, 'client'>[]): string | undefined {
  const clients = [...new Set(revoked.map(({ client }) => client))];
  if (clients.length === 0) return undefined;
  const more = clients.length > 3 ? ` and ${clients.length - 3} more` : '';
  return `revoked ${clients.slice(0, 3).join(', ')}${more}`;
}

/** The CRL's packed records, and so every CRL to come, take times after 1970 alone. */
function checkInvalidityDate({ invalidityDate }: Revocation, now: Date): void {
  if (!invalidityDate) return;
  if (invalidityDate.getTime() >= 1000 && invalidityDate <= now) return;
  throw new CaError(
    'core/invalid-instant',
    `the time of compromise, ${formatInstant(invalidityDate)}, is ${invalidityDate > now ? 'in the future' : 'before 1970'}`,
    { hint: 'give the time since when the key is not trusted' },
  );
}

function describeLost(lost: readonly Lost[]): Pick<RevokeResult, 'adopted'> {
  return lost.length === 0 ? {} : { adopted: uniqueAdoptions(lost).map(({ result }) => result) };
}

function isSameReason(a: Revocation, b: Revocation): boolean {
  return a.reason === b.reason && a.invalidityDate?.getTime() === b.invalidityDate?.getTime();
}

function contradiction(serial: Serial, line: number): CaError {
  return new CaError('core/invalid-list', `line ${line} says otherwise why ${serial} is revoked`, {
    hint: 'keep one of the two',
  });
}

function entriesOf({ live, barred }: Selection): EntryBody[] {
  return [
    ...live.map(
      ({ record: { client, serial }, revocation: { reason, invalidityDate } }): EntryBody => ({
        type: 'revoked',
        client,
        serial,
        reason,
        ...(invalidityDate ? { invalidityDate: wholeSeconds(invalidityDate) } : {}),
      }),
    ),
    ...barred.map((record): EntryBody => ({ type: 'key-compromised', ...describeKey(record) })),
  ];
}

/** True if the last CRL was made after each of these revocations. */
async function allOnCrl(records: readonly CertificateRecord[], view: LedgerView): Promise<boolean> {
  const last = await view.lastCrl(clientIssuerRole(view.authority));
  return last !== undefined && records.every(({ revocation }) => revocation && revocation.seq < last.seq);
}

function describe({ record: { client, serial }, revocation }: Chosen, at: Date): RevokedCertificate {
  return { client, serial, reason: revocation.reason, at };
}

function describeOld({ already, barred }: Selection): Pick<RevokeResult, 'already' | 'barred'> {
  return {
    already: already.map(describeRevoked),
    ...(barred.length === 0 ? {} : { barred: barred.map(describeKey) }),
  };
}

function describeKey({ client, serial, key }: CertificateRecord): BarredKey {
  return { client, serial, key };
}

function describeRevoked({ client, serial, revocation }: CertificateRecord): RevokedCertificate {
  if (!revocation) throw new Error(`certificate ${serial} is not revoked`);
  return { client, serial, reason: revocation.reason, at: revocation.at };
}
