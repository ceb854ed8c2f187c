import type { DrillResult } from '../../authority/restore.ts';
import type { VerifyResult } from '../../authority/verify.ts';
import type { Style } from '../style.ts';
import { renderTable } from './table.ts';

/** Checks, a line each, with what they found. */
export function renderChecks(
  checks: VerifyResult['checks'] | DrillResult['checks'],
  style: Style,
): readonly string[] {
  return renderTable(
    checks.map(({ check, ok, detail }) => [
      { text: ok ? '  ok' : '  NO', decorate: ok ? style.green : style.red },
      check,
      detail,
    ]),
  );
}
