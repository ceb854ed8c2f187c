import { CaError } from '../../core/ca-error.ts';

/** The text of one item, and the line on which it begins. */
export interface JsonItem {
  readonly line: number;
  readonly text: string;
}

/** The lines of a JSON Lines text; the last one may end without a line feed, and none is empty. */
export function jsonLines(text: string): readonly JsonItem[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, index) => ({ line: index + 1, text: line }));
}

/** The items of a JSON array, each as it is written there. Throws `core/invalid-list`. */
export function jsonItems(text: string): readonly JsonItem[] {
  checkArray(text);
  const items: JsonItem[] = [];
  let depth = 0;
  let line = 1;
  let counted = 0;
  let start = 0;
  // The text is known to be JSON: what is neither a string, a bracket nor a comma between items says nothing here.
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},]/g)) {
    const closes = token === ']' || token === '}';
    if (closes) depth--;
    if ((token === ',' && depth === 1) || (closes && depth === 0)) {
      const item = text.slice(start, index);
      const begin = start + item.length - item.trimStart().length;
      for (; counted < begin; counted++) if (text[counted] === '\n') line++;
      if (item.trim() !== '') items.push({ line, text: item.trim() });
    }
    if (token === '[' || token === '{') depth++;
    if (depth === 1 && (token === ',' || token === '[')) start = index + 1;
  }
  return items;
}

function checkArray(text: string): void {
  const hint = 'write [{"client":"billing"}, …], or one object a line in a file called .jsonl';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // V8 tells where, not for every fault.
    const at = /at position (\d+)/.exec(reason)?.[1];
    const where = at === undefined ? '' : `line ${text.slice(0, Number(at)).split('\n').length}: `;
    throw new CaError('core/invalid-list', `${where}the list is not JSON: ${reason}`, { hint });
  }
  if (!Array.isArray(value)) throw new CaError('core/invalid-list', 'the list is not a JSON array', { hint });
}
