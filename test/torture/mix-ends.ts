import type { RoundPlan, Step } from './mix-plan.ts';
import type { ProcessRun } from './processes.ts';

/** Refusals that races between processes explain, in any round. */
const raceCodes = [
  'authority/client-exists',
  'authority/client-revoked',
  'authority/key-barred',
  'core/invalid-list',
  'ledger/unknown-client',
  'ledger/unknown-serial',
  'store/changed',
];

/** Why a process may not end like that: without a signal of ours, in a crash, or with a refusal that nothing explains. */
export function endFaults(plan: RoundPlan, step: Step, run: ProcessRun): string[] {
  const { exitCode, stdout, stderr } = run;
  const { trouble } = step;
  const { theme } = plan;
  const said = `exited ${exitCode}: ${stdout}${stderr}`;
  const mayDie = trouble?.kind === 'SIGKILL' || trouble?.kind === 'kill';
  if (exitCode === null) return mayDie ? [] : ['died without a signal of ours'];
  if (exitCode === 0) return [];
  if ((exitCode !== 1 && exitCode !== 3) || !stdout.endsWith('}\n')) return [said];
  const { error, failed = [], pem } = JSON.parse(stdout);
  // A certificate was printed before that could be recorded: what failed then is told on standard error.
  if (pem && (theme === 'full' || trouble) && stderr.includes('hint: certificate')) return [];
  const failures: { code?: string; hint?: string }[] = [
    ...(error ? [error, ...(error.faults ?? [])] : []),
    ...failed,
  ];
  // Findings of `status`, `show` and `ledger verify`, and a CRL's note, are judged once all is repaired.
  if (exitCode === 3 && failures.length === 0) return [said];
  const allowed = allowedCodes(plan, step);
  return failures.every(({ code = '', hint }) => hint && allowed.includes(code)) ? [] : [said];
}

function allowedCodes({ theme, clocksJump }: RoundPlan, { trouble }: Step): string[] {
  return [
    ...raceCodes,
    ...(theme === 'full' || trouble?.kind === 'ENOSPC' ? ['store/disk-full'] : []),
    ...(trouble?.kind === 'EIO' ? ['store/io'] : []),
    ...(clocksJump ? ['ledger/clock-behind'] : []),
  ];
}
