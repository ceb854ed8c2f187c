import { constants } from 'node:fs';
import { join } from 'node:path';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { Link } from '../ledger/chain.ts';
import type { Disk } from './disk.ts';
import { createDurably, syncDirectory, writeAll } from './durable-file.ts';
import { giveToOwnerOf, publicMode } from './file-mode.ts';
import { ioError } from './io-error.ts';
import { type Journal, type JournalPoint, withFile } from './journal.ts';

export interface JournalWriterOptions {
  readonly disk: Disk;
  /** A segment that has reached this size is followed by a new one. */
  readonly segmentOctets: number;
}

const newline = Buffer.from('\n');

/** What writes to a journal, durably. Call it under the ledger's lock. */
export class JournalWriter {
  readonly #journal: Journal;
  readonly #disk: Disk;
  readonly #segmentOctets: number;
  #distrusted: unknown;

  constructor(journal: Journal, { disk, segmentOctets }: JournalWriterOptions) {
    this.#journal = journal;
    this.#disk = disk;
    this.#segmentOctets = segmentOctets;
  }

  /**
   * Writes lines at the end, which must be at `point`, in one write, and syncs them. When it throws, the journal is
   * as it was before, but after `store/uncertain`, when nobody knows. After a failed sync the page cache proves nothing:
   * this object then takes no more lines.
   *
   * @returns the points after each line
   */
  append(point: JournalPoint, links: readonly Link[]): readonly JournalPoint[] {
    if (this.#distrusted) {
      throw new CaError(
        'store/io',
        `${printable(this.#journal.directory)} takes no more entries after a failed sync`,
        {
          hint: 'check the disk (dmesg), then run the same command again',
          cause: this.#distrusted,
        },
      );
    }
    const full = point.offset >= this.#segmentOctets;
    const place = full ? { segment: point.segment + 1, offset: 0, line: 0 } : point;
    const path = this.#journal.segmentPath(place.segment);
    try {
      if (full) this.#begin(path);
      this.#writeAt(path, place.offset, Buffer.concat(links.flatMap(({ line }) => [line, newline])));
    } catch (error) {
      throw ioError(error, 'write', path);
    }
    let { offset } = place;
    return links.map(({ entry: { seq, time }, line: { length }, hash }, index) => {
      offset += length + 1;
      const line = place.line + index + 1;
      return { segment: place.segment, offset, line, lastOctets: length + 1, seq, hash, time };
    });
  }

  /**
   * Moves the octets after `point`, left by a power cut, to a file of their own beside the journal, durably.
   *
   * @returns the new file's name
   */
  setTailAside(point: JournalPoint, octets: number): string {
    const torn = this.#journal.read(point.segment, point.offset, octets);
    for (let attempt = 1; ; attempt++) {
      const name = `torn-${point.seq + 1}-${attempt}.bin`;
      try {
        createDurably(join(this.#journal.directory, name), torn, { mode: publicMode, disk: this.#disk });
      } catch (error) {
        if (error instanceof CaError && error.code === 'store/occupied') continue;
        throw error;
      }
      const path = this.#journal.segmentPath(point.segment);
      try {
        withFile(this.#disk, path, 'r+', (fd) => this.#cutBack(fd, point.offset));
      } catch (error) {
        throw ioError(error, 'write', path);
      }
      return name;
    }
  }

  #begin(path: string): void {
    // A crash may have left it empty; a link that somebody else put there is not followed.
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
    withFile(this.#disk, path, flags, (fd) => {
      if (process.platform !== 'win32') this.#disk.fchmodSync(fd, publicMode);
      giveToOwnerOf(this.#journal.directory, fd, this.#disk);
      this.#disk.fsyncSync(fd);
    });
    syncDirectory(this.#journal.directory, this.#disk);
  }

  #writeAt(path: string, offset: number, octets: Uint8Array): void {
    withFile(this.#disk, path, 'r+', (fd) => {
      const { size } = this.#disk.fstatSync(fd);
      if (size !== offset) {
        throw new CaError(
          'store/io',
          `${path} has ${size} octets instead of ${offset}: somebody wrote without the lock`,
          {
            hint: 'find the program that writes there, then run: ca ledger verify',
          },
        );
      }
      let written = false;
      try {
        writeAll(fd, octets, offset, this.#disk);
        written = true;
        this.#disk.fdatasyncSync(fd);
      } catch (error) {
        if (written) this.#distrusted = error;
        this.#takeBack(fd, offset, path, error);
        throw error;
      }
    });
  }

  /** Throws `store/uncertain` where that fails too: what is there may have become the record. */
  #takeBack(fd: number, offset: number, path: string, failure: unknown): void {
    try {
      this.#cutBack(fd, offset);
    } catch (error) {
      this.#distrusted = error;
      const refusal = ioError(failure, 'write', path);
      const what = refusal instanceof CaError ? refusal.message : String(refusal);
      throw new CaError('store/uncertain', `${what}; nor could what was written be taken back`, {
        hint: 'check the disk (dmesg), then see what has become of it: ca renew, ca ledger verify',
        cause: failure,
      });
    }
  }

  #cutBack(fd: number, offset: number): void {
    this.#disk.ftruncateSync(fd, offset);
    this.#disk.fsyncSync(fd);
  }
}
