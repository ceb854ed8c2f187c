import type { Context, PassphraseOptions } from '../context.ts';
import { renderIssueList } from '../render/issue-list.ts';
import { report } from '../report.ts';
import { formatOf, type ListFormat, listFormats } from './format.ts';
import { readIssueList } from './issue-lines.ts';

/** `ca issue --from`: a certificate for every client of a list; `no` when something failed once the list was found good. */
export async function issueFrom(
  file: string,
  options: PassphraseOptions & { readonly format?: ListFormat; readonly dryRun?: boolean },
  context: Context,
): Promise<'yes' | 'no'> {
  const { issueList } = await import('../../authority/issue-list.ts');
  const format = options.format ?? formatOf(file, listFormats);
  const octets = await context.world.readList(file);
  const { ports, settings } = await context.openAuthority(options);
  const list = await readIssueList(octets, format, file, context.world);
  const dryRun = options.dryRun === true;
  const result = await issueList(list, { dryRun }, settings, ports);
  report(context, result, (each, view) => renderIssueList(each, { ...view, dryRun }));
  return result.failed.length === 0 ? 'yes' : 'no';
}
