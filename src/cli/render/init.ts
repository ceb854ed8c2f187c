import type { InitResult } from '../../authority/init.ts';
import { formatDay } from '../../core/instant.ts';
import { type Line, news, note, type View, warning } from '../report.ts';
import { relativeTime } from './relative-time.ts';
import { shellWord } from './shell-word.ts';
import { renderFacts } from './table.ts';

interface InitView extends View {
  readonly dryRun: boolean;
  /** True if the home came as `--home`. */
  readonly homeNamed: boolean;
  readonly twoTier: boolean;
  readonly encrypted: boolean;
}

/** What was made, and what to do next. */
export function renderInit(
  { home, authority, files, warnings = [] }: InitResult,
  view: InitView,
): readonly Line[] {
  const facts = renderFacts(
    [
      ['home', home],
      ['valid until', `${formatDay(authority.notAfter)} (${relativeTime(authority.notAfter, view.now)})`],
      ['fingerprint', authority.fingerprint],
      ['give to servers', files.certificate],
      ['and to servers', files.chain],
      ['revocation list', files.crlPem],
      ["the root's", files.rootCrlPem],
      ['both in one', files.crlBundle],
    ],
    '  ',
  );
  const what = `the authority "${authority.name}"`;
  const warned = warnings.map((text) => warning(`ca: ${text}`));
  if (view.dryRun)
    return [news(`would make ${what}`), ...facts.map(news), ...warned, note('nothing was done')];
  return [
    news(view.style.bold(`made ${what}`)),
    ...facts.map(news),
    ...warned,
    note(''),
    note('next:'),
    ...nextSteps(home, view).map((step) => note(`  ${step}`)),
  ];
}

function nextSteps(home: string, { homeNamed, twoTier, encrypted }: InitView): readonly string[] {
  const where = homeNamed ? ` --home ${shellWord(home)}` : '';
  const passphrase = encrypted ? ' --passphrase-file FILE' : '';
  return [
    `give a client a certificate     ca issue billing${where}`,
    `renew by cron, and never think  17 3 * * * ca renew --quiet --jitter 10m --home ${shellWord(home)}${passphrase}`,
    `back up, keys and record        ca backup FILE --encrypt${where}`,
    ...(twoTier ? [`take the root key offline       move ${home}/keys/root.key to another medium`] : []),
    ...(encrypted ? [] : [`the CA key is not encrypted     ca passphrase${where} changes that`]),
  ];
}
