import { existsSync } from 'node:fs';
import type { CliRun } from '../support/run-cli.ts';
import type { Checker } from './independent-checker.ts';
import type { MixPlace } from './mix-place.ts';
import type { RoundPlan } from './mix-plan.ts';
import { forgetIndex } from './record-place.ts';
import { foldStatuses, readBook } from './record-reader.ts';

/** Tells the checker what a process has promised in its JSON, whether it then died or not; gives what it printed in vain. */
export function collectPromises({ stdout }: CliRun, checker: Checker): string[] {
  let result: Readonly<Record<string, unknown>>;
  try {
    result = JSON.parse(stdout);
  } catch {
    // Cut off, or never begun: it has promised nothing. A certificate in it is recorded all the same.
    return checker.printedFaults(stdout.replaceAll('\\n', '\n'));
  }
  const serialsIn = (key: string) => {
    const list = result[key];
    return Array.isArray(list) ? list.flatMap((each) => (each.files === undefined ? [] : [each.serial])) : [];
  };
  checker.acknowledgeIssued(['issued', 'renewed', 'delivered'].flatMap(serialsIn));
  // That it was delivered is recorded after it was printed: all that is promised then is that it is on record.
  if (result['pem'] === undefined && result['files'] !== undefined && typeof result['serial'] === 'string')
    checker.acknowledgeIssued([result['serial']]);
  for (const key of ['revoked', 'already']) {
    const list = result[key];
    if (Array.isArray(list)) checker.acknowledgeRevoked(list.map(({ serial }) => serial));
  }
  return checker.printedFaults(stdout.replaceAll('\\n', '\n'));
}

/**
 * What must hold after a round, once nothing goes wrong any more: the next commands repair everything, lists can be run
 * again, backups can be restored, and the program's answers are those of the independent reader.
 */
export function auditFaults(plan: RoundPlan, place: MixPlace, checker: Checker): string[] {
  const faults: string[] = [];
  const expectDone = ({ exitCode, stdout, stderr }: CliRun, what: string) => {
    if (exitCode !== 0) faults.push(`${what} exited ${exitCode}: ${stdout}${stderr}`);
  };
  expectDone(place.run('renew'), 'renew');
  // The root's key may be in a safe: `renew` does not ask for it, and `status` says that this is to be run.
  if (touchesRoot(plan)) expectDone(place.run('crl', '--root'), 'crl --root');
  faults.push(...[...checker.faults(), ...checker.repairFaults()].map((fault) => `repaired: ${fault}`));
  const steps = plan.lanes.flat();
  const list = steps.map(({ words }) => words.at(-1)).find((word) => word?.startsWith('LIST:'));
  if (list !== undefined) {
    const again = place.run('issue', '--from', list);
    if (!isRefusedForRevoked(again)) expectDone(again, `issue --from ${list} again`);
  }
  expectDone(place.run('crl'), 'crl');
  faults.push(...[...checker.faults(), ...checker.repairFaults()].map((fault) => `at the end: ${fault}`));
  expectDone(place.run('ledger', 'verify'), 'ledger verify');
  faults.push(...statusFaults(plan, place.run('status')), ...indexFaults(place));
  // Last, for what comes back delivers to where the clients' files are.
  return [...faults, ...backupFaults(plan, place)];
}

/** Whom somebody has cut off stands in the list: it is refused whole, and rightly so. */
function isRefusedForRevoked({ exitCode, stdout }: CliRun): boolean {
  if (exitCode !== 3) return false;
  const faults: readonly { code: string }[] = JSON.parse(stdout).error.faults ?? [];
  return faults.length > 0 && faults.every(({ code }) => code === 'authority/client-revoked');
}

/** Each backup, made while others wrote or had died, comes back as an authority that the next command repairs. */
function backupFaults(plan: RoundPlan, place: MixPlace): string[] {
  const made = plan.lanes
    .flat()
    .flatMap(({ words: [command, word = ''] }) => (command === 'backup' ? [word] : []))
    .filter((word) => existsSync(place.meaningOf(word)));
  const root = touchesRoot(plan) ? [['crl', '--root']] : [];
  return made.flatMap((word) =>
    [['restore', word], ['renew'], ...root, ['ledger', 'verify']].flatMap((words) => {
      const { exitCode, stdout, stderr } = place.runOn(`${place.meaningOf(word)}.restored`, ...words);
      return exitCode === 0 ? [] : [`${words.join(' ')} of ${word} exited ${exitCode}: ${stdout}${stderr}`];
    }),
  );
}

function touchesRoot({ lanes }: RoundPlan): boolean {
  return lanes.flat().some(({ words }) => words.includes('--root'));
}

/** After a repair the program itself must be content, too, if its clock was right all the time. */
function statusFaults({ clocksJump }: RoundPlan, { exitCode, stdout }: CliRun): string[] {
  if (exitCode !== 0 && exitCode !== 1) return [`status exited ${exitCode}: ${stdout}`];
  const { problems }: { problems: readonly string[] } = JSON.parse(stdout);
  if (clocksJump) return [];
  // What was to be printed and was not is lost; status says how to come by another one.
  return problems
    .filter((problem) => !/^printed-.* ca issue printed-.* --again/.test(problem))
    .map((problem) => `status after the repair: ${problem}`);
}

/** With the index, without it, and by the independent fold: each certificate has one status. */
function indexFaults(place: MixPlace): string[] {
  const read = () =>
    (JSON.parse(place.run('list').stdout) as { serial: string; client: string; status: string }[])
      .map(({ serial, client, status }) => `${serial} of ${client} is ${status}`)
      .sort();
  const withIndex = read();
  forgetIndex(place.home);
  const rebuilt = read();
  const folded = foldStatuses(readBook(place.home), new Date());
  return [
    ...differences('the index', withIndex, folded),
    ...differences('the index made anew', rebuilt, folded),
  ];
}

function differences(who: string, actual: readonly string[], expected: readonly string[]): string[] {
  return [
    ...actual.filter((line) => !expected.includes(line)).map((line) => `${who} says: ${line}`),
    ...expected.filter((line) => !actual.includes(line)).map((line) => `${who} does not say: ${line}`),
  ];
}
