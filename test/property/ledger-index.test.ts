import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EntryBody } from '../../src/ledger/entry.ts';
import { LayeredView } from '../../src/ledger/layered-view.ts';
import { LedgerState } from '../../src/ledger/ledger-state.ts';
import { realDisk } from '../../src/store/disk.ts';
import { FileLedger } from '../../src/store/file-ledger.ts';
import { IndexView } from '../../src/store/index-view.ts';
import { Journal, journalStart } from '../../src/store/journal.ts';
import { createLedger } from '../../src/store/ledger-create.ts';
import { LedgerIndex } from '../../src/store/ledger-index.ts';
import { askEverything, foldEntries, histories } from '../support/ledger-histories.ts';

let root: string;
let directory: string;
let index: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ca-index-'));
  directory = join(root, 'ledger');
  index = join(directory, 'index');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function ticking() {
  let ticks = 0;
  return () => new Date(Date.parse('2026-01-01T00:00:00Z') + ticks++ * 7_200_250);
}

/** Writes the history in transactions of a few entries each, some by one object, some by fresh ones. */
async function write(bodies: readonly EntryBody[], group: number, tailEntries: number) {
  rmSync(directory, { recursive: true, force: true });
  const clock = ticking();
  createLedger(directory, bodies.slice(0, 1), { clock });
  const open = () => new FileLedger({ directory, clock, lockWaitMs: 1000, segmentOctets: 4000, tailEntries });
  let ledger = open();
  for (let from = 1; from < bodies.length; from += group) {
    if (from % 3 === 0) ledger = open();
    await ledger.transact(async (transaction) => {
      await transaction.append(bodies.slice(from, from + 1));
      await transaction.append(bodies.slice(from + 1, from + group));
    });
  }
  return open;
}

/** On failure fast-check looks for a smaller history: not for minutes. */
const parameters = { numRuns: Number(process.env['FC_RUNS'] ?? 40), interruptAfterTimeLimit: 30_000 };

describe('an indexed ledger answers like the fold of all its entries', () => {
  it('whatever happened, and however it was cut into transactions', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 9 }),
        async (bodies, group, tail) => {
          const open = await write(bodies, group, tail);
          const expected = await askEverything(await foldEntries(open()));
          expect(await askEverything(await open().view())).toEqual(expected);
        },
      ),
      parameters,
    );
  }, 60_000);

  it('with an index made at once, in memory, of any part of it, and the rest folded', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.nat(60), async (bodies, cut) => {
        const open = await write(bodies, 5, 1000);
        const journal = new Journal(directory, realDisk);
        const built = new LedgerIndex({ directory: index, journal, disk: realDisk });
        const points = [...journal.entriesAfter(journalStart)];
        const limit = points[Math.min(cut, points.length - 1)]?.point;
        const opened = built.build(limit);
        const older = new IndexView(opened, journal, () => {
          throw new Error('not damaged');
        });
        const newer = new LedgerState(older);
        for (const { entry, point } of journal.entriesAfter(opened.point)) newer.apply(entry, point.hash);
        expect(opened.point).toEqual(limit);
        expect(await askEverything(new LayeredView(older, newer))).toEqual(
          await askEverything(await foldEntries(open())),
        );
      }),
      parameters,
    );
  }, 60_000);

  it('even without a fold of later entries, extended and merged up to the end', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.integer({ min: 1, max: 9 }), async (bodies, tail) => {
        const open = await write(bodies, 3, tail);
        const journal = new Journal(directory, realDisk);
        const files = new LedgerIndex({ directory: index, journal, disk: realDisk });
        const opened = files.extend(files.open());
        const view = new IndexView(opened, journal, () => {
          throw new Error('not damaged');
        });
        const expected = await foldEntries(open());
        expect(view.head).toEqual(expected.head);
        expect(await view.undelivered()).toEqual(await expected.undelivered());
        expect(await askEverything(new LayeredView(view, new LedgerState(view)))).toEqual(
          await askEverything(expected),
        );
      }),
      parameters,
    );
  }, 60_000);

  it('and so does every view that was made before, while others write on', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (bodies) => {
        const open = await write(bodies.slice(0, Math.ceil(bodies.length / 2)), 2, 2);
        const view = await open().view();
        const before = await askEverything(view);
        const writer = open();
        for (const body of bodies.slice(Math.ceil(bodies.length / 2))) {
          await writer.transact((transaction) => transaction.append([body]));
        }
        expect(await askEverything(view)).toEqual(before);
      }),
      { ...parameters, numRuns: parameters.numRuns / 2 },
    );
  }, 60_000);
});

describe('a damaged index never changes an answer', () => {
  const damage = fc.record({
    kind: fc.constantFrom('flip', 'flip', 'flip', 'truncate', 'delete', 'swap', 'blocks', 'garbage', 'old'),
    file: fc.noBias(fc.nat(20)),
    at: fc.noBias(fc.nat(9999)).map((share) => share / 10_000),
    bit: fc.nat(7),
  });

  it('be it flipped bits, lost or swapped files, or an older index put back', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories,
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        async (bodies, damages) => {
          const half = Math.ceil(bodies.length / 2);
          const open = await write(bodies.slice(0, half), 2, 2);
          const copy = join(root, 'copy');
          rmSync(copy, { recursive: true, force: true });
          if (readdirSync(directory).includes('index')) cpSync(index, copy, { recursive: true });
          for (const body of bodies.slice(half)) {
            await open().transact((transaction) => transaction.append([body]));
          }
          const expected = await askEverything(await foldEntries(open()));
          for (const { kind, file, at, bit } of damages) {
            const files = readdirSync(directory).includes('index') ? readdirSync(index).sort() : [];
            const name = files[file % Math.max(files.length, 1)];
            if (!name) continue;
            const path = join(index, name);
            const octets = readFileSync(path);
            const offset = Math.floor(at * octets.length);
            if (kind === 'flip') {
              // Most of a small index is zeros that nobody reads.
              const full = [...octets.keys()].filter((position) => octets[position] !== 0);
              const position = full[Math.floor(at * full.length)] ?? 0;
              octets[position] = (octets[position] ?? 0) ^ (1 << bit);
              writeFileSync(path, octets);
            } else if (kind === 'blocks') {
              const from = Math.floor(offset / 4096) * 4096;
              const block = Buffer.from(octets.subarray(from, from + 4096));
              octets.copyWithin(from, 0, 4096);
              octets.set(block);
              writeFileSync(path, octets);
            } else if (kind === 'truncate') truncateSync(path, offset);
            else if (kind === 'delete') unlinkSync(path);
            else if (kind === 'garbage') writeFileSync(path, 'garbage');
            else if (kind === 'swap') renameSync(path, join(index, files[(file + 1) % files.length] ?? name));
            else if (readdirSync(root).includes('copy')) cpSync(copy, index, { recursive: true });
          }
          expect(await askEverything(await open().view())).toEqual(expected);
          await open().transact((transaction) => transaction.append(bodies.slice(0, 0)));
          expect(await askEverything(await open().view())).toEqual(expected);
          const more: EntryBody[] = [
            { type: 'passphrase-changed', issuer: 'root' },
            { type: 'passphrase-changed', issuer: 'root' },
            { type: 'passphrase-changed', issuer: 'root' },
          ];
          await open().transact((transaction) => transaction.append(more));
          expect(await askEverything(await open().view())).toEqual(
            await askEverything(await foldEntries(open())),
          );
        },
      ),
      parameters,
    );
  }, 60_000);
});
