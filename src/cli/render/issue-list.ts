import type { Failure } from '../../authority/batch-run.ts';
import type { IssueListResult } from '../../authority/issue-list.ts';
import { printable } from '../../core/printable.ts';
import { type Line, news, note, type View, warning } from '../report.ts';
import { firstOf, shownItems } from './first-of.ts';
import { counted, dayAndDistance } from './relative-time.ts';

/** What was issued, delivered and skipped, in numbers and the first of each, and what failed and what to do about it. */
export function renderIssueList(
  { issued, delivered, skipped, failed }: IssueListResult,
  view: View & { readonly dryRun: boolean },
): readonly Line[] {
  const would = view.dryRun ? 'would have ' : '';
  const unasked = issued.flatMap(({ client, ignored = [] }) =>
    ignored.length === 0
      ? []
      : [`ca: ${client}: the request asked for more than was granted: ${ignored.join(', ')}`],
  );
  return [
    ...firstOf(
      issued,
      ({ client, notAfter, files }) =>
        `${would}issued a certificate to ${client}, until ${dayAndDistance(notAfter, view.now)}${files.directory === undefined ? '' : `, in ${files.directory}`}`,
    ).map(news),
    ...firstOf(delivered, ({ client, serial }) => `${would}delivered ${serial} to ${client}`).map(news),
    ...firstOf(skipped, ({ client, why }) => `left ${client} as it is: ${why}`).map(news),
    ...firstOf(unasked, (text) => text).map(warning),
    ...failureLines(failed),
    news(
      view.style.bold(
        `${would}issued ${counted(issued.length, 'certificate')}, delivered ${delivered.length} of an earlier run, skipped ${skipped.length}, failed ${failed.length}`,
      ),
    ),
    ...(failed.length > 0 ? [note('run the same command again: only what is missing is done')] : []),
    ...(view.dryRun ? [note('nothing was done')] : []),
  ];
}

function failureLines(failed: readonly Failure[]): readonly Line[] {
  const lines = failed
    .slice(0, shownItems)
    .flatMap(({ client, message, hint }) => [
      warning(`ca: ${client === undefined ? '' : `${client}: `}${printable(message)}`),
      ...(hint === undefined ? [] : [warning(`  hint: ${printable(hint)}`)]),
    ]);
  const more = failed.length - shownItems;
  return more > 0 ? [...lines, warning(`ca: and ${more} more failed, which --json names`)] : lines;
}
