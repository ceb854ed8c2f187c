import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRevocationPage } from '../../../src/core/revocation-page.ts';
import { serialFromOctets } from '../../../src/core/serial.ts';
import type { CrlRecord } from '../../../src/ledger/record.ts';
import { BlockWriter, IndexDamage, MemoryBlocks, newRunId } from '../../../src/store/index-blocks.ts';
import { crlEntries, crlPages } from '../../../src/store/index-revocations.ts';
import { openRun, type Run } from '../../../src/store/index-run.ts';
import { tableNames, tableWidths, writeSeconds } from '../../../src/store/index-tables.ts';

const start = Date.parse('2026-01-01T00:00:00Z') / 1000;

/** Revocations with numbers from 1 on: when their certificate ends, in seconds, and how long the serial is. */
const revocations = fc.array(
  fc.record({ end: fc.integer({ min: 0, max: 9 }), octets: fc.integer({ min: 4, max: 20 }) }),
  { maxLength: 500, size: 'max' },
);

function entryOf({ octets }: { octets: number }, index: number): Uint8Array {
  const serial = Buffer.alloc(octets, 0x45);
  serial.writeUInt32BE(index + 0x100_0000);
  const reason = octets % 2 === 0 ? 'keyCompromise' : 'unspecified';
  return encodeRevocationPage([
    { serial: serialFromOctets(serial), revokedAt: new Date(start * 1000), reason },
  ]);
}

function runOf(list: readonly { end: number; octets: number }[], rows = list.length): Run {
  const parts: Buffer[] = [];
  const writer = new BlockWriter(newRunId(), (octets) => parts.push(Buffer.from(octets)));
  const counts: Record<string, number> = {};
  for (const name of tableNames) {
    writer.begin(tableWidths[name]);
    list.forEach((revocation, index) => {
      if (name === 'crlEntries') writer.putWhole(entryOf(revocation, index));
      if (name !== 'revocations' || index >= rows) return;
      const row = writer.row();
      writer.buffer.writeUIntBE(index + 1, row, 6);
      writeSeconds(writer.buffer, row + 6, start + revocation.end);
    });
    if (name === 'revokedEnds') {
      const ends = list.map(({ end }) => end).sort((a, b) => a - b);
      for (const end of ends) writeSeconds(writer.buffer, writer.row(), start + end);
    }
    counts[name] = writer.end();
  }
  writer.finish();
  return openRun(new MemoryBlocks(Buffer.concat(parts)), counts as Parameters<typeof openRun>[1]);
}

function lastCrl(seq: number, second: number): CrlRecord {
  return { seq, thisUpdate: new Date((start + second) * 1000) } as CrlRecord;
}

function allOf(pages: Iterable<Uint8Array>): string {
  return Buffer.concat(Array.from(pages, (page) => Buffer.from(page))).toString('hex');
}

describe('the CRL entries of a run', () => {
  it('are given as they were put in, whole ones in each page', () => {
    fc.assert(
      fc.property(revocations, (list) => {
        const run = runOf(list);
        const entries = list.map(entryOf);
        expect(allOf(crlPages(run, false, lastCrl(1000, 100)))).toBe(allOf(entries));
        expect(allOf(crlPages(run, true, undefined))).toBe(allOf(entries));
        expect(Array.from(crlEntries(run.crlEntries), (entry) => allOf([entry]))).toEqual(
          entries.map((entry) => allOf([entry])),
        );
        for (const page of crlPages(run, false, undefined)) {
          let at = 0;
          while (at < page.length) at += 2 + (page[at + 1] ?? 0);
          expect(at).toBe(page.length);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('are those that are due: not those that stood on a CRL after their certificate ended (RFC 5280 §3.3)', () => {
    fc.assert(
      fc.property(
        revocations,
        fc.integer({ min: 0, max: 500 }),
        fc.integer({ min: 0, max: 10 }),
        (list, seq, second) => {
          const due = list
            .map(entryOf)
            .filter((_, index) => index + 1 > seq || (list[index]?.end ?? 0) >= second);
          expect(allOf(crlPages(runOf(list), true, lastCrl(seq, second)))).toBe(allOf(due));
        },
      ),
      { numRuns: 30 },
    );
  });

  it('are no part of an index that is sound when there are more of them than revocations', () => {
    const run = runOf(Array(100).fill({ end: 0, octets: 16 }), 99);
    expect(() => [...crlPages(run, true, lastCrl(1000, 5))]).toThrow(IndexDamage);
  });
});
