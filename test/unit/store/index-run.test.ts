import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BlockReader,
  BlockWriter,
  MemoryBlocks,
  newRunId,
  rowsPerBlock,
} from '../../../src/store/index-blocks.ts';
import { Table } from '../../../src/store/index-run.ts';

const width = 400;

/** A table of rows that begin with these keys, and the blocks that were asked for. */
function tableOf(keys: readonly Buffer[]): { table: Table; sorted: readonly Buffer[]; asked: number[] } {
  const parts: Buffer[] = [];
  const writer = new BlockWriter(newRunId(), (octets) => parts.push(Buffer.from(octets)));
  const sorted = [...keys].sort(Buffer.compare);
  writer.begin(width);
  for (const key of sorted) key.copy(writer.buffer, writer.row());
  writer.end();
  writer.finish();
  const memory = new MemoryBlocks(Buffer.concat(parts));
  const asked: number[] = [];
  const blocks: BlockReader = {
    block: (number) => {
      asked.push(number);
      return memory.block(number);
    },
    blocks: (first, count) => memory.blocks(first, count),
    preload: () => {},
  };
  return { table: new Table(blocks, 0, width, sorted.length), sorted, asked };
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, 8);
}

const octets = (max: number) => fc.uint8Array({ minLength: 8, maxLength: 8, max });
/** Keys that lie evenly, in one corner, or are the same. */
const keys = fc.array(fc.oneof(octets(255), octets(3), fc.constant(new Uint8Array(8).fill(0x80))), {
  maxLength: 300,
});

describe('a table of sorted rows', () => {
  it('finds the first row that does not sort before a key, however the keys lie', () => {
    fc.assert(
      fc.property(keys, fc.array(octets(255)), (made, others) => {
        const { table, sorted } = tableOf(made.map((key) => Buffer.from(key)));
        for (const key of [...sorted, ...others.map((other) => Buffer.from(other))]) {
          const first = sorted.findIndex((each) => Buffer.compare(each, key) >= 0);
          expect(table.lowerBound(key)).toBe(first < 0 ? sorted.length : first);
        }
      }),
    );
  });

  it('is read beforehand as far as there is room for it', () => {
    const { table } = tableOf(Array.from({ length: 35 }, (_, number) => hashOf(`${number}`)));
    expect([0, 3, 99].map((room) => table.preload(room))).toEqual([0, 3, table.blockCount]);
  });

  it('comes to the right block of thousands in a few looks where keys lie evenly, but for one at each end', () => {
    const even = Array.from({ length: 3000 * rowsPerBlock(width) }, (_, index) => {
      const key = hashOf(`${index}`);
      key[0] = 0x40 | ((key[0] ?? 0) & 0x3f);
      return key;
    });
    const { table, sorted, asked } = tableOf([Buffer.alloc(8), Buffer.alloc(8, 0xff), ...even]);
    const wanted = Array.from({ length: 500 }, (_, index) => sorted[index * 50] ?? Buffer.alloc(8));
    for (const key of wanted) expect(table.find(key)?.subarray(0, 8)).toEqual(key);
    // To find a row asks for its block once more.
    expect(asked.length / wanted.length - 1).toBeLessThan(5);
  });

  it('comes to the right block of thousands by halves where all keys are the same but for their end', () => {
    const close = Array.from({ length: 3000 * rowsPerBlock(width) }, (_, index) => {
      const key = Buffer.alloc(8, 0x80);
      key.writeUInt32BE(index ** 2, 4);
      return key;
    });
    const { table, sorted, asked } = tableOf(close);
    for (const [row, key] of sorted.entries()) {
      if (row % 997 !== 0) continue;
      asked.length = 0;
      expect(table.lowerBound(key)).toBe(row);
      expect(asked.length).toBeLessThan(20);
    }
  });
});
