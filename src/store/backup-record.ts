import { createHash } from 'node:crypto';
import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { hashLine } from '../ledger/chain.ts';
import { noPreviousEntry } from '../ledger/entry.ts';
import { parseEntry } from '../ledger/entry-codec.ts';
import type { LedgerHead } from '../ledger/record.ts';
import { realDisk } from './disk.ts';
import { Journal } from './journal.ts';
import { readChunks } from './journal-lines.ts';

/** As much of a segment as belongs to the record up to some head. */
export interface SegmentPart {
  readonly segment: number;
  readonly octets: number;
  readonly sha256: string;
}

/** The parts of a record's files, and whose deliveries go to the home directory at its head. */
export interface FoundRecord {
  readonly parts: readonly SegmentPart[];
  readonly homeClients: ReadonlySet<ClientName>;
}

const prevKey = Buffer.from('","prev":"');
const clientAdded = Buffer.from('"type":"client-added",');
const toHome = Buffer.from('"delivery":{"kind":"home"}');

/** Number, time and type of an entry stand before this octet. */
const longestTypeEnd = 96;

/**
 * The parts of the record's files that make the record up to that head, each line proved: every line holds the hash of
 * the one before it, and the last one's is the head's.
 *
 * No lock is needed. A line that was there when the head was read is never written again, so that whoever appends
 * meanwhile changes nothing before it; and what is read is the record of that head or does not have its hash.
 *
 * Throws `ledger/broken-chain`, `ledger/missing-segment`, `store/…`.
 */
export function findRecord(
  directory: string,
  head: Pick<LedgerHead, 'seq' | 'hash'>,
  onLines: (seq: number) => void,
): FoundRecord {
  const journal = new Journal(directory, realDisk);
  const parts: SegmentPart[] = [];
  const homeClients = new Set<ClientName>();
  let seq = 0;
  let hash = noPreviousEntry;
  for (let segment = 1; seq < head.seq; segment++) {
    const sum = createHash('sha256');
    let octets = 0;
    for (const chunk of readChunks(realDisk, journal.segmentPath(segment), 0)) {
      let end = 0;
      for (; end < chunk.octets.length && seq < head.seq; seq++) {
        const start = end;
        end = chunk.octets.indexOf(0x0a, start);
        const line = chunk.octets.subarray(start, end++);
        if (!followsOn(line, hash))
          throw notTheRecord(`${journal.where(segment, seq + 1)} was changed, or the line before it`);
        hash = hashLine(line);
        notePolicy(line, homeClients, journal.where(segment, seq + 1));
      }
      sum.update(chunk.octets.subarray(0, end));
      octets += end;
      onLines(seq);
      if (seq === head.seq) break;
    }
    parts.push({ segment, octets, sha256: sum.digest('hex') });
  }
  if (hash !== head.hash) throw notTheRecord(`entry ${head.seq} is not the one that the record was read to`);
  return { parts, homeClients };
}

/** Only lines of clients are parsed, and of them only those that matter: a record may have millions. */
function notePolicy(line: Buffer, homeClients: Set<ClientName>, where: string): void {
  if (!line.subarray(0, longestTypeEnd).includes(clientAdded)) return;
  const isHome = line.includes(toHome);
  if (!isHome && homeClients.size === 0) return;
  const entry = parseEntry(line, where);
  if (entry.type !== 'client-added') return;
  if (isHome) homeClients.add(entry.client);
  else homeClients.delete(entry.client);
}

/** The keys of a line have one order, so that the first `prev` in it is its own. */
function followsOn(line: Buffer, hash: string): boolean {
  const at = line.indexOf(prevKey);
  return at > 0 && line.toString('latin1', at + prevKey.length, at + prevKey.length + 64) === hash;
}

function notTheRecord(fault: string): CaError {
  return new CaError('ledger/broken-chain', `the ledger cannot be backed up: ${fault}`, {
    hint: 'see what is wrong with: ca ledger verify',
  });
}
