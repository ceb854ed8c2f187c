import { basename, join } from 'node:path';
import { CaError } from '../core/ca-error.ts';
import { checkLink, hashLine } from '../ledger/chain.ts';
import { type Entry, noPreviousEntry } from '../ledger/entry.ts';
import { parseEntry } from '../ledger/entry-codec.ts';
import type { LedgerHead } from '../ledger/record.ts';
import type { Disk } from './disk.ts';
import { publicMode } from './file-mode.ts';
import { hasErrorCode, ioError } from './io-error.ts';
import { findLine, readChunks, readLines } from './journal-lines.ts';

/** A point between two lines of the journal: where the next line begins, and the head that the lines before it make. */
export interface JournalPoint extends LedgerHead {
  /** The number of the segment, from 1, and the octets and lines of it that lie before the point. */
  readonly segment: number;
  readonly offset: number;
  readonly line: number;
  /** The octets of the last line, its newline included, so that it can be found and checked again. */
  readonly lastOctets: number;
}

/** The point before the first entry. */
export const journalStart: JournalPoint = {
  segment: 1,
  offset: 0,
  line: 0,
  lastOctets: 0,
  seq: 0,
  hash: noPreviousEntry,
  time: new Date(0),
};

/** An entry with the point after it. */
export interface JournalEntry {
  readonly entry: Entry;
  readonly point: JournalPoint;
}

/**
 * The record as files: `00000001.jsonl`, `00000002.jsonl`, …, one entry a line, the hash chain running through all
 * of them. Octets after the last newline are no entry: a writer is in the middle of it, or died there.
 */
export class Journal {
  readonly directory: string;
  readonly #disk: Disk;

  constructor(directory: string, disk: Disk) {
    this.directory = directory;
    this.#disk = disk;
  }

