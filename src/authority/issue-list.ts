import { CaError, type LineFault } from '../core/ca-error.ts';
import { formatDay } from '../core/instant.ts';
import { isSlowToMake } from '../core/key-algorithm.ts';
import { printable } from '../core/printable.ts';
import { formatSan } from '../core/san.ts';
import type { ClientPolicy, DeliveryTarget } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, certificateStatus } from '../ledger/record.ts';
import { type Csr, readCsrAside } from '../x509/csr.ts';
import { encodeName } from '../x509/name.ts';
import { spkiFingerprint } from '../x509/subject-public-key-info.ts';
import {
  type BatchRun,
  type DeliveredCertificate,
  entriesOfOthers,
  type Failure,
  newBatchRun,
  type Skipped,
} from './batch-run.ts';
import { approve, type CertificateContext, makeKey, newSerial } from './certify.ts';
import { checkClock } from './clock-check.ts';
import { issueAll } from './issue-all.ts';
import type { Candidate } from './issue-batch.ts';
import {
  describe,
  type IssuePlan,
  type IssueRequest,
  type IssueResult,
  mergePolicy,
  newestCertificate,
  planIssue,
} from './issue-plan.ts';
import type { Issuer } from './issuer.ts';
import { checkList } from './line-faults.ts';
import { lookAhead } from './look-ahead.ts';
import type { Claim, Ports } from './ports.ts';
import { isKeyLost, redeliverAll } from './redeliver.ts';
import type { Settings } from './settings.ts';

/**
 * How many requests at most are being read while the line before them is decided. Each half of them has its signatures checked
 * on Node's threads together: to wake one for each would cost this thread nearly what the check costs the other.
 */
const requestsAhead = 256;

/** One line of a list, and the certificate that it asks for. */
export interface IssueLine {
  readonly line: number;
  readonly request: Omit<IssueRequest, 'again' | 'dryRun'>;
}

/** A list as it was read: its good lines, each of another client, and what is wrong with the others. */
export interface IssueList {
  readonly lines: readonly IssueLine[];
  readonly faults: readonly LineFault[];
}

export interface IssueListResult {
  readonly issued: readonly IssueResult[];
  /** Certificates of an earlier run that had not been delivered. */
  readonly delivered: readonly DeliveredCertificate[];
  readonly skipped: readonly Skipped[];
  readonly failed: readonly Failure[];
}

/**
 * Gives every client of a list the certificate that its line asks for. The whole list is checked before the first
 * signature, and nothing is done if a line is bad. Clients that have what their line asks for are skipped, so that the
 * same list can be run again, after a crash too, and only what is missing is done.
 *
 * Throws `core/invalid-list` naming every bad line.
 */
export async function issueList(
  list: IssueList,
  { dryRun }: { readonly dryRun: boolean },
  settings: Settings,
  ports: Ports,
): Promise<IssueListResult> {
  const view = await ports.ledger.view();
  checkClock(ports.clock(), view.head, ports.clockConfirmed);
  const run = newBatchRun(view, settings, ports);
  const now = ports.clock();
  const decided = await decideAll(list, view, now, run);
  const { issued, delivered, failed, skipped } = run;
  const pending: CertificateRecord[] = [];
  const candidates: Candidate[] = [];
  const owed: CertificateRecord[] = [];
  for (const { line, csr, decision } of decided) {
    if (decision.kind === 'skip') skipped.push(decision.skipped);
    else if (decision.kind === 'redeliver') pending.push(decision.certificate);
    else if (dryRun) issued.push(describe(decision.plan));
    else candidates.push(candidateOf(line, csr, { decision, others: view.head.seq, at: now }, run, owed));
  }
  if (dryRun) {
    delivered.push(...pending.map(({ client, serial }) => ({ client, serial, files: {} })));
    return { issued, delivered, skipped, failed };
  }
  if (candidates.length > 0) await run.openSigner();
  await redeliverAll(pending, run);
  await issueAll(candidates, run, 'certificates issued');
  await redeliverAll(owed, run);
  return { issued, delivered, skipped, failed };
}

/** What a line comes to, as the record stands. */
type Decision =
  | { readonly kind: 'issue'; readonly plan: IssuePlan; readonly delivery: DeliveryTarget }
  | {
      readonly kind: 'redeliver';
      readonly certificate: CertificateRecord;
      readonly delivery: DeliveryTarget;
    }
  | { readonly kind: 'skip'; readonly skipped: Skipped };

interface DecidedLine {
  readonly line: IssueLine;
  readonly csr: Csr | undefined;
  readonly decision: Decision;
}

