import type { BlockWriter } from './index-blocks.ts';

/** Has these rows written as many at a time as fit into the writer's block, the first of them at `into`. */
export function inStretches(
  rows: Uint32Array,
  writer: BlockWriter,
  write: (some: Uint32Array, into: number) => void,
): void {
  for (let done = 0, end = 0; done < rows.length; done = end) {
    const { at: into, count } = writer.rows(rows.length - done);
    end = done + count;
    write(rows.subarray(done, end), into);
  }
}

/**
 * Copies the octets at `start` of these rows, one below the other. All begin and end with words. Word by word, and not row by
 * row: the first words of many rows are then fetched at once, from memory that is too large for any cache.
 */
export function gather(
  from: Int32Array,
  fromStride: number,
  start: number,
  rows: Uint32Array,
  into: Int32Array,
  intoAt: number,
  intoStride: number,
  octets: number,
): void {
  const fromWords = fromStride / 4;
  const intoWords = intoStride / 4;
  for (let word = 0; word < octets / 4; word++) {
    const source = start / 4 + word;
    let target = intoAt / 4 + word;
    for (let index = 0; index < rows.length; index++, target += intoWords) {
      into[target] = from[(rows[index] ?? 0) * fromWords + source] ?? 0;
    }
  }
}
