import type { Command, Option } from 'commander';

/** A word that may follow, and what it means. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** Where a half-typed command line stands. */
export interface Position {
  readonly command: Command;
  /** The option whose value is being typed. */
  readonly option: Option | undefined;
  /** How many arguments stand before. */
  readonly operands: number;
  /** The word being typed, perhaps empty. */
  readonly current: string;
  /** The value of `--home` among the words. */
  readonly home: string | undefined;
}

/** The position after these words, of which the last is being typed. */
export function findPosition(program: Command, words: readonly string[]): Position {
  // bash makes three words of --key=p256.
  const whole = words.filter((word) => word !== '=');
  let command = program;
  let option: Option | undefined;
  let operands = 0;
  let home: string | undefined;
  for (const word of whole.slice(0, -1)) {
    if (option) {
      if (option.long === '--home') home = word;
      option = undefined;
    } else if (word.startsWith('-')) {
      option = optionsOf(command).find(
        ({ long, short, required }) => required && (long === word || short === word),
      );
    } else {
      const child = operands === 0 ? command.commands.find((each) => each.name() === word) : undefined;
      if (child) command = child;
      else operands++;
    }
  }
  return { command, option, operands, current: whole.at(-1) ?? '', home };
}

/** True if a client's name may stand there. */
export function wantsClient({ command, option, operands, current }: Position): boolean {
  if (option) return option.long === '--client';
  return !current.startsWith('-') && (argumentAt(command, operands)?.name().includes('client') ?? false);
}

/** The words that may stand at that position and begin as what is typed; none where a file or anything may stand. */
export function findCandidates(position: Position, clients: readonly string[]): readonly Candidate[] {
  return allCandidates(position, clients).filter(({ word }) => word.startsWith(position.current));
}

function allCandidates(position: Position, clients: readonly string[]): readonly Candidate[] {
  const { command, option, operands, current } = position;
  if (wantsClient(position)) return clients.map((word) => ({ word, about: 'client' }));
  if (option) return plainWords(option.argChoices ?? []);
  if (current.startsWith('-')) {
    return optionsOf(command).flatMap(({ long, hidden, description }) =>
      long === undefined || hidden ? [] : [{ word: long, about: description }],
    );
  }
  const children = operands === 0 ? command.createHelp().visibleCommands(command) : [];
  if (children.length > 0)
    return children.map((each) => ({ word: each.name(), about: each.summary() || each.description() }));
  return plainWords(argumentAt(command, operands)?.argChoices ?? []);
}

function plainWords(words: readonly string[]): readonly Candidate[] {
  return words.map((word) => ({ word, about: '' }));
}

function optionsOf(command: Command): readonly Option[] {
  const above = command.parent ? optionsOf(command.parent) : [];
  return [...command.options, ...above];
}

function argumentAt(command: Command, index: number) {
  const last = command.registeredArguments.at(-1);
  return command.registeredArguments[index] ?? (last?.variadic ? last : undefined);
}
