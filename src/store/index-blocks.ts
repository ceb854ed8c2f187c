import { hash, randomBytes } from 'node:crypto';
import type { Disk } from './disk.ts';

/**
 * A run of the index is a file of blocks of 4096 octets: the run's id (8), the block's number (4), rows of one width, zeros,
 * and the first 8 octets of the SHA-256 of all that. A block that was changed, swapped, or comes from another run is found.
 */
export const blockOctets = 4096;
const headerOctets = 12;
const sumOctets = 8;
const sumAt = blockOctets - sumOctets;

/** How many rows of that width a block holds. */
export function rowsPerBlock(width: number): number {
  return Math.floor((sumAt - headerOctets) / width);
}

/** Something in the index is not what was written: it is thrown away and built again, and no answer comes from it. */
export class IndexDamage extends Error {}

/** A new run's id. */
export function newRunId(): Buffer {
  return randomBytes(8);
}

/** Writes the tables of a run one after another, each beginning with a new block. */
export class BlockWriter {
  /** Where rows are put, at the position that {@link row} gives. */
  readonly buffer = Buffer.alloc(64 * blockOctets);
  readonly #id: Uint8Array;
  readonly #sink: (octets: Buffer) => void;
  #block = 0;
  #inBuffer = 0;
  #width = 1;
  #perBlock = 1;
  #rows = 0;
  #inBlock = 0;

  constructor(id: Uint8Array, sink: (octets: Buffer) => void) {
    this.#id = id;
    this.#sink = sink;
  }

  begin(width: number): void {
    this.#width = width;
    this.#perBlock = rowsPerBlock(width);
    this.#rows = 0;
  }

  /** The position in {@link buffer} at which the next row must be put, before the next call. */
  row(): number {
    if (this.#inBlock === this.#perBlock) this.#seal();
    this.#rows++;
    return this.#inBuffer * blockOctets + headerOctets + this.#inBlock++ * this.#width;
  }

  /** Ends the table and gives the number of its rows. */
  end(): number {
    if (this.#inBlock > 0) this.#seal();
    return this.#rows;
  }

  /** Hands over what is left. */
  finish(): void {
    this.#sink(this.buffer.subarray(0, this.#inBuffer * blockOctets));
    this.#inBuffer = 0;
  }

  #seal(): void {
    const start = this.#inBuffer * blockOctets;
    const block = this.buffer.subarray(start, start + blockOctets);
    block.set(this.#id, 0);
    block.writeUInt32BE(this.#block++, 8);
    block.fill(0, headerOctets + this.#inBlock * this.#width, sumAt);
    block.set(sumOf(block), sumAt);
    this.#inBlock = 0;
    if (++this.#inBuffer * blockOctets < this.buffer.length) return;
    this.#sink(this.buffer);
    this.#inBuffer = 0;
  }
}

/** Reads the blocks of one run. Throws {@link IndexDamage}. */
export interface BlockReader {
  /** The block's octets, checked; row 0 begins at {@link firstRowAt}. */
  block(number: number): Buffer;
  /** Reads these blocks in one go and keeps them. */
  preload(first: number, count: number): void;
}

/** Where the rows of a block begin. */
export const firstRowAt = headerOctets;

const cachedBlocks = 256;

const closeWhenForgotten = new FinalizationRegistry<() => void>((close) => close());

/** The blocks of a run's file, which stays open, though its name may go, for as long as somebody asks for them. */
export class FileBlocks implements BlockReader {
  readonly #disk: Disk;
  readonly #fd: number;
  readonly #id: Buffer;
  readonly #cache = new Map<number, Buffer>();
  #preloaded: { first: number; octets: Buffer } | undefined;

  constructor(disk: Disk, path: string, id: Buffer) {
    const fd = disk.openSync(path, 'r');
    closeWhenForgotten.register(this, () => disk.closeSync(fd));
    this.#disk = disk;
    this.#fd = fd;
    this.#id = id;
  }

  block(number: number): Buffer {
    const kept = this.#preloaded;
    if (kept && number >= kept.first) {
      const at = (number - kept.first) * blockOctets;
      if (at < kept.octets.length) return kept.octets.subarray(at, at + blockOctets);
    }
    const cached = this.#cache.get(number);
    if (cached) return cached;
    const [oldest] = this.#cache.keys();
    if (this.#cache.size >= cachedBlocks && oldest !== undefined) this.#cache.delete(oldest);
    const block = this.#read(number, 1);
    this.#cache.set(number, block);
    return block;
  }

  preload(first: number, count: number): void {
    this.#preloaded = { first, octets: this.#read(first, count) };
  }

  #read(first: number, count: number): Buffer {
    const octets = Buffer.allocUnsafe(count * blockOctets);
    for (let filled = 0; filled < octets.length; ) {
      const position = first * blockOctets + filled;
      const got = this.#disk.readSync(this.#fd, octets, filled, octets.length - filled, position);
      if (got === 0) throw new IndexDamage(`block ${first} is cut off`);
      filled += got;
    }
    for (let index = 0; index < count; index++) {
      checkBlock(octets.subarray(index * blockOctets, (index + 1) * blockOctets), first + index, this.#id);
    }
    return octets;
  }
}

/** The blocks of a run that is in memory alone. */
export class MemoryBlocks implements BlockReader {
  readonly #octets: Buffer;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  block(number: number): Buffer {
    return this.#octets.subarray(number * blockOctets, (number + 1) * blockOctets);
  }

  preload(): void {
    // Everything is here.
  }
}

function checkBlock(block: Buffer, number: number, id: Buffer): void {
  if (!block.subarray(sumAt).equals(sumOf(block)))
    throw new IndexDamage(`block ${number} has another checksum`);
  if (!block.subarray(0, 8).equals(id) || block.readUInt32BE(8) !== number) {
    throw new IndexDamage(`block ${number} belongs elsewhere`);
  }
}

function sumOf(block: Buffer): Buffer {
  return hash('sha256', block.subarray(0, sumAt), 'buffer').subarray(0, sumOctets);
}
