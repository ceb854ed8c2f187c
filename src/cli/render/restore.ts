import type { DrillResult, RestoreResult } from '../../authority/restore.ts';
import { formatInstant } from '../../core/instant.ts';
import { type Line, news, note, type View, warning } from '../report.ts';
import { describeKey } from './backup.ts';
import { renderChecks } from './checks.ts';
import { counted, relativeTime } from './relative-time.ts';
import { shellWord } from './shell-word.ts';
import { renderFacts } from './table.ts';

/** Whether the backup would do, then each check as a line. */
export function renderDrill(
  { valid, authority, createdAt, checks, deliveries = 0 }: DrillResult,
  { style, now }: View,
): readonly Line[] {
  const answer = valid ? style.green('yes') : style.red('no');
  const name = authority ? ` "${authority.name}"` : '';
  const verb = valid ? 'can' : 'cannot';
  return [
    `${answer}, the authority${name} ${verb} be restored from it and work`,
    ...renderChecks(checks, style),
    ...(createdAt
      ? [
          note(
            `made ${relativeTime(createdAt, now)}, with the deliveries of ${counted(deliveries, 'client')}; nothing was written`,
          ),
        ]
      : []),
  ];
}

/** What is there again, and what the backup cannot know. */
export function renderRestore(
  { home, createdAt, authority, head, keys, deliveries, warnings = [] }: RestoreResult,
  view: View & { readonly dryRun: boolean; readonly homeNamed: boolean },
): readonly Line[] {
  const facts = renderFacts(
    [
      ['home', home],
      ['fingerprint', authority.fingerprint],
      ['as of', `${formatInstant(createdAt)} (${relativeTime(createdAt, view.now)})`],
      ['ledger', `${head.seq} entries, head ${head.hash}`],
      ['keys', keys.map(describeKey).join(', ')],
      ['deliveries', `of ${counted(deliveries, 'client')}`],
    ],
    '  ',
  );
  const what = `the authority "${authority.name}"`;
  if (view.dryRun) return [news(`would restore ${what}`), ...facts.map(news), note('nothing was done')];
  const where = view.homeNamed ? ` --home ${shellWord(home)}` : '';
  return [
    news(view.style.bold(`restored ${what}`)),
    ...facts.map(news),
    ...warnings.map((text) => warning(text)),
    note(''),
    note('next, for what happened after the backup:'),
    note(
      `  keep what was revoked since then   put the newest ca.crl that a server has in ${home}/crl/ca.crl`,
    ),
    note(`  publish a list of today            ca crl${where}`),
    note(`  take certificates back in          ca ledger adopt FILE${where}`),
    note('  never run the old one again        two copies of one authority know nothing of each other'),
  ];
}
