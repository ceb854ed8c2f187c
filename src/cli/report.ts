import { formatInstant } from '../core/instant.ts';
import type { Context } from './context.ts';
import type { Style } from './style.ts';

/**
 * What a person reads. Text is what was asked for. `news` says what was done, `note` what to do next or know: both are
 * dropped by `--quiet`, and a note goes to stderr. A `warning` goes to stderr whatever was asked for.
 */
export type Line = string | { readonly kind: 'news' | 'note' | 'warning'; readonly text: string };

/** A line that says what was done. */
export const news = (text: string): Line => ({ kind: 'news', text });
/** A line that says what to do next or to know. */
export const note = (text: string): Line => ({ kind: 'note', text });
/** A line that says what needs a person. */
export const warning = (text: string): Line => ({ kind: 'warning', text });

/** What a renderer may know besides its result. */
export interface View {
  readonly style: Style;
  readonly now: Date;
  /** Characters a line of the terminal; undefined when stdout is none. */
  readonly columns: number | undefined;
}

/** Shows a command's result, and is alone in writing to stdout: with `--json` as one document, else as the lines of `render`. */
export function report<T>(
  context: Context,
  result: T,
  render: (result: T, view: View) => readonly Line[],
): void {
  const { stdout, stderr, clock } = context.world;
  context.finishProgress();
  if (context.json) {
    stdout.write(encodeJson(result));
    context.answered = true;
    return;
  }
  const columns = stdout.isTerminal ? stdout.columns : undefined;
  let text = '';
  const flush = () => {
    if (text !== '') stdout.write(text);
    text = '';
  };
  for (const line of render(result, { style: context.style, now: clock(), columns })) {
    if (typeof line === 'string') text += `${line}\n`;
    else if (context.quiet && line.kind !== 'warning') continue;
    else if (line.kind === 'news') text += `${line.text}\n`;
    else {
      flush();
      stderr.write(`${line.text}\n`);
    }
  }
  flush();
}

/** Shows the content of a file as it is. */
export function reportContent({ world, finishProgress }: Context, content: Uint8Array): void {
  finishProgress();
  world.stdout.write(content);
}

/**
 * Shows `{"head":…,"entries":[…]}` page by page, whether `--json` was given or not: a record of a million entries
 * need not fit into memory. `pages` are JSON texts, which stay as they are.
 */
export async function reportEntries(
  { world, finishProgress }: Context,
  head: unknown,
  pages: AsyncIterable<readonly string[]>,
): Promise<void> {
  finishProgress();
  let text = `{"head":${JSON.stringify(head)},"entries":[\n`;
  let separator = '';
  for await (const page of pages) {
    for (const entry of page) {
      text += separator + entry;
      separator = ',\n';
    }
    world.stdout.write(text);
    text = '';
  }
  world.stdout.write(`${text}\n]}\n`);
}

/** One JSON document and a line end: instants as RFC 3339 with whole seconds, big integers in decimal text. */
export function encodeJson(value: unknown): string {
  return `${JSON.stringify(jsonValue(value), null, 2)}\n`;
}

function jsonValue(value: unknown): unknown {
  if (value instanceof Date) return formatInstant(value);
  if (typeof value === 'bigint') return `${value}`;
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, jsonValue(member)]));
}
