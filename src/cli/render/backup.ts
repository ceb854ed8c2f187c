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
  const { file, authority, encrypted, octets, head, files, keys, deliveries } = result;
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
      ['not in it', renderOmitted(result)],
    ],
    '  ',
  );
  const what = `the authority "${authority.name}"`;
  if (view.dryRun) return [news(`would back up ${what}`), ...facts.map(news), note('nothing was done')];
  return [
    news(view.style.bold(`backed up ${what}`)),
    ...facts.map(news),
    ...openKeys(result),
    ...[...(result.warnings ?? []), ...keysMissing(result)].map((text) => warning(text)),
    note(`try it: ca restore --check ${shellWord(file)}`),
  ];
}

function renderOmitted({ elsewhere, missing }: BackupResult): string | undefined {
  const gone = clientsWithout('files', missing);
  const omitted = [
    ...(elsewhere === 0 ? [] : [`files of ${counted(elsewhere, 'client')} that went elsewhere (--out)`]),
    ...(gone.length === 0 ? [] : [`files of ${named(gone)}: clients/ has them no more`]),
  ];
  return omitted.length === 0 ? undefined : omitted.join('; ');
}

function keysMissing({ missing }: BackupResult): readonly string[] {
  const clients = clientsWithout('key', missing);
  if (clients.length === 0) return [];
  return [`the key of ${named(clients)} is not in it: clients/ has no such file any more, or a link instead`];
}

function clientsWithout(
  what: BackupResult['missing'][number]['what'],
  missing: BackupResult['missing'],
): readonly string[] {
  return missing.filter((each) => each.what === what).map(({ client }) => client);
}

/** The first clients by name; `--json` has all. */
function named(clients: readonly string[]): string {
  const [shown, more] = [clients.slice(0, 3).join(', '), clients.length - 3];
  return more > 0 ? `${shown} and ${more} more` : shown;
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
