import { type BlockReader, blockOctets, firstRowAt, IndexDamage, rowsPerBlock } from './index-blocks.ts';
import { compareOctets } from './index-octets.ts';
import { type RowCounts, type TableName, tableNames, tableWidths } from './index-tables.ts';

/** How many blocks are read at once at most. */
const mostAhead = 64;

/** After so many guesses among even keys the right block is found nine times in ten. */
const mostGuesses = 5;

/** A block's number in its table, and the first 32 bits of its first key. */
interface KnownBlock {
  readonly number: number;
  readonly bits: number;
}

const unknownBlock: KnownBlock = { number: 0, bits: 0 };

function bitsOf(block: Buffer): number {
  return block.readUInt32BE(firstRowAt);
}

/** The rows of one table of a run, sorted as octets, read a block at a time. */
export class Table {
  readonly width: number;
  readonly count: number;
  readonly #blocks: BlockReader;
  readonly #firstBlock: number;
  readonly #perBlock: number;
  #knownEnds: readonly [KnownBlock, KnownBlock] | undefined;

  constructor(blocks: BlockReader, firstBlock: number, width: number, count: number) {
    this.#blocks = blocks;
    this.#firstBlock = firstBlock;
    this.width = width;
    this.count = count;
    this.#perBlock = rowsPerBlock(width);
  }

  get blockCount(): number {
    return Math.ceil(this.count / this.#perBlock);
  }

  /** Reads the table into memory, or as many blocks of it as that, before it is asked for much; gives how many they are. */
  preload(mostBlocks: number): number {
    const count = Math.min(this.blockCount, mostBlocks);
    if (count > 0) this.#blocks.preload(this.#firstBlock, count);
    return count;
  }

  /** All rows, as stretches of octets, each good until the next one is asked for: a long table takes no more memory than a short one. */
  *allRows(): Generator<Buffer> {
    yield* this.rows(0, this.count, Buffer.allocUnsafeSlow(mostAhead * blockOctets));
  }

  /**
   * The rows from `start` to `end`, as stretches of octets; who reads on and on gets more and more at once.
   *
   * @param into memory that may be used for each stretch anew
   */
  *rows(start: number, end: number, into?: Buffer): Generator<Buffer> {
    const last = start < end ? Math.ceil(end / this.#perBlock) : 0;
    let ahead = 1;
    for (let number = Math.floor(start / this.#perBlock); number < last; ) {
      const count = Math.min(ahead, last - number);
      const blocks = this.#blocksFrom(number, count, into);
      for (let index = 0; index < count; index++, number++) {
        const before = number * this.#perBlock;
        const from = Math.max(start - before, 0);
        const to = Math.min(end - before, this.#perBlock);
        const at = index * blockOctets + firstRowAt;
        yield blocks.subarray(at + from * this.width, at + to * this.width);
      }
      ahead = Math.min(ahead * 2, mostAhead);
    }
  }

  /** The number of the first row that does not sort before `key`. */
  lowerBound(key: Buffer): number {
    // Most keys are hashes or random serials and lie evenly: look where the key should be on the straight line through the two
    // blocks that were looked at last, at first the table's ends. Where they lie unevenly that leads nowhere soon, and the
    // search goes on by halves.
    const wanted = key.readUInt32BE(0);
    let low = 0;
    let high = this.blockCount;
    let [before, last] = this.#ends();
    for (let looks = 0; low < high; looks++) {
      const step = ((wanted - last.bits) / (last.bits - before.bits)) * (last.number - before.number);
      const isGuess = looks < mostGuesses && Number.isFinite(step);
      const guess = isGuess ? Math.floor(last.number + step) : (low + high) >>> 1;
      const number = Math.min(Math.max(guess, low), high - 1);
      const rows = Math.min(this.#perBlock, this.count - number * this.#perBlock);
      const block = this.#block(number);
      if (this.#compare(block, 0, key) >= 0) high = number;
      else if (this.#compare(block, rows - 1, key) < 0) low = number + 1;
      else return number * this.#perBlock + this.#searchBlock(block, rows, key);
      before = last;
      last = { number, bits: bitsOf(block) };
    }
    return Math.min(low * this.#perBlock, this.count);
  }

  /** The stretch of rows that begin with `key`, one after another. */
  *startingWith(key: Buffer): Generator<Buffer> {
    for (const rows of this.rows(this.lowerBound(key), this.count)) {
      for (let at = 0; at < rows.length; at += this.width) {
        if (rows.compare(key, 0, key.length, at, at + key.length) !== 0) return;
        yield rows.subarray(at, at + this.width);
      }
    }
  }

  /** The first row that begins with `key`. */
  find(key: Buffer): Buffer | undefined {
    const row = this.lowerBound(key);
    if (row === this.count) return undefined;
    const at = firstRowAt + (row % this.#perBlock) * this.width;
    const block = this.#block(Math.floor(row / this.#perBlock));
    return compareOctets(block, at, key, 0, key.length) === 0
      ? block.subarray(at, at + this.width)
      : undefined;
  }

  #searchBlock(block: Buffer, rows: number, key: Buffer): number {
    let low = 0;
    let high = rows - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(block, middle, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #ends(): readonly [KnownBlock, KnownBlock] {
    const last = this.blockCount - 1;
    // Who goes to the middle of three has not far to go from there.
    if (last < 3) return [unknownBlock, unknownBlock];
    this.#knownEnds ??= [
      { number: 0, bits: bitsOf(this.#block(0)) },
      { number: last, bits: bitsOf(this.#block(last)) },
    ];
    return this.#knownEnds;
  }

  #compare(block: Buffer, row: number, key: Buffer): number {
    return compareOctets(block, firstRowAt + row * this.width, key, 0, key.length);
  }

  #block(number: number): Buffer {
    return this.#blocksFrom(number, 1);
  }

  #blocksFrom(number: number, count: number, into?: Buffer): Buffer {
    if (number < 0 || number + count > this.blockCount) throw new IndexDamage(`there is no block ${number}`);
    const first = this.#firstBlock + number;
    return count === 1 ? this.#blocks.block(first) : this.#blocks.blocks(first, count, into);
  }
}

/** A run, opened: its tables. */
export type Run = { readonly [N in TableName]: Table };

/** The run in these blocks, of which the manifest tells how many rows each table has. */
export function openRun(blocks: BlockReader, counts: RowCounts): Run {
  const tables: Partial<Record<TableName, Table>> = {};
  let firstBlock = 0;
  for (const name of tableNames) {
    const table = new Table(blocks, firstBlock, tableWidths[name], counts[name]);
    tables[name] = table;
    firstBlock += table.blockCount;
  }
  return tables as Run;
}
