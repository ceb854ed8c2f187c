import { type Line, news, note } from '../report.ts';

/** The head as it is kept, or where it was written. */
export function renderHead(
  {
    seq,
    text,
    file,
  }: {
    readonly seq: number;
    readonly text: string;
    readonly file?: string;
  },
  { dryRun }: { readonly dryRun: boolean },
): readonly Line[] {
  if (file === undefined) return [text.trimEnd()];
  const what = `the head of the ledger's ${seq} entries to ${file}`;
  return dryRun ? [news(`would write ${what}`), note('nothing was done')] : [news(`wrote ${what}`)];
}
