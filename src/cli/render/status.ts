import type { CertificateBrief, CrlStatus, StatusResult } from '../../authority/status.ts';
import { formatDay } from '../../core/instant.ts';
import { type Line, note, type View } from '../report.ts';
import { counted, dayAndDistance } from './relative-time.ts';
import { type Cell, renderFacts } from './table.ts';

/** The authority's health on a screen: what is wrong comes last, where the eye is. */
export function renderStatus(result: StatusResult, view: View): readonly Line[] {
  const { authority, counts, crl, rootCrl, problems, warnings } = result;
  const { style } = view;
  return [
    ...renderFacts([
      ['authority', { text: authority.name, decorate: style.bold }],
      ['home', result.home],
      ['ends', dayAndDistance(authority.notAfter, view.now)],
      ['clients', `${result.clients}`],
      [
        'certificates',
        `${counts.active} active, ${counts.superseded} superseded, ${counts.revoked} revoked, ${counts.expired} expired`,
      ],
      ['CRL', crl && crlCell(crl, view)],
      ["root's CRL", rootCrl && crlCell(rootCrl, view)],
      ['due now', briefs(result.due)],
      ['undelivered', briefs(result.undelivered)],
      ['expiring', histogram(result.expiringByWeek, view)],
    ]),
    ...warnings.map((text) => `${style.yellow('warning:')} ${text}`),
    ...problems.map((text) => `${style.red('problem:')} ${text}`),
    ...(problems.length === 0 ? [note(style.green('all is well'))] : []),
  ];
}

function crlCell({ number, nextUpdate, entries, state }: CrlStatus, { style, now }: View): Cell {
  const text = `${state}, until ${dayAndDistance(nextUpdate, now)}, ${entries} revoked, number ${number}`;
  return { text, decorate: state === 'fresh' ? style.green : style.red };
}

function briefs(certificates: readonly CertificateBrief[]): string {
  if (certificates.length === 0) return 'none';
  const shown = certificates.slice(0, 5).map(({ client, notAfter }) => `${client} (${formatDay(notAfter)})`);
  const more = certificates.length > 5 ? ` and ${certificates.length - 5} more` : '';
  return `${counted(certificates.length, 'certificate')}: ${shown.join(', ')}${more}`;
}

/** None, then shares of the most. */
const bars = '·▁▂▃▄▅▆▇█';

/** On a terminal, what expires in each of the next weeks as one line of bars. */
function histogram(weeks: readonly number[], { columns }: View): string | undefined {
  const most = Math.max(...weeks);
  if (columns === undefined || most === 0) return undefined;
  const line = weeks.map((count) => bars[Math.ceil((count / most) * (bars.length - 1))]).join('');
  return `${line}  next ${weeks.length} weeks, at most ${most} a week`;
}
