import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Disk } from './disk.ts';
import { writeAll } from './durable-file.ts';
import { isSystemError } from './io-error.ts';

/**
 * A run of the index is a file of blocks of 4096 octets: the run's id (8), the block's number (4), rows of one width, zeros,
 * and the CRC-32 of all that (4). A block that was changed, swapped, or comes from another run is found: a CRC-32 finds each
 * change within 32 bits, and of other accidents misses one in 2^32. Nobody is kept from forging it, nor would be by a hash: it
 * has no key, and who can write to an index can write its checksums. It is at its full speed from the first block on, as
 * JavaScript is not, and most commands read a few dozen.
 */
export const blockOctets = 4096;
const headerOctets = 12;
const sumAt = blockOctets - 4;

/** How many rows of that width a block holds. */
export function rowsPerBlock(width: number): number {
  return Math.floor((sumAt - headerOctets) / width);
}

/** How many blocks so many rows of that width take. */
export function blocksFor(rows: number, width: number): number {
  return Math.ceil(rows / rowsPerBlock(width));
}

/** Something in the index is not what was written: it is thrown away and built again, and no answer comes from it. */
export class IndexDamage extends Error {}

/** A new run's id. */
export function newRunId(): Buffer {
  return randomBytes(8);
}

/** Takes blocks that follow one another, the first of that number. */
export type BlockSink = (octets: Buffer, block: number) => void;

/** Writes blocks to their place in a run's file. */
export function intoFile(disk: Disk, fd: number): BlockSink {
  return (octets, block) => writeAll(fd, octets, block * blockOctets, disk);
}

/** Writes the tables of a run one after another, each beginning with a new block. */
export class BlockWriter {
  /** Where rows are put, at the position that {@link row} gives. */
  readonly buffer = Buffer.alloc(64 * blockOctets);
  /** The same memory. Where a table's rows are a multiple of four octets wide, they begin with a word. */
  readonly words = wordsOf(this.buffer);
  readonly #id: Uint8Array;
  readonly #sink: BlockSink;
  #block: number;
  #inBuffer = 0;
  #width = 1;
  #perBlock = 1;
  #rows = 0;
  #inBlock = 0;

  constructor(id: Uint8Array, sink: BlockSink, firstBlock = 0) {
    this.#id = id;
    this.#sink = sink;
    this.#block = firstBlock;
  }

