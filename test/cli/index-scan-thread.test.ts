import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { LayeredView } from '../../src/ledger/layered-view.ts';
import { LedgerState } from '../../src/ledger/ledger-state.ts';
import { type Disk, realDisk } from '../../src/store/disk.ts';
import { blockOctets } from '../../src/store/index-blocks.ts';
import { IndexThread } from '../../src/store/index-scan-thread.ts';
import { IndexView } from '../../src/store/index-view.ts';
import { Journal, type JournalPoint, journalStart } from '../../src/store/journal.ts';
import { createLedger } from '../../src/store/ledger-create.ts';
import { LedgerIndex } from '../../src/store/ledger-index.ts';
import { append, useLedgerDirectory } from '../support/ledger-directory.ts';
import { added, created, delivered, issued, revoked } from '../support/ledger-entries.ts';
import { askEverything } from '../support/ledger-histories.ts';
import { shippedCli } from '../support/run-cli.ts';

const built = dirname(shippedCli);
const program = join(built, readdirSync(built).find((name) => /^index-scan-worker-/.test(name)) ?? '');
const clock = () => new Date('2026-01-20T00:00:00.000Z');
const place = useLedgerDirectory(clock);

/** Some thousand entries, which are several batches, in several segments. */
async function writeLedger(): Promise<Journal> {
  createLedger(place.path, [created(), added('billing'), added('Zoë')], { clock });
  const ledger = place.open({ segmentOctets: 300_000, tailEntries: 1_000_000 });
  for (let group = 0; group < 6; group++) {
    const serials = Array.from({ length: 400 }, (_, index) => (0x10_0000 + group * 400 + index).toString(16));
    await append(
      ledger,
      ...serials.flatMap((serial, index) => [
        issued('billing', serial),
        ...(index % 7 === 0 ? [revoked('billing', serial)] : [delivered('billing', serial)]),
      ]),
    );
  }
  return new Journal(place.path, realDisk);
}

function index(journal: Journal, thread?: string, disk: Disk = realDisk): LedgerIndex {
  const scanThread = thread === undefined ? {} : { scanThread: { program: () => thread, fromOctets: 0 } };
  return new LedgerIndex({ directory: join(place.path, 'index'), journal, disk, ...scanThread });
}

async function answers(made: LedgerIndex, journal: Journal, limit?: JournalPoint): Promise<unknown> {
  const opened = made.build(limit);
  const view = new IndexView(opened, journal, () => {
    throw new Error('not damaged');
  });
  return { point: opened.point, all: await askEverything(new LayeredView(view, new LedgerState(view))) };
}

it('scans all lines of all segments', async () => {
  const journal = await writeLedger();
  expect(journal.segments()).toBeGreaterThan(2);
  let seq = 0;
  const thread = IndexThread.start(program, place.path, journalStart);
  for (const batch of thread?.lines() ?? []) {
    for (let line = 0; line < batch.count; line++) expect(batch.seq(line)).toBe(++seq);
  }
  thread?.end();
  expect(seq).toBe([...journal.entriesAfter(journalStart)].length);
});

it('makes the index that is made without it, of all of the journal or a part', async () => {
  const journal = await writeLedger();
  const points = [...journal.entriesAfter(journalStart)].map(({ point }) => point);
  for (const limit of [undefined, points[2100], points[4400]])
    expect(await answers(index(journal, program), journal, limit)).toEqual(
      await answers(index(journal), journal, limit),
    );
});

it('leaves a fault to who reads on, so that it is the same with and without it', async () => {
  const journal = await writeLedger();
  const path = journal.segmentPath(2);
  const text = readFileSync(path, 'utf8');
  const fault = (made: LedgerIndex) => {
    try {
      made.build(undefined);
    } catch (error) {
      return error;
    }
    return undefined;
  };
  for (const damaged of [
    text.replace(/("seq":2\d\d1,.*"serial":")/, '$1zz'),
    text.replace(/\{"seq":2\d\d2,.*\n/, ''),
    text.slice(0, -10),
  ]) {
    writeFileSync(path, damaged);
    const expected = fault(index(journal));
    expect(expected).toMatchObject({ code: expect.stringMatching(/^ledger\//) });
    expect(fault(index(journal, program))).toEqual(expected);
  }
});

it('is done without where it cannot run', async () => {
  const journal = await writeLedger();
  const expected = await answers(index(journal), journal);
  const dead = join(place.path, 'dead.cjs');
  writeFileSync(dead, 'process.exit(3)');
  expect(await answers(index(journal, dead), journal)).toEqual(expected);
  expect(await answers(index(journal, join(place.path, 'none.cjs')), journal)).toEqual(expected);
});

/** Lets the thread come first to the tables that both may write. */
const slowDisk: Disk = {
  ...realDisk,
  get writeSync() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    return realDisk.writeSync;
  },
};

/** The index's file, block by block without what another id changes, and how many rows its tables have. */
function written(journal: Journal, thread?: string): unknown {
  const [run] = index(journal, thread, thread === undefined ? realDisk : slowDisk).extend(undefined).runs;
  const octets = readFileSync(join(place.path, 'index', `${run?.id}.run`));
  const blocks = Array.from({ length: octets.length / blockOctets }, (_, block) => {
    const start = block * blockOctets;
    return octets.toString('latin1', start + 8, start + blockOctets - 4);
  });
  return { rows: run?.rows, blocks };
}

it('writes a part of the tables, and they are the same', async () => {
  const journal = await writeLedger();
  expect(written(journal, program)).toEqual(written(journal));
});

it.each([
  ['is not there for them', 'threads.parentPort.once = () => {};'],
  [
    'cannot open the file',
    'fs.openSync = (path, flags) => { if (flags === "r+") throw Error(); return open(path, flags); };',
  ],
  ['cannot write', 'fs.writeSync = () => { throw Error(); };'],
  ['dies of them', 'fs.writeSync = () => process.exit(3);'],
])('leaves the tables that it does not write to who waits for them: a thread that %s', async (_, fault) => {
  const journal = await writeLedger();
  const faulty = join(place.path, 'faulty.cjs');
  const modules =
    'const fs = require("node:fs"), threads = require("node:worker_threads"), open = fs.openSync;';
  writeFileSync(faulty, `${modules}${fault}require(${JSON.stringify(program)});`);
  expect(written(journal, faulty)).toEqual(written(journal));
});