  /**
   * The entries after a point, each parsed strictly and checked against the chain; at the end, the number of octets
   * that follow the last newline.
   *
   * Throws `authority/missing`, `ledger/…` at the first fault with file and line, or `store/…`.
   */
  *entriesAfter(start: JournalPoint): Generator<JournalEntry, number> {
    let point = start;
    const segments = this.segments();
    for (let segment = start.segment; segment <= segments; segment++) {
      const from = segment === start.segment ? start : { offset: 0, line: 0 };
      const lines = readLines(this.#disk, this.segmentPath(segment), from);
      let next = lines.next();
      for (; !next.done; next = lines.next()) {
        const { octets, offset, line } = next.value;
        const where = this.where(segment, line);
        const entry = parseEntry(octets, where);
        checkLink(entry, point, where);
        point = {
          segment,
          offset: offset + octets.length + 1,
          line,
          lastOctets: octets.length + 1,
          seq: entry.seq,
          hash: hashLine(octets),
          time: entry.time,
        };
        yield { entry, point };
      }
      if (segment === segments) return next.value;
      if (next.value > 0) throw cutOff(this.where(segment, point.line + 1));
    }
    return 0;
  }

  /** Whole lines after a point, many at a time, neither parsed nor checked. */
  *chunksAfter(
    start: Pick<JournalPoint, 'segment' | 'offset'>,
  ): Generator<{ octets: Buffer; segment: number; offset: number }> {
    const segments = this.segments();
    for (let segment = start.segment; segment <= segments; segment++) {
      const from = segment === start.segment ? start.offset : 0;
      const chunks = readChunks(this.#disk, this.segmentPath(segment), from);
      let next = chunks.next();
      for (; !next.done; next = chunks.next()) yield { ...next.value, segment };
      if (next.value > 0 && segment < segments) throw cutOff(`the last line of ${this.#name(segment)}`);
    }
  }

  /** The lines from the first to that number, neither parsed nor checked. */
  *linesUpTo(seq: number): Generator<{ octets: Buffer; seq: number; where: () => string }> {
    let count = 0;
    for (let segment = 1; count < seq; segment++) {
      for (const { octets, line } of readLines(this.#disk, this.segmentPath(segment), {
        offset: 0,
        line: 0,
      })) {
        if (++count > seq) return;
        yield { octets, seq: count, where: () => this.where(segment, line) };
      }
    }
  }

  /** How many octets follow a point, in all segments. */
  octetsAfter(point: JournalPoint): number {
    let total = -point.offset;
    const segments = this.segments();
    for (let segment = point.segment; segment <= segments; segment++) {
      const path = this.segmentPath(segment);
      try {
        total += withFile(this.#disk, path, 'r', (fd) => this.#disk.fstatSync(fd).size);
      } catch (error) {
        throw hasErrorCode(error, 'ENOENT') ? missing(this.#name(segment)) : ioError(error, 'read', path);
      }
    }
    return Math.max(total, 0);
  }

  /** The point after a line that was found to be canonical. */
  pointAfter(line: Pick<JournalPoint, 'segment' | 'offset' | 'line' | 'lastOctets'>): JournalPoint {
    if (line.line === 0) return journalStart;
    const octets = this.read(line.segment, line.offset - line.lastOctets, line.lastOctets - 1);
    const { seq, time } = parseEntry(octets, this.where(line.segment, line.line));
    return { ...line, seq, hash: hashLine(octets), time };
  }

  /** SHA-256 in hex of the line where the entry of that number should be; undefined if none is there. Quick near the end. */
  hashOf(seq: number): string | undefined {
    for (let segment = this.segments(); segment > 0; segment--) {
      const line = findLine(this.#disk, this.segmentPath(segment), seq);
      if (line !== 'before') return line && hashLine(line);
    }
    return undefined;
  }

  /** True if the journal still holds, up to that point, the lines it held when the point was made. */
  holds(point: JournalPoint): boolean {
    if (point.seq === 0) return true;
    if (point.segment > this.segments()) return false;
    const last = this.read(point.segment, point.offset - point.lastOctets, point.lastOctets);
    return (
      last.length === point.lastOctets &&
      last.at(-1) === 0x0a &&
      hashLine(last.subarray(0, -1)) === point.hash
    );
  }

  /** Octets of a segment; fewer than asked for at its end. Throws `ledger/missing-segment`, `store/…`. */
  read(segment: number, offset: number, length: number): Buffer {
    const path = this.segmentPath(segment);
    try {
      return withFile(this.#disk, path, 'r', (fd) => {
        const octets = Buffer.alloc(length);
        let filled = 0;
        for (let got = -1; filled < length && got !== 0; filled += got) {
          got = this.#disk.readSync(fd, octets, filled, length - filled, offset + filled);
        }
        return octets.subarray(0, filled);
      });
    } catch (error) {
      throw hasErrorCode(error, 'ENOENT') ? missing(this.#name(segment)) : ioError(error, 'read', path);
    }
  }

  /** How many segments there are. Throws `authority/missing` if none, `ledger/missing-segment` if there is a gap. */
  segments(): number {
    const numbers = this.#list()
      .filter((name) => /^\d{8}\.jsonl$/.test(name))
      .map((name) => Number(name.slice(0, 8)))
      .sort((a, b) => a - b);
    if (numbers.length === 0) throw noAuthority(this.directory);
    numbers.forEach((number, index) => {
      if (number !== index + 1) throw missing(this.#name(index + 1));
    });
    return numbers.length;
  }

  segmentPath(segment: number): string {
    return join(this.directory, segmentName(segment));
  }

  #list(): string[] {
    try {
      return this.#disk.readdirSync(this.directory);
    } catch (error) {
      throw hasErrorCode(error, 'ENOENT', 'ENOTDIR')
        ? noAuthority(this.directory)
        : ioError(error, 'read', this.directory);
    }
  }

  /** The name of a line of which only its place is known. */
  whereAt(segment: number, offset: number): string {
    return `the line at octet ${offset} of ${this.#name(segment)}`;
  }

  #name(segment: number): string {
    return `${basename(this.directory)}/${segmentName(segment)}`;
  }

  /** The name of a line for messages. */
  where(segment: number, line: number): string {
    return `line ${line} of ${this.#name(segment)}`;
  }
}

/** Runs the work on an open file, and closes it. Throws the system's error. */
export function withFile<T>(disk: Disk, path: string, flags: string | number, use: (fd: number) => T): T {
  const fd = disk.openSync(path, flags, publicMode);
  try {
    return use(fd);
  } finally {
    disk.closeSync(fd);
  }
}

/** The file name of a segment: `00000001.jsonl`. */
export function segmentName(segment: number): string {
  return `${String(segment).padStart(8, '0')}.jsonl`;
}

function noAuthority(directory: string): CaError {
  return new CaError('authority/missing', `there is no authority here: ${directory} holds no ledger`, {
    hint: 'restore the ledger from a backup; if there never was one, name another directory with --home',
  });
}

function missing(name: string): CaError {
  return new CaError('ledger/missing-segment', `${name} is missing`, {
    hint: `restore ${name} from a backup`,
  });
}

function cutOff(where: string): CaError {
  return new CaError('ledger/malformed', `${where} is cut off, and the ledger goes on in the next file`, {
    hint: 'restore the ledger from a backup',
  });
}