  /** A writer of the same run's blocks from that one on. */
  from(block: number): BlockWriter {
    return new BlockWriter(this.#id, this.#sink, block);
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

  /** As many rows as are left in the block, `wanted` at most: their number, and the first one's position. */
  rows(wanted: number): { readonly at: number; readonly count: number } {
    const at = this.row();
    const count = Math.min(wanted, this.#perBlock - this.#inBlock + 1);
    this.#rows += count - 1;
    this.#inBlock += count - 1;
    return { at, count };
  }

  /** Puts octets into a table of single ones, all in one block: zeros fill the one before, if it has no room for them. */
  putWhole(octets: Uint8Array): void {
    let { at, count } = this.rows(octets.length);
    if (count < octets.length) {
      this.buffer.fill(0, at, at + count);
      at = this.rows(octets.length).at;
    }
    this.buffer.set(octets, at);
  }

  /** Leaves out the blocks of so many rows, the whole table: they are written elsewhere. */
  leave(rows: number): void {
    this.finish();
    this.#rows = rows;
    this.#block += blocksFor(rows, this.#width);
  }

  /** Ends the table and gives the number of its rows. */
  end(): number {
    if (this.#inBlock > 0) this.#seal();
    return this.#rows;
  }

  /** Hands over what is left. */
  finish(): void {
    this.#sink(this.buffer.subarray(0, this.#inBuffer * blockOctets), this.#block - this.#inBuffer);
    this.#inBuffer = 0;
  }

  #seal(): void {
    const start = this.#inBuffer * blockOctets;
    const block = this.buffer.subarray(start, start + blockOctets);
    block.set(this.#id, 0);
    block.writeUInt32BE(this.#block++, 8);
    block.fill(0, headerOctets + this.#inBlock * this.#width, sumAt);
    block.writeUInt32BE(crc32(block.subarray(0, sumAt)), sumAt);
    this.#inBlock = 0;
    if (++this.#inBuffer * blockOctets < this.buffer.length) return;
    this.#sink(this.buffer, this.#block - this.#inBuffer);
    this.#inBuffer = 0;
  }
}

/** Reads the blocks of one run. Throws {@link IndexDamage}. */
export interface BlockReader {
  /** The block's octets, checked; row 0 begins at {@link firstRowAt}. */
  block(number: number): Buffer;
  /**
   * As many blocks one after another, checked; for whoever goes through many once.
   *
   * @param into memory that may be used for them
   */
  blocks(first: number, count: number, into?: Buffer): Buffer;
  /** Reads these blocks in one go and keeps them. */
  preload(first: number, count: number): void;
}

/** Where the rows of a block begin. */
export const firstRowAt = headerOctets;

/** Blocks that are read one by one are kept in slabs: memory for each of them alone takes as long as its reading. */
const slabBlocks = 64;

/** 64 MiB: what renews ten thousand certificates comes by each block several times. */
const mostSlabs = 256;

/** Memory for the blocks of all runs; of the slab that was given first nobody knows any more when there would be too many. */
export class BlockCache {
  readonly #forget: (() => void)[] = [];

  /** @param kept the blocks of a run by their numbers: those in `numbers`, which the slab will hold, are taken out one day */
  slab(kept: Map<number, Buffer>, numbers: readonly number[]): Buffer {
    if (this.#forget.length === mostSlabs) this.#forget.shift()?.();
    this.#forget.push(() => {
      for (const number of numbers) kept.delete(number);
    });
    return Buffer.allocUnsafeSlow(slabBlocks * blockOctets);
  }
}

const closeWhenForgotten = new FinalizationRegistry<() => void>((close) => close());

/** The blocks of a run's file, which stays open, though its name may go, for as long as somebody asks for them. */
export class FileBlocks implements BlockReader {
  readonly #disk: Disk;
  readonly #fd: number;
  readonly #id: Buffer;
  readonly #cache: BlockCache;
  readonly #kept = new Map<number, Buffer>();
  #slab: Buffer = Buffer.alloc(0);
  /** The numbers of the blocks in the slab. */
  #inSlab: number[] = [];
  #preloaded: { first: number; octets: Buffer } | undefined;

  constructor(disk: Disk, path: string, id: Buffer, cache: BlockCache) {
    const fd = disk.openSync(path, 'r');
    closeWhenForgotten.register(this, () => disk.closeSync(fd));
    this.#disk = disk;
    this.#fd = fd;
    this.#id = id;
    this.#cache = cache;
  }

  block(number: number): Buffer {
    const preloaded = this.#preloaded;
    if (preloaded && number >= preloaded.first) {
      const at = (number - preloaded.first) * blockOctets;
      if (at < preloaded.octets.length) return preloaded.octets.subarray(at, at + blockOctets);
    }
    return this.#kept.get(number) ?? this.#keep(number);
  }

  blocks(first: number, count: number, into?: Buffer): Buffer {
    const octets = into?.subarray(0, count * blockOctets) ?? Buffer.allocUnsafeSlow(count * blockOctets);
    this.#read(first, octets);
    return octets;
  }

  preload(first: number, count: number): void {
    this.#preloaded = { first, octets: this.blocks(first, count) };
  }

  #keep(number: number): Buffer {
    if (this.#inSlab.length * blockOctets === this.#slab.length) {
      this.#inSlab = [];
      this.#slab = this.#cache.slab(this.#kept, this.#inSlab);
    }
    const at = this.#inSlab.length * blockOctets;
    const block = this.#slab.subarray(at, at + blockOctets);
    this.#read(number, block);
    this.#inSlab.push(number);
    this.#kept.set(number, block);
    return block;
  }

  #read(first: number, into: Buffer): void {
    for (let filled = 0; filled < into.length; ) {
      const position = first * blockOctets + filled;
      const got = this.#readSome(into, filled, position);
      if (got === 0) throw new IndexDamage(`block ${first} is cut off`);
      filled += got;
    }
    checkBlocks(into, first, this.#id);
  }

  /** What the disk does not give back is as good as changed: the journal is there to make it again. */
  #readSome(into: Buffer, at: number, position: number): number {
    try {
      return this.#disk.readSync(this.#fd, into, at, into.length - at, position);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new IndexDamage('a block cannot be read', { cause: error });
    }
  }
}

/** The blocks of a run that is in memory alone. */
export class MemoryBlocks implements BlockReader {
  readonly #octets: Buffer;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  block(number: number): Buffer {
    return this.blocks(number, 1);
  }

  blocks(first: number, count: number): Buffer {
    return this.#octets.subarray(first * blockOctets, (first + count) * blockOctets);
  }

  preload(): void {
    // Everything is here.
  }
}

function checkBlocks(octets: Buffer, first: number, id: Buffer): void {
  for (let at = 0, number = first; at < octets.length; at += blockOctets, number++) {
    if (octets.readUInt32BE(at + sumAt) !== crc32(octets.subarray(at, at + sumAt)))
      throw new IndexDamage(`block ${number} has another checksum`);
    if (!beginsWith(octets, at, id) || octets.readUInt32BE(at + 8) !== number)
      throw new IndexDamage(`block ${number} belongs elsewhere`);
  }
}

/** Quicker than Buffer.compare for a few octets. */
function beginsWith(octets: Buffer, at: number, id: Buffer): boolean {
  for (let index = 0; index < id.length; index++) {
    if (octets[at + index] !== id[index]) return false;
  }
  return true;
}

/** The same memory as words; it must begin with one. */
export function wordsOf(octets: Buffer): Int32Array {
  return new Int32Array(octets.buffer, octets.byteOffset, octets.length / 4);
}
