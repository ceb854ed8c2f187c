import { CaError } from '../core/ca-error.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { encodeSignedHead } from '../ledger/signed-head.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import type { Finding } from './finding.ts';
import {
  HeadComparison,
  type KeptHead,
  parseHead,
  rewritten,
  rolledBack,
  signatureFinding,
} from './head-proof.ts';
import { clientIssuerRole } from './issuer.ts';
import { findLatestHeadFault, goesOnFrom } from './latest-head.ts';
import type { FoundHead, Home, Ledger, NamedFile, Ports } from './ports.ts';

/** The head beside the published CRL; undefined if there is none. Throws `ledger/malformed-head`, `ledger/unknown-version`. */
export async function readKeptHead(home: Pick<Home, 'readHead'>): Promise<KeptHead | undefined> {
  const found = await home.readHead();
  return found && parseHead(found);
}

/**
 * What the head beside the CRL says against the record, as far as that is seen without reading it all; undefined if
 * nothing. Such a head is always of a CRL's entry, of the last one's unless its publication was cut short.
 *
 * @param view the record as it was after the head was read
 */
export async function findHeadFault(kept: KeptHead, view: LedgerView): Promise<Finding | undefined> {
  const { head } = kept;
  const unsigned = signatureFinding(kept, view.authority);
  if (unsigned) return unsigned;
  if (head.seq > view.head.seq) return rolledBack(kept, view.head.seq);
  const lastCrl = await view.lastCrl(clientIssuerRole(view.authority));
  if (!lastCrl || head.seq > lastCrl.seq) return rewritten(kept, 0, undefined);
  return head.seq === lastCrl.seq && head.hash !== lastCrl.hash ? rewritten(kept, 0, undefined) : undefined;
}

/** A record that was put back from an older copy or rewritten, as a publication found it. */
export interface Rollback extends Finding {
  /** Where the head that shows it is kept from now on, since the new CRL's takes its place. */
  readonly head: string;
  readonly hint: string;
}

/** What there is to hold the record against. */
interface FoundHeads {
  readonly beside: FoundHead | undefined;
  /** Beside the copies of the CRL. */
  readonly copies: readonly FoundHead[];
  readonly latest: FoundHead | undefined;
}

/** What heads say of the record that the next publication overwrites. */
export interface HeadVerdict {
  /** True if one is of the last CRL's entry: the record up to there is the one that this CRL was made from. */
  readonly isProved: boolean;
  /** What the first of those says that the record does not go on from. */
  readonly rollback?: Rollback;
  /** The heads that would be lost with what they prove, or with what somebody meant by them. */
  readonly setAside: readonly NamedFile[];
}

/**
 * Judges the head beside the CRL, those beside its copies, and the latest. One beside a CRL of another entry than the last CRL's has the record
 * read from its first entry on, which is rare: a publication or a copy was cut short, or somebody put the head there.
 */
export async function judgeHeads(
  { beside, copies, latest }: FoundHeads,
  view: LedgerView,
  ports: Pick<Ports, 'home' | 'ledger'>,
): Promise<HeadVerdict> {
  const lastCrl = await view.lastCrl(clientIssuerRole(view.authority));
  const setAside = new Map<string, NamedFile>();
  const unread: KeptHead[] = [];
  const lost: { kept: KeptHead; fault: Finding }[] = [];
  let isProved = false;
  for (const found of beside ? [beside, ...copies] : copies) {
    const kept = readHead(found);
    const fault = kept && (await findHeadFault(kept, view));
    if (!kept || fault?.code === 'ledger/foreign-head') {
      // Beside a copy it may be anybody's.
      if (found === beside) keep(strangerName(found), found.octets, setAside);
    } else if (kept.head.seq <= view.head.seq && kept.head.seq !== lastCrl?.seq) unread.push(kept);
    else if (fault) lost.push({ kept, fault });
    else isProved = true;
  }
  const lateHead = latest && readHead(latest);
  const isLost = lateHead && !(await goesOnFrom(lateHead, view.head, ports.ledger));
  const fault = isLost ? await findLatestHeadFault(lateHead, view, ports.ledger) : undefined;
  if (latest && fault?.code === 'ledger/foreign-head') keep(strangerName(latest), latest.octets, setAside);
  else if (lateHead && fault?.code === 'ledger/rewritten') unread.push(lateHead);
  else if (lateHead && fault) lost.push({ kept: lateHead, fault });
  lost.push(...(await findFaultsByReading(unread, view, ports.ledger)));
  for (const { kept } of lost) keep(lostName(kept), encodeSignedHead(kept.head), setAside);
  const [first] = lost;
  return {
    isProved,
    ...(first
      ? { rollback: rollbackOf(first.fault, ports.home.filePath(`crl/${lostName(first.kept)}`)) }
      : {}),
    setAside: [...setAside.values()],
  };
}

function readHead(found: FoundHead): KeptHead | undefined {
  try {
    return parseHead(found);
  } catch (error) {
    asFinding(error);
    return undefined;
  }
}

function keep(name: string, content: NamedFile['content'], files: Map<string, NamedFile>): void {
  files.set(name, { name, content, secret: false });
}

function strangerName({ octets }: FoundHead): string {
  return `lost-${sha256Hex(octets).slice(0, 8)}.head`;
}

function lostName({ head: { seq, hash } }: KeptHead): string {
  return `lost-${seq}-${hash.slice(0, 8)}.head`;
}

function rollbackOf(fault: Finding, head: string): Rollback {
  const found = fault.code === 'ledger/rolled-back' ? 'put an older ledger there' : 'changed the ledger';
  const sound = fault.code === 'ledger/rolled-back' ? 'the newer one' : 'a sound one';
  return { ...fault, head, hint: `find out who ${found}, and restore ${sound}; the proof is in ${head}` };
}

/** What the record from its first entry on says against each; a line that is not sound speaks against those after it. */
async function findFaultsByReading(
  heads: readonly KeptHead[],
  view: LedgerView,
  ledger: Ledger,
): Promise<{ kept: KeptHead; fault: Finding }[]> {
  if (heads.length === 0) return [];
  const comparisons = heads.map((kept) => ({ kept, comparison: new HeadComparison([kept]) }));
  const end = Math.max(...heads.map(({ head }) => head.seq)) + 1;
  let broken: Finding | undefined;
  try {
    for await (const page of ledger.entries()) {
      for (const entry of page) for (const { comparison } of comparisons) comparison.see(entry);
      if ((page.at(-1)?.seq ?? 0) >= end) break;
    }
  } catch (error) {
    broken = asFinding(error);
  }
  return comparisons.flatMap(({ kept, comparison }) => {
    const { findings, heads: proofs } = comparison.conclude(view);
    const fault = findings[0] ?? (proofs[0]?.extended ? undefined : broken);
    return fault ? [{ kept, fault }] : [];
  });
}

/** The finding that a CaError of the record is. Throws anything else. */
export function asFinding(error: unknown): Finding {
  if (!(error instanceof CaError) || !error.code.startsWith('ledger/')) throw error;
  return { code: error.code, message: error.message };
}