/** Decides and checks every line as far as that goes without a signature. Throws `core/invalid-list`. */
async function decideAll(
  { lines, faults }: IssueList,
  view: LedgerView,
  now: Date,
  run: BatchRun,
): Promise<readonly DecidedLine[]> {
  const { ports, settings, issuer } = run;
  const context = { settings, issuer, now };
  const serial = await newSerial(ports.random, view);
  const sampleKeys = new Map<ClientPolicy['key'], Promise<{ readonly spki: Uint8Array }>>();
  const sampleKey = (algorithm: ClientPolicy['key']) => {
    const known = sampleKeys.get(algorithm) ?? makeKey(algorithm, ports);
    sampleKeys.set(algorithm, known);
    return known;
  };
  const linted = new Set<string>();
  const keys = new Map<string, number>();
  const claims: Claims = { own: new Map(), root: new Map(), directory: new Map() };
  const requests = lookAhead(lines, requestsAhead, async ({ request: { csr } }) =>
    csr === undefined ? undefined : readCsrAside(csr),
  );
  return checkList(
    lines.map((line) => ({ line: line.line, name: line.request.client, value: line })),
    faults,
    ports.progress,
    async (line) => {
      const { client } = line.request;
      // The lines are checked one after the other, in their order.
      const csr = await requests.next();
      if (csr) claimKey(spkiFingerprint(csr.spki), line.line, keys);
      const decision = await decide(line, csr, view, context, ports);
      if (decision.kind !== 'skip') {
        const place = await ports.deliveries.check(client, decision.delivery);
        claimPlace(place, line.line, claims);
      }
      if (decision.kind === 'issue') {
        const { certificate, policy } = decision.plan;
        const kind = lintedKind(decision.plan, csr?.algorithm ?? policy.key, issuer);
        if (kind !== undefined && linted.has(kind)) return { line, csr, decision };
        // The linter looks at what would be signed, with a key that is thrown away.
        const { spki } = csr ?? (await sampleKey(policy.key));
        approve(certificate, serial, spki, issuer, settings);
        if (kind !== undefined) linted.add(kind);
      }
      return { line, csr, decision };
    },
  );
}

/**
 * What the linter, which sees every certificate again before it is signed, says of all alike: names and keys that were read as
 * strictly as it reads them make no difference. Undefined where they may: under name constraints, in URIs, and where the
 * subject is the CA's own name.
 */
function lintedKind(
  { certificate: { profile, subject, subjectAltNames, notBefore, notAfter } }: IssuePlan,
  key: ClientPolicy['key'],
  { facts }: Issuer,
): string | undefined {
  if (facts.permittedDns.length > 0 || subjectAltNames.some(({ type }) => type === 'uri')) return undefined;
  if (Buffer.compare(encodeName(subject), facts.subject) === 0) return undefined;
  const attributes = subject.map(({ type }) => type);
  const names = subjectAltNames.map(({ type }) => type);
  return [profile.name, key, +notBefore, +notAfter, ...attributes, ...names].join(' ');
}

/** Two clients with one private key could not be told apart. Throws `core/invalid-list`. */
function claimKey(key: string, line: number, keys: Map<string, number>): void {
  const before = keys.get(key);
  if (before !== undefined) {
    throw new CaError('core/invalid-list', `the request has the same key as that of line ${before}`, {
      hint: 'each client needs a key of its own: ask it for a new request',
    });
  }
  keys.set(key, line);
}

/** What a line takes on disk, held against the lines before. Throws `core/invalid-list`. */
function claimPlace(place: readonly Claim[], line: number, claims: Claims): void {
  for (const { path, as } of place) {
    const before = claimKinds
      .filter((kind) => kind !== as || kind === 'own')
      .map((kind) => claims[kind].get(path))
      .find((each) => each !== undefined);
    if (before === undefined) continue;
    throw new CaError('core/invalid-list', `line ${before} takes ${printable(path)} as well`, {
      hint: 'name another directory in the column out',
    });
  }
  for (const { path, as } of place) if (!claims[as].has(path)) claims[as].set(path, line);
}

const claimKinds = ['own', 'root', 'directory'] as const;

/** What the lines so far take, with the first line of each: plain maps, since a list may have tens of thousands. */
type Claims = Readonly<Record<Claim['as'], Map<string, number>>>;

