import { constants, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectories } from './directories.ts';
import type { Disk } from './disk.ts';
import { giveToOwnerOf, inheritedOwner, publicMode, secretDirectoryMode } from './file-mode.ts';
import { BlockCache, BlockWriter, FileBlocks, intoFile } from './index-blocks.ts';
import { encodeManifest, type Manifest, parseManifest, type RunInfo } from './index-manifest.ts';
import { openRun, type Run } from './index-run.ts';
import { isSystemError } from './io-error.ts';

/**
 * The files of an index in one folder: a manifest, and the runs that it names. Nothing here is synced: whatever a power cut
 * leaves is told from an index by its checksums, and built again.
 */
export class IndexFiles {
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #cache = new BlockCache();
  readonly #opened = new Map<string, WeakRef<FileBlocks>>();

  constructor(directory: string, disk: Disk) {
    this.#directory = directory;
    this.#disk = disk;
  }

  /** Makes the folder if it is not there. */
  prepare(): void {
    makeDirectories(this.#directory, secretDirectoryMode, inheritedOwner, this.#disk);
  }

  /** Undefined if there is none, or it is damaged or of another version, or cannot be read. */
  readManifest(): Manifest | undefined {
    try {
      return parseManifest(readFileSync(this.#manifestPath, 'utf8'));
    } catch (error) {
      // Whatever is wrong there, the journal is whole.
      if (!isSystemError(error)) throw error;
      return undefined;
    }
  }

  /** Makes these runs, which are written, the index on disk. */
  replaceManifest(manifest: Manifest): void {
    const temporary = `${this.#manifestPath}.new`;
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    const fd = this.#disk.openSync(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, publicMode);
    try {
      giveToOwnerOf(this.#directory, fd, this.#disk);
      writeFileSync(fd, encodeManifest(manifest));
    } finally {
      this.#disk.closeSync(fd);
    }
    this.#disk.renameSync(temporary, this.#manifestPath);
  }

  /** Makes sure that nobody opens the index on disk again. */
  discard(): void {
    try {
      unlinkSync(this.#manifestPath);
    } catch {
      // On a read-only disk everybody finds the damage anew.
    }
  }

  /** That run; its file stays open, though its name may go, for as long as somebody asks for it. */
  open({ id, rows }: RunInfo): Run {
    return openRun(this.#blocks(id), rows);
  }

  /** Makes the file of a new run. */
  writeRun<T>(id: Buffer, write: (writer: BlockWriter, path: string) => T): T {
    const path = this.#runPath(id.toString('hex'));
    const fd = this.#disk.openSync(path, 'wx', publicMode);
    try {
      giveToOwnerOf(this.#directory, fd, this.#disk);
      return write(new BlockWriter(id, intoFile(this.#disk, fd)), path);
    } finally {
      this.#disk.closeSync(fd);
    }
  }

  /** Removes the files of runs that are no part of the index any more, or never became one. */
  removeOthers(runs: readonly RunInfo[]): void {
    const kept = new Set(runs.map(({ id }) => `${id}.run`));
    for (const id of this.#opened.keys()) if (!kept.has(`${id}.run`)) this.#opened.delete(id);
    try {
      for (const name of this.#disk.readdirSync(this.#directory)) {
        if (name.endsWith('.run') && !kept.has(name)) this.#disk.unlinkSync(join(this.#directory, name));
      }
    } catch {
      // They are in nobody's way, and the next extension removes them.
    }
  }

  #blocks(id: string): FileBlocks {
    const known = this.#opened.get(id)?.deref();
    if (known) return known;
    const blocks = new FileBlocks(this.#disk, this.#runPath(id), Buffer.from(id, 'hex'), this.#cache);
    this.#opened.set(id, new WeakRef(blocks));
    return blocks;
  }

  get #manifestPath(): string {
    return join(this.#directory, 'manifest');
  }

  #runPath(id: string): string {
    return join(this.#directory, `${id}.run`);
  }
}
