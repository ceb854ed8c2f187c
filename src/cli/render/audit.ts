import type { AuditResult } from '../../authority/ledger-audit.ts';
import { printable } from '../../core/printable.ts';
import type { Line, View } from '../report.ts';
import { counted } from './relative-time.ts';
import { renderFacts } from './table.ts';

/** What was checked, and each finding as a line. */
export function renderAudit(result: AuditResult, { style }: View): readonly Line[] {
  const { entries, certificates, revocations, head, heads, findings, notes = [] } = result;
  const proved = heads.filter(({ extended }) => extended).length;
  return [
    findings.length === 0
      ? wholeness(notes.length, style)
      : style.red(`the ledger is not whole: ${counted(findings.length, 'finding')}`),
    ...findings.map(({ code, message }) => `  ${printable(message)} (${code})`),
    ...notes.map((text) => `  ${style.yellow('note:')} ${printable(text)}`),
    ...renderFacts(
      [
        ['entries', `${entries}`],
        ['certificates', `${certificates}`],
        ['revocations', `${revocations}`],
        ['head', head === '' ? undefined : head],
        ['kept heads', heads.length === 0 ? undefined : `${proved} of ${heads.length} extended`],
      ],
      '  ',
    ),
  ];
}

function wholeness(notes: number, style: View['style']): string {
  if (notes === 0) return style.green('the ledger is whole');
  return style.yellow(`the ledger is whole, with ${counted(notes, 'note')}`);
}