/** Throws what is wrong with the line, as the record stands. */
async function decide(
  { request }: IssueLine,
  csr: Csr | undefined,
  view: LedgerView,
  context: CertificateContext,
  ports: Pick<Ports, 'deliveries'>,
): Promise<Decision> {
  const { client } = request;
  const known = await view.client(client);
  const newest = known && (await newestCertificate(view, client));
  if (newest?.revocation) {
    const { reason, at } = newest.revocation;
    throw new CaError('authority/client-revoked', `${client} was cut off on ${formatDay(at)} (${reason})`, {
      hint: `take the line out; or, if it is to be let in again: ca issue ${client}`,
    });
  }
  const isLive = newest !== undefined && certificateStatus(newest, context.now) === 'active';
  if (known && isLive) {
    const wanted = mergePolicy(request, csr, known, context.settings);
    const others = differences(known.policy, wanted);
    if (csr && others.length === 0 && spkiFingerprint(csr.spki) !== newest.key) others.push('key');
    if (others.length > 0) throw differs(newest, others);
    if (newest.deliveredAt) {
      const why = `it has a certificate until ${formatDay(newest.notAfter)}`;
      return { kind: 'skip', skipped: { client, serial: newest.serial, why } };
    }
    checkPlace(wanted, request);
    if (!(await isKeyLost(newest, wanted, ports)))
      return { kind: 'redeliver', certificate: newest, delivery: wanted.delivery };
  }
  const again = isLive;
  const plan = await planIssue({ ...request, again }, csr, view, context);
  checkPlace(plan.policy, request);
  return { kind: 'issue', plan, delivery: plan.policy.delivery };
}

function differs({ client, serial, notAfter }: CertificateRecord, others: readonly string[]): CaError {
  return new CaError(
    'authority/client-exists',
    `${client} has a certificate until ${formatDay(notAfter)} with another ${others.join(', ')}: ${serial}`,
    {
      hint: 'mend the line; or give it another certificate first: ca issue NAME --again with what the line says',
    },
  );
}

/** The files of many clients cannot all go to standard output. */
function checkPlace({ delivery }: ClientPolicy, { client }: Pick<IssueRequest, 'client'>): void {
  if (delivery.kind !== 'stdout') return;
  throw new CaError('core/invalid-list', `the files of ${client} went to standard output before`, {
    hint: 'name a directory in the column out',
  });
}

/** What differs between two policies, in the words of the columns. */
function differences(before: ClientPolicy, after: ClientPolicy): string[] {
  const facts = (policy: ClientPolicy): Readonly<Record<string, unknown>> => ({
    profile: policy.profile,
    names: policy.subjectAltNames.map(formatSan).sort(),
    subject: policy.subject,
    validity: policy.validity,
    key: policy.key,
    out: policy.delivery,
  });
  const wanted = facts(after);
  return Object.entries(facts(before))
    .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(wanted[name]))
    .map(([name]) => name);
}

/** What was decided, when, and how many entries of others there were. */
interface Decided {
  readonly decision: Decision;
  readonly others: number;
  readonly at: Date;
}

/** A certificate's validity counts from when it was decided: no longer ago than this. */
const longestDecidedMs = 60_000;

function candidateOf(
  line: IssueLine,
  csr: Csr | undefined,
  checked: Decided & { readonly decision: { readonly kind: 'issue' } },
  run: BatchRun,
  owed: CertificateRecord[],
): Candidate {
  const { ports, settings, issuer, skipped } = run;
  const { client } = line.request;
  const { hook, key } = checked.decision.plan.policy;
  let last: Decided = checked;
  const decideNow = async (view: LedgerView) => {
    const others = entriesOfOthers(view, run);
    const now = ports.clock();
    if (last.others !== others || now.getTime() - last.at.getTime() > longestDecidedMs) {
      const context = { settings, issuer, now };
      last = { others, at: now, decision: await decide(line, csr, view, context, ports) };
    }
    return last.decision.kind === 'issue' ? last.decision.plan : undefined;
  };
  return {
    client,
    hook,
    isSlow: isSlowToMake(key),
    overtaken() {
      // It was decided under the client's lock: nobody is at work on what is not delivered now, so whoever was has died.
      if (last.decision.kind === 'redeliver') owed.push(last.decision.certificate);
      else if (last.decision.kind === 'skip')
        skipped.push({
          ...last.decision.skipped,
          why: 'another process gave it a certificate meanwhile',
        });
    },
    plan: decideNow,
    async prepare(view) {
      const plan = await decideNow(view);
      if (!plan) return undefined;
      const { delivery, key } = plan.policy;
      const serial = await newSerial(ports.random, view);
      if (csr) return { serial, spki: csr.spki, delivery };
      const { spki, pem } = await makeKey(key, ports);
      return { serial, spki, delivery, keyPem: pem };
    },
  };
}
