import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Clock, Ledger } from '../../src/authority/ports.ts';
import type { EntryBody } from '../../src/ledger/entry.ts';
import { FileLedger, type FileLedgerOptions } from '../../src/store/file-ledger.ts';
import { createLedger } from '../../src/store/ledger-create.ts';
import { created } from './ledger-entries.ts';

/** The ledger's place on the disk, another one for each test of the file. */
export interface LedgerDirectory {
  /** Holds the ledger's directory and nothing else. */
  readonly parent: string;
  /** There is no such directory before `begin`. */
  readonly path: string;
  /** Writes the first entries of a ledger: the authority, then these. */
  begin(...bodies: readonly EntryBody[]): void;
  /** A new object on the ledger, as another process has. */
  open(options?: Partial<FileLedgerOptions>): FileLedger;
}

/** A place for the ledgers of this file's tests, who live at that time. */
export function useLedgerDirectory(clock: Clock): LedgerDirectory {
  let parent = '';
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'ca-ledger-'));
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));
  const path = () => join(parent, 'ledger');
  return {
    get parent() {
      return parent;
    },
    get path() {
      return path();
    },
    begin: (...bodies) => void createLedger(path(), [created(), ...bodies], { clock }),
    open: (options = {}) => new FileLedger({ directory: path(), clock, lockWaitMs: 10_000, ...options }),
  };
}

/** One transaction that appends these entries. */
export function append(ledger: Ledger, ...bodies: readonly EntryBody[]) {
  return ledger.transact((transaction) => transaction.append(bodies));
}
