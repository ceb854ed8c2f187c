import { type Line, news } from '../report.ts';

/** The head as it is kept, or where it was written. */
export function renderHead({
  seq,
  text,
  file,
}: {
  readonly seq: number;
  readonly text: string;
  readonly file?: string;
}): readonly Line[] {
  if (file !== undefined) return [news(`wrote the head of the ledger's ${seq} entries to ${file}`)];
  return [text.trimEnd()];
}
