import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { linkEntries } from '../../src/ledger/chain.ts';
import { noPreviousEntry } from '../../src/ledger/entry.ts';
import { FileLedger } from '../../src/store/file-ledger.ts';
import { createLedger } from '../../src/store/ledger-create.ts';
import { describeLedger } from '../support/ledger-contract.ts';
import { MemoryWorld } from '../support/memory-ports.ts';

let parent: string;
let count = 0;
beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), 'ca-port-'));
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

const clock = () => new Date('2026-11-22T09:30:00.250Z');

describeLedger('in files', {
  begin: async (bodies) => {
    const directory = join(parent, String(count++));
    createLedger(directory, bodies, { clock });
    return () =>
      new FileLedger({ directory, clock, lockWaitMs: 10_000, segmentOctets: 4000, tailEntries: 3 });
  },
});

describeLedger('in memory, for the tests of the use cases', {
  begin: async (bodies) => {
    const world = new MemoryWorld();
    const links = linkEntries({ seq: 0, hash: noPreviousEntry }, clock(), bodies);
    world.lines = links.map(({ line }) => Buffer.from(line));
    return () => world.ports.ledger;
  },
});
