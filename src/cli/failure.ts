import { CommanderError } from 'commander';
import { CaError, type LineFault } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import type { World } from './context.ts';
import { Interrupted } from './prompt.ts';
import { encodeJson } from './report.ts';

/** Where a run was when it failed. */
export interface RunState {
  /** The command that was named, as typed: `ca ledger`. */
  command: string;
  /** True once the command line was understood and the command itself runs. */
  acting: boolean;
  /** True once its result is on stdout. */
  answered: boolean;
}

/** The exit code of every run: what each number means is in the README. */
export function exitCode(
  outcome: 'yes' | 'no' | { readonly error: unknown; readonly state: RunState },
): number {
  if (outcome === 'yes') return 0;
  if (outcome === 'no') return 1;
  const { error, state } = outcome;
  if (error instanceof Interrupted) return 130;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof CaError)) return 70;
  // A value that does not parse is a wrong command line; the same fault inside a file is not.
  const isTyped = !state.acting && error.code.startsWith('core/');
  return isTyped || usageCodes.has(error.code) ? 2 : 3;
}

const usageCodes: ReadonlySet<string> = new Set(['cli/usage', 'cli/no-terminal']);

/** Says what failed and what to do: on stderr, or with `--json` as one document on stdout. */
export function reportFailure(error: unknown, state: RunState, json: boolean, world: World): void {
  if (error instanceof Interrupted) return;
  if (error instanceof CommanderError && error.exitCode === 0) return;
  const failure = describe(error, state);
  if (json) world.stdout.write(encodeJson({ error: failure }));
  // commander has shown the help already when no command was named.
  else if (!(error instanceof CommanderError && error.code === 'commander.help')) {
    world.stderr.write(`ca: ${failure.message}\n${faultLines(failure.faults ?? []).join('')}`);
    if (failure.hint !== undefined) world.stderr.write(`  hint: ${failure.hint}\n`);
  }
  if (failure.code === 'bug') world.stderr.write(bugReport(error, world));
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly faults?: readonly LineFault[];
}

/** How many bad lines of a list a person is shown. */
const shownFaults = 20;

/** A line for each fault, and one for its hint unless that is the same again. */
function faultLines(faults: readonly LineFault[]): readonly string[] {
  const lines = faults
    .slice(0, shownFaults)
    .flatMap(({ line, name, message, hint }, index) => [
      `  line ${line}${name === undefined ? '' : ` (${name})`}: ${message}\n`,
      ...(hint === undefined || hint === faults[index + 1]?.hint ? [] : [`    hint: ${hint}\n`]),
    ]);
  const more = faults.length - shownFaults;
  return more > 0 ? [...lines, `  and ${more} more, which --json names\n`] : lines;
}

function describe(error: unknown, { command }: RunState): Failure {
  if (error instanceof CaError) {
    const { code, hint, faults } = error;
    return {
      code,
      message: printable(error.message),
      ...(hint === undefined ? {} : { hint: printable(hint) }),
      ...(faults.length === 0 ? {} : { faults: faults.map(printableFault) }),
    };
  }
  if (error instanceof CommanderError) {
    if (error.code === 'commander.help') {
      return { code: 'cli/usage', message: 'no command was given', hint: `see: ${command} --help` };
    }
    const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
    const didYouMean = suggestion ? `${suggestion.replace(/^\(D(.*)\?\)$/, 'd$1?')} ` : '';
    return {
      code: 'cli/usage',
      message: printable(message.replace(/\.$/, '')),
      hint: printable(`${didYouMean}see: ${command} --help`),
    };
  }
  return {
    code: 'bug',
    message: `internal error: ${printable(error instanceof Error ? error.message : String(error))}`,
  };
}

function printableFault({ line, name, code, message, hint }: LineFault): LineFault {
  return {
    line,
    ...(name === undefined ? {} : { name: printable(name) }),
    code,
    message: printable(message),
    ...(hint === undefined ? {} : { hint: printable(hint) }),
  };
}

function bugReport(error: unknown, { version, runtime }: World): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const lines = stack.split('\n').map((line) => `  ${printable(line)}\n`);
  return `${lines.join('')}  this is a bug in private-ca ${version} (${runtime})
  hint: please report it, with the lines above and the command that you ran
`;
}
