import type { VerifyResult } from '../../authority/verify.ts';
import type { Line, View } from '../report.ts';
import { renderTable } from './table.ts';

/** The answer, then each check as a line. */
export function renderVerify(
  { valid, serial, subject, checks }: VerifyResult,
  { style }: View,
): readonly Line[] {
  const answer = valid ? style.green('yes') : style.red('no');
  return [
    `${answer}, a server would ${valid ? 'accept' : 'refuse'} ${serial} (${subject})`,
    ...renderTable(
      checks.map(({ check, ok, detail }) => [
        { text: ok ? '  ok' : '  NO', decorate: ok ? style.green : style.red },
        check,
        detail,
      ]),
    ),
  ];
}
