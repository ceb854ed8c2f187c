import type { Progress } from '../authority/ports.ts';
import { checkBeginning } from '../ledger/ledger-state.ts';
import type { Disk } from './disk.ts';
import { BlockWriter, IndexDamage, MemoryBlocks, newRunId } from './index-blocks.ts';
import { RunBuilder } from './index-builder.ts';
import { IndexFiles } from './index-files.ts';
import { LineBatch, scanLines } from './index-lines.ts';
import type { IndexSummary, Manifest, RunInfo } from './index-manifest.ts';
import { mergeRuns } from './index-merge.ts';
import { olderRuns } from './index-older.ts';
import { openRun, type Run } from './index-run.ts';
import { IndexThread } from './index-scan-thread.ts';
import type { Place, RowCounts } from './index-tables.ts';
import { ioError, isSystemError } from './io-error.ts';
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
 * extension writes one small run, and four runs of like size become one.
 */
export class LedgerIndex {
  readonly #options: LedgerIndexOptions;
  readonly #files: IndexFiles;
  #batch: LineBatch | undefined;

  constructor(options: LedgerIndexOptions) {
    this.#options = options;
    this.#files = new IndexFiles(options.directory, options.disk);
  }

  /** The index on disk; undefined if there is none of this journal, or none that can be opened. */
  open(): OpenIndex | undefined {
    for (let attempt = 0; attempt < 3; attempt++) {
      const manifest = this.#files.readManifest();
      if (!manifest || !this.#options.journal.holds(manifest.point)) return undefined;
      try {
        return { ...manifest, tables: manifest.runs.map((run) => this.#files.open(run)) };
      } catch (error) {
        // A writer may have replaced runs between the reading of the manifest and theirs.
        if (!isSystemError(error)) throw error;
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
    const files = this.#files;
    const older = this.#ifWorthExtending(found);
    try {
      files.prepare();
      const id = newRunId();
      const folded = files.writeRun(id, (writer, path) => this.#fold(older, undefined, id, writer, path));
      const { point, summary } = folded;
      let runs: readonly RunInfo[] = [...(older?.runs ?? []), folded.info];
      for (let tail = mergeable(runs); tail; tail = mergeable(runs)) runs = this.#merge(runs, tail);
      const manifest: Manifest = { point, summary, runs };
      files.replaceManifest(manifest);
      files.removeOthers(runs);
      return { ...manifest, tables: runs.map((run) => files.open(run)) };
    } catch (error) {
      if (error instanceof IndexDamage && older) return this.extend(undefined);
      files.removeOthers(files.readManifest()?.runs ?? []);
      throw ioError(error, 'write the index in', this.#options.directory);
    }
  }

  /** Makes sure that nobody opens the index on disk again. */
  discard(): void {
    this.#files.discard();
  }

  #ifWorthExtending(found: OpenIndex | undefined): OpenIndex | undefined {
    if (!found) return undefined;
    const { journal } = this.#options;
    const missing = journal.octetsAfter(found.point);
    if (missing <= rebuild.octets) return found;
    return missing * rebuild.share > journal.octetsAfter(journalStart) ? undefined : found;
  }

  #merge(runs: readonly RunInfo[], from: number): RunInfo[] {
    const merged = runs.slice(from);
    const id = newRunId();
    const tables = merged.map((info) => this.#files.open(info));
    const rows = this.#files.writeRun(id, (writer) => mergeRuns(tables, writer));
    const entries = merged.reduce((sum, info) => sum + info.entries, 0);
    return [...runs.slice(0, from), { id: id.toString('hex'), entries, rows }];
  }

  #startThread(octets: number, { segment, offset, line, seq }: JournalPoint): IndexThread | undefined {
    const { scanThread, journal } = this.#options;
    if (!scanThread || octets < scanThread.fromOctets) return undefined;
    return IndexThread.start(scanThread.program(), journal.directory, { segment, offset, line, seq });
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
