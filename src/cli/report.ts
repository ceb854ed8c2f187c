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
  context.finishProgress();
  if (context.json) {
    context.world.stdout.write(encodeJson(result));
    context.answered = true;
  } else writeLines(context, render(result, viewOf(context)));
}

/** Shows the content of a file as it is. */
export function reportContent({ world, finishProgress }: Context, content: Uint8Array): void {
  finishProgress();
  world.stdout.write(content);
}

/**
 * Shows a list page by page, which need not fit into memory: with `--json` as the document that {@link report} would make of
 * all its items, else as the lines that `render` makes of each page. There is one page at least; it is empty if the list is.
 */
export async function reportPages<T>(
  context: Context,
  pages: AsyncIterable<readonly T[]>,
  render: (view: View) => (page: readonly T[]) => readonly Line[],
): Promise<void> {
  if (context.json) {
    const encode = (page: readonly T[]) => encodeText(page).slice('[\n'.length, -'\n]'.length);
    await writeDocument(context, pages, { opening: '[', encode, closing: ']\n' });
    return;
  }
  const renderPage = render(viewOf(context));
  await showPages(context, pages, (page) => writeLines(context, renderPage(page)));
}

/**
 * Shows `{"head":…,"entries":[…]}` page by page, whether `--json` was given or not. `pages` are JSON texts, which stay as
 * they are.
 */
export async function reportEntries(
  context: Context,
  head: unknown,
  pages: AsyncIterable<readonly string[]>,
): Promise<void> {
  const opening = `{"head":${JSON.stringify(head)},"entries":[`;
  await writeDocument(context, pages, { opening, encode: (page) => page.join(',\n'), closing: ']}\n' });
}

/** Writes one JSON document, as many of its items at a time as `encode` gives the text of. */
async function writeDocument<T>(
  context: Context,
  pages: AsyncIterable<readonly T[]>,
  { opening, encode, closing }: DocumentForm<T>,
): Promise<void> {
  const { stdout } = context.world;
  let isEmpty = true;
  await showPages(context, pages, (page) => {
    if (page.length === 0) return;
    stdout.write(`${isEmpty ? opening : ','}\n${encode(page)}`);
    isEmpty = false;
  });
  stdout.write(isEmpty ? opening + closing : `\n${closing}`);
}

interface DocumentForm<T> {
  readonly opening: string;
  readonly encode: (page: readonly T[]) => string;
  readonly closing: string;
}

/** Shows one page after another while somebody reads: what fails after the first is said on stderr, since half a result stands on stdout. */
async function showPages<T>(
  context: Context,
  pages: AsyncIterable<T>,
  show: (page: T) => void,
): Promise<void> {
  const { stdout } = context.world;
  for await (const page of pages) {
    // The line of progress may stand on the same terminal.
    if (stdout.isTerminal) context.finishProgress();
    show(page);
    context.answered = true;
    if (!stdout.hasReader) return;
  }
}

function viewOf({ style, world: { clock, stdout } }: Context): View {
  return { style, now: clock(), columns: stdout.isTerminal ? stdout.columns : undefined };
}

function writeLines(context: Context, lines: readonly Line[]): void {
  const { stdout, stderr } = context.world;
  let text = '';
  const flush = () => {
    if (text !== '') stdout.write(text);
    text = '';
  };
  for (const line of lines) {
    if (typeof line === 'string') text += `${line}\n`;
    else if (context.quiet && line.kind !== 'warning') continue;
    else if (line.kind === 'news') text += `${line.text}\n`;
    else {
      flush();
      context.finishProgress();
      stderr.write(`${line.text}\n`);
    }
  }
  flush();
}

/** One JSON document and a line end: instants as RFC 3339 with whole seconds, big integers in decimal text. */
export function encodeJson(value: unknown): string {
  return `${encodeText(value)}\n`;
}

function encodeText(value: unknown): string {
  return JSON.stringify(jsonValue(value), null, 2);
}

function jsonValue(value: unknown): unknown {
  if (value instanceof Date) return formatInstant(value);
  if (typeof value === 'bigint') return `${value}`;
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, jsonValue(member)]));
}
