import { formatInstant } from '../core/instant.ts';
import { printable } from '../core/printable.ts';
import type { Entry } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { AuthorityRecord } from '../ledger/record.ts';
import { encodeHeadStatement, parseSignedHead, type SignedHead } from '../ledger/signed-head.ts';
import { verifyBytes } from '../x509/signature.ts';
import { isClockBehind } from './clock-check.ts';
import type { Finding } from './finding.ts';
import { clientIssuer, keyName } from './issuer.ts';
import type { FoundHead } from './ports.ts';

/** A head that somebody kept, and the file that it was in. */
export interface KeptHead {
  readonly file: string;
  readonly head: SignedHead;
}

/** The head that such a file holds. Throws `ledger/malformed-head`, `ledger/unknown-version`. */
export function parseHead({ file, octets }: FoundHead): KeptHead {
  return { file, head: parseSignedHead(octets, file) };
}

/** A kept head, and whether the record of today goes on from it. */
export interface HeadProof {
  readonly file: string;
  readonly seq: number;
  readonly time: Date;
  readonly extended: boolean;
}

/** True if both are of the same record: it need be held against one of them alone. */
export function isSameHead(a: KeptHead, b: KeptHead): boolean {
  return a.head.seq === b.head.seq && a.head.hash === b.head.hash;
}

/** What the record of today has where a kept head was signed. */
interface Comparison extends KeptHead {
  /** Hash of the entry of that number; undefined until it was read. */
  hash?: string;
  /** The first entry up to that number that was written after the head was signed. */
  youngerFrom?: number;
}

/** Holds kept heads against the record while it is read from its first entry on. */
export class HeadComparison {
  readonly #comparisons: readonly Comparison[];
  #lastSeq = 0;

  constructor(heads: readonly KeptHead[]) {
    this.#comparisons = heads.map((kept) => ({ ...kept }));
  }

  /** To be told of each entry in order. */
  see({ seq, prev, time }: Entry): void {
    this.#lastSeq = seq;
    for (const each of this.#comparisons) {
      if (seq === each.head.seq + 1) each.hash = prev;
      // A head's time has whole seconds.
      if (seq <= each.head.seq && time.getTime() >= each.head.time.getTime() + 1000) each.youngerFrom ??= seq;
    }
  }

  /** The proofs, and what speaks against the record, which was read up to the view's head or to a fault before it. */
  conclude(view: LedgerView | undefined): {
    readonly heads: readonly HeadProof[];
    readonly findings: readonly Finding[];
  } {
    const findings: Finding[] = [];
    const heads: HeadProof[] = [];
    let lastProved = 0;
    for (const each of this.#comparisons.toSorted((a, b) => a.head.seq - b.head.seq)) {
      const { file, head } = each;
      let extended = false;
      if (view) {
        // What the view says of a line that was not reached may come from an index that is older than the fault.
        const isLast = head.seq === view.head.seq && head.seq === this.#lastSeq;
        const hash = isLast ? view.head.hash : each.hash;
        const unsigned = signatureFinding(each, view.authority);
        if (unsigned) findings.push(unsigned);
        else if (head.seq > view.head.seq) findings.push(rolledBack(each, view.head.seq));
        else if (hash === head.hash) extended = true;
        else if (hash !== undefined) findings.push(rewritten(each, lastProved, each.youngerFrom));
      }
      if (extended) lastProved = head.seq;
      heads.push({ file, seq: head.seq, time: head.time, extended });
    }
    return { heads, findings };
  }
}

/** Heads that were signed later than the clock says that it is. */
export function findFutureHeads(heads: readonly KeptHead[], now: Date): readonly Finding[] {
  return heads
    .filter(({ head }) => isClockBehind(now, head.time))
    .map(({ file, head }) => ({
      code: 'ledger/clock-behind',
      message: `${describe(file, head)}, and the clock says ${formatInstant(now)}`,
    }));
}

/** The finding for a head that is not of this authority: its heads are signed by the CA that issues to clients, known by its key's identifier. */
export function signatureFinding({ file, head }: KeptHead, authority: AuthorityRecord): Finding | undefined {
  const issuer = clientIssuer(authority);
  const where = printable(file);
  if (head.key !== keyName(issuer) || head.authority !== printable(authority.name)) {
    return {
      code: 'ledger/foreign-head',
      message:
        `${where} is a head of "${head.authority}", key ${head.key}; ` +
        `this authority is "${printable(authority.name)}", key ${keyName(issuer)}`,
    };
  }
  const { facts, signatureAlgorithm } = issuer;
  if (verifyBytes(facts.spki, signatureAlgorithm, encodeHeadStatement(head), head.signature))
    return undefined;
  return {
    code: 'ledger/foreign-head',
    message: `${where} does not bear this authority's signature: it was changed, or forged`,
  };
}

/** The finding for a record that ends before that head. */
export function rolledBack({ file, head }: KeptHead, lastSeq: number): Finding {
  const missing = head.seq - lastSeq;
  return {
    code: 'ledger/rolled-back',
    message:
      `the ledger ends at entry ${lastSeq}, and ${describe(file, head)}: ` +
      `${missing === 1 ? 'the entry after it is' : `the ${missing} entries after it are`} missing`,
  };
}

/**
 * The finding for a record that has another entry where that head was signed.
 *
 * @param lastProved the last entry before it that another head speaks for; 0 for none
 * @param youngerFrom the first entry that was written after the head was signed, if there is one
 */
export function rewritten(
  { file, head }: KeptHead,
  lastProved: number,
  youngerFrom: number | undefined,
): Finding {
  const from = lastProved > 0 ? `after entry ${lastProved}, and ` : '';
  const younger =
    youngerFrom === undefined
      ? ''
      : `; from entry ${youngerFrom} on the ledger is younger than that head: an older copy was put back, and went on`;
  return {
    code: 'ledger/rewritten',
    message:
      `entry ${head.seq} is not what it was when ${describe(file, head)}: ` +
      `history was rewritten ${from}at or before that entry${younger}`,
  };
}

function describe(file: string, { seq, time }: SignedHead): string {
  return `${printable(file)} was signed over entry ${seq} at ${formatInstant(time)}`;
}
