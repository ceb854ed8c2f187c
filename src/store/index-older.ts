import { parseSerial, type Serial } from '../core/serial.ts';
import { IndexDamage } from './index-blocks.ts';
import type { OlderRuns } from './index-builder.ts';
import { findFacts } from './index-facts.ts';
import type { Run } from './index-run.ts';
import { LineScan } from './index-scan.ts';
import { serialKey } from './index-tables.ts';
import type { Journal } from './journal.ts';

/** What the runs of an index know, and the lines of the journal that they point to. */
export function olderRuns(tables: readonly Run[], journal: Journal): OlderRuns {
  return {
    find: (key) => {
      const facts = findFacts(tables, key);
      if (!facts) return undefined;
      const { seq, notAfter, place } = facts;
      return {
        seq,
        notAfter,
        flags: facts.flags,
        supersedes: () => {
          const supersedes = supersededBy(journal.read(place.segment, place.offset, place.length + 1));
          return supersedes === undefined ? undefined : serialKey(supersedes);
        },
      };
    },
    hasClient: (key) => tables.some((run) => run.clients.find(key) !== undefined),
  };
}

function supersededBy(line: Buffer): Serial | undefined {
  const scan = new LineScan();
  if (!scan.read(line, 0) || scan.type !== 'issued') {
    throw new IndexDamage('a certificate has no line');
  }
  if (scan.supersedesStart < 0) return undefined;
  return parseSerial(line.toString('latin1', scan.supersedesStart, scan.supersedesEnd));
}
