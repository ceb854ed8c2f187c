import type { BackupKey, BackupResult } from '../../authority/backup.ts';
import { type Line, news, note, type View, warning } from '../report.ts';
import { counted } from './relative-time.ts';
import { shellWord } from './shell-word.ts';
import { renderFacts } from './table.ts';

/** What is in the backup and what is not, and how to try it. */
export function renderBackup(
  result: BackupResult,
  view: View & { readonly dryRun: boolean },
): readonly Line[] {
  const { file, authority, encrypted, octets, head, files, keys, deliveries, elsewhere } = result;
  const facts = renderFacts(
    [
      ['file', file],
      [
        'size',
        octets === undefined
          ? undefined
          : `${octets.toLocaleString('en-US')} octets in ${counted(files, 'file')}`,
      ],
      ['encrypted', encrypted ? 'yes, in the age format' : 'no, a plain tar'],
      ['ledger', `${head.seq} entries, head ${head.hash}`],
      ['keys', keys.map(describeKey).join(', ')],
      ['deliveries', `of ${counted(deliveries, 'client')}, with their keys`],
      [
        'not in it',
        elsewhere === 0 ? undefined : `files of ${counted(elsewhere, 'client')} that went elsewhere (--out)`,
      ],
    ],
    '  ',
  );
  const what = `the authority "${authority.name}"`;
  if (view.dryRun) return [news(`would back up ${what}`), ...facts.map(news), note('nothing was done')];
  return [
    news(view.style.bold(`backed up ${what}`)),
    ...facts.map(news),
    ...openKeys(result),
    note(`try it: ca restore --check ${shellWord(file)}`),
  ];
}

/** How a CA key is in a backup, in words. */
export function describeKey({ issuer, state }: BackupKey): string {
  return `${issuer} ${{ encrypted: 'encrypted', plain: 'NOT encrypted', absent: 'not in it' }[state]}`;
}

function openKeys({ encrypted, keys, deliveries }: BackupResult): Line[] {
  if (encrypted) return [];
  const ca = keys.some(({ state }) => state === 'plain') ? ['a CA key that is not encrypted'] : [];
  const secrets = [...ca, ...(deliveries > 0 ? ["clients' keys"] : [])];
  if (secrets.length === 0) return [];
  return [
    warning(
      `the file is not encrypted and holds ${secrets.join(' and ')}: keep it as secret as them, or use --encrypt`,
    ),
  ];
}
