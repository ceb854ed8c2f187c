import { constants, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../authority/ports.ts';
import { checkBeginning } from '../ledger/ledger-state.ts';
import type { Disk } from './disk.ts';
import { giveToOwnerOf, inheritedOwner, publicMode, secretDirectoryMode } from './file-mode.ts';
import { makeDirectories } from './file-set.ts';
import {
  BlockCache,
  BlockWriter,
  FileBlocks,
  IndexDamage,
  intoFile,
  MemoryBlocks,
  newRunId,
} from './index-blocks.ts';
import { RunBuilder } from './index-builder.ts';
import { LineBatch, scanLines } from './index-lines.ts';
import {
  encodeManifest,
  type IndexSummary,
  type Manifest,
  parseManifest,
  type RunInfo,
} from './index-manifest.ts';
import { mergeRuns } from './index-merge.ts';
import { olderRuns } from './index-older.ts';
import { openRun, type Run } from './index-run.ts';
import { IndexThread } from './index-scan-thread.ts';
import type { Place, RowCounts } from './index-tables.ts';
import { hasErrorCode, ioError } from './io-error.ts';
import { type Journal, type JournalPoint, journalStart } from './journal.ts';

/**
 * Where more than that is missing from an index, and more than one octet in so many, it is made anew: to look up what came before
 * takes some forty reads a certificate, and to read all of it again, one line after the other, a hundredth of the time a line.
 */
const rebuild = { octets: 1 << 20, share: 32 } as const;

/** An index, opened: what its manifest says, and its runs from the oldest to the newest. */
export interface OpenIndex extends Manifest {
  readonly tables: readonly Run[];
}

export interface LedgerIndexOptions {
  readonly directory: string;
  readonly journal: Journal;
  readonly disk: Disk;
  readonly progress?: Progress;
  /** Where a long journal is scanned in a thread of its own. */
  readonly scanThread?: ScanThread;
}

export interface ScanThread {
  /** The path of the bundled `index-scan-worker`, which reads the real disk. */
  readonly program: () => string;
  /** From how many octets of the journal on. */
  readonly fromOctets: number;
}

/** Runs of like size are merged when there are so many of them. */
const fanOut = 4;

/** What a small certificate takes in the journal, with all that is said of it. */
const octetsPerCertificate = 1100;

/**
 * The index of a journal: derived, disposable, in files of one folder that a manifest names. A log-structured merge: each
 * extension writes one small run, and four runs of like size become one. Nothing here is synced: whatever a power cut leaves
 * is told from an index by its checksums, and built again.
 */
export class LedgerIndex {
  readonly #options: LedgerIndexOptions;
  readonly #cache = new BlockCache();
  readonly #opened = new Map<string, WeakRef<FileBlocks>>();
  #batch: LineBatch | undefined;

  constructor(options: LedgerIndexOptions) {
    this.#options = options;
  }

  /** The index on disk; undefined if there is none, or none of this journal. */
  open(): OpenIndex | undefined {
    // A writer may replace runs between the reading of the manifest and theirs.
    for (let attempt = 0; attempt < 3; attempt++) {
      const manifest = this.#readManifest();
      if (!manifest || !this.#options.journal.holds(manifest.point)) return undefined;
      try {
        return {
          ...manifest,
          tables: manifest.runs.map((info) => openRun(this.#blocks(info.id), info.rows)),
        };
      } catch (error) {
        if (!hasErrorCode(error, 'ENOENT')) throw ioError(error, 'read', this.#options.directory);
      }
    }
    return undefined;
  }

  /** An index of the journal's lines up to `limit`, in memory alone. Throws `ledger/…` at a line that is not canonical. */
  build(limit: JournalPoint | undefined, found?: OpenIndex): OpenIndex {
    const older = this.#ifWorthExtending(found);
    try {
      return this.#build(limit, older);
    } catch (error) {
      if (error instanceof IndexDamage && older) return this.#build(limit, undefined);
      throw error;
    }
  }

  #build(limit: JournalPoint | undefined, older: OpenIndex | undefined): OpenIndex {
    const parts: Buffer[] = [];
    const id = newRunId();
    const writer = new BlockWriter(id, (octets) => parts.push(Buffer.from(octets)));
    const { point, summary, info } = this.#fold(older, limit, id, writer);
    const run = openRun(new MemoryBlocks(Buffer.concat(parts)), info.rows);
    return { point, summary, runs: [...(older?.runs ?? []), info], tables: [...(older?.tables ?? []), run] };
  }

  /** Extends the index on disk, or makes one, up to the journal's end. Call under the ledger's lock. */
  extend(found: OpenIndex | undefined): OpenIndex {
    const { directory, disk } = this.#options;
    const older = this.#ifWorthExtending(found);
    try {
      makeDirectories(directory, secretDirectoryMode, inheritedOwner, disk);
      const id = newRunId();
      const folded = this.#writeRun(id, (writer, path) => this.#fold(older, undefined, id, writer, path));
      const { point, summary } = folded;
      let runs: readonly RunInfo[] = [...(older?.runs ?? []), folded.info];
      for (let tail = mergeable(runs); tail; tail = mergeable(runs)) runs = this.#merge(runs, tail);
      const manifest: Manifest = { point, summary, runs };
      this.#replaceManifest(manifest);
      this.#removeOthers(runs);
      return { ...manifest, tables: runs.map((run) => openRun(this.#blocks(run.id), run.rows)) };
    } catch (error) {
      if (error instanceof IndexDamage && older) return this.extend(undefined);
      this.#removeOthers(this.#readManifest()?.runs ?? []);
      throw ioError(error, 'write the index in', directory);
    }
  }

  #ifWorthExtending(found: OpenIndex | undefined): OpenIndex | undefined {
    if (!found) return undefined;
    const { journal } = this.#options;
    const missing = journal.octetsAfter(found.point);
    if (missing <= rebuild.octets) return found;
    return missing * rebuild.share > journal.octetsAfter(journalStart) ? undefined : found;
  }

  /** Makes sure that nobody opens the index on disk again. */
  discard(): void {
    try {
      unlinkSync(this.#manifestPath);
    } catch {
      // On a read-only disk everybody finds the damage anew.
    }
  }

  get #manifestPath(): string {
    return join(this.#options.directory, 'manifest');
  }

  #readManifest(): Manifest | undefined {
    try {
      return parseManifest(readFileSync(this.#manifestPath, 'utf8'));
    } catch (error) {
      if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw ioError(error, 'read', this.#manifestPath);
    }
  }

  #replaceManifest(manifest: Manifest): void {
    const { directory, disk } = this.#options;
    const temporary = `${this.#manifestPath}.new`;
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    const fd = disk.openSync(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, publicMode);
    try {
      giveToOwnerOf(directory, fd, disk);
      writeFileSync(fd, encodeManifest(manifest));
    } finally {
      disk.closeSync(fd);
    }
    disk.renameSync(temporary, this.#manifestPath);
  }

  #blocks(id: string): FileBlocks {
    const known = this.#opened.get(id)?.deref();
    if (known) return known;
    const blocks = new FileBlocks(this.#options.disk, this.#runPath(id), Buffer.from(id, 'hex'), this.#cache);
    this.#opened.set(id, new WeakRef(blocks));
    return blocks;
  }

  #runPath(id: string): string {
    return join(this.#options.directory, `${id}.run`);
  }

  #writeRun<T>(id: Buffer, write: (writer: BlockWriter, path: string) => T): T {
    const { directory, disk } = this.#options;
    const path = this.#runPath(id.toString('hex'));
    const fd = disk.openSync(path, 'wx', publicMode);
    try {
      giveToOwnerOf(directory, fd, disk);
      return write(new BlockWriter(id, intoFile(disk, fd)), path);
    } finally {
      disk.closeSync(fd);
    }
  }

  #merge(runs: readonly RunInfo[], from: number): RunInfo[] {
    const merged = runs.slice(from);
    const id = newRunId();
    const tables = merged.map((info) => openRun(this.#blocks(info.id), info.rows));
    const rows = this.#writeRun(id, (writer) => mergeRuns(tables, writer));
    const entries = merged.reduce((sum, info) => sum + info.entries, 0);
    return [...runs.slice(0, from), { id: id.toString('hex'), entries, rows }];
  }

  #startThread(octets: number, { segment, offset, line, seq }: JournalPoint): IndexThread | undefined {
    const { scanThread, journal } = this.#options;
    if (!scanThread || octets < scanThread.fromOctets) return undefined;
    return IndexThread.start(scanThread.program(), journal.directory, { segment, offset, line, seq });
  }

  /** Removes the files of runs that are no part of the index any more, or never became one. */
  #removeOthers(runs: readonly RunInfo[]): void {
    const { directory, disk } = this.#options;
    const kept = new Set(runs.map(({ id }) => `${id}.run`));
    for (const id of this.#opened.keys()) if (!kept.has(`${id}.run`)) this.#opened.delete(id);
    try {
      for (const name of disk.readdirSync(directory)) {
        if (name.endsWith('.run') && !kept.has(name)) disk.unlinkSync(join(directory, name));
      }
    } catch {
      // They are in nobody's way, and the next extension removes them.
    }
  }

  /**
   * Scans the lines after `older` and writes what they say as one run.
   *
   * @param path the file that the writer writes to, if it is one
   */
  #fold(
    older: OpenIndex | undefined,
    limit: JournalPoint | undefined,
    id: Buffer,
    writer: BlockWriter,
    path?: string,
  ): { point: JournalPoint; summary: IndexSummary; info: RunInfo } {
    const { journal, progress } = this.#options;
    const start = older?.point ?? journalStart;
    const total = journal.octetsAfter(start);
    const builder = new RunBuilder(
      older && olderRuns(older.tables, journal),
      Math.ceil(total / octetsPerCertificate),
    );
    let summary: Partial<IndexSummary> = older?.summary ?? {};
    let { segment, offset, line, lastOctets, seq } = start;
    let done = 0;
    const fold = (batches: Iterable<LineBatch>) => {
      for (const batch of batches) {
        if (batch.segment !== segment) line = 0;
        segment = batch.segment;
        for (let index = 0; index < batch.count && seq !== limit?.seq; index++) {
          const [type, length] = [batch.type(index), batch.length(index)];
          seq = batch.seq(index);
          checkBeginning({ seq, type });
          builder.add(batch, index);
          if (type === 'authority-created' || type === 'crl-published') {
            const place = { segment, offset: batch.offset(index), length };
            summary = summarise(summary, type, batch.isRoot(index), place);
          }
          line++;
          lastOctets = length + 1;
          offset = batch.offset(index) + lastOctets;
        }
        done += batch.journalOctets;
        progress?.(megabytes(done), megabytes(total), 'MB of the ledger indexed');
        if (seq === limit?.seq) break;
      }
    };
    const thread = this.#startThread(total, start);
    let rows: RowCounts;
    try {
      if (thread) fold(thread.lines());
      this.#batch ??= new LineBatch();
      const batch = this.#batch;
      if (seq !== limit?.seq) fold(scanLines(journal, { segment, offset, line, seq }, () => batch));
      rows = builder.write(
        writer,
        thread && path !== undefined ? (plan) => thread.write({ ...plan, path, id }) : undefined,
      );
    } finally {
      thread?.end();
    }
    return {
      point: journal.pointAfter({ segment, offset, line, lastOctets }),
      summary: {
        ...(summary as IndexSummary),
        clientCount: (older?.summary.clientCount ?? 0) + builder.clientCount,
        longestValidityMs: Math.max(older?.summary.longestValidityMs ?? 0, builder.longestValidityMs),
        barredKeys: [...new Set([...(older?.summary.barredKeys ?? []), ...builder.barredKeys])],
      },
      info: { id: id.toString('hex'), entries: builder.entries, rows },
    };
  }
}

function megabytes(octets: number): number {
  return Math.ceil(octets / 1e6);
}

/** Where the runs begin that are to be merged: the last ones, when enough of them are of one size class. */
function mergeable(runs: readonly RunInfo[]): number | undefined {
  const first = runs.length - fanOut;
  const sizes = runs.slice(Math.max(first, 0)).map(({ entries }) => sizeClass(entries));
  return first >= 0 && sizes.every((size) => size <= (sizes.at(-1) ?? 0)) ? first : undefined;
}

function sizeClass(entries: number): number {
  return Math.floor(Math.log(Math.max(entries, 256)) / Math.log(fanOut));
}

function summarise(
  summary: Partial<IndexSummary>,
  type: 'authority-created' | 'crl-published',
  isRoot: boolean,
  place: Place,
): Partial<IndexSummary> {
  if (type === 'authority-created') return { ...summary, authority: place };
  return { ...summary, ...(isRoot ? { rootCrl: place } : { issuingCrl: place }) };
}
