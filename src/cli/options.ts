import { type Command, InvalidArgumentError, Option } from 'commander';
import { CaError } from '../core/ca-error.ts';
import { parseDuration } from '../core/duration.ts';
import { parseSan, type San, type SanType } from '../core/san.ts';

/** A parser of one option for many values: repeated, or separated by commas. */
export function many<T>(
  parse: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [...before, ...text.split(',').map((part) => parse(part))];
}

/** Like {@link many} for URIs, which may hold a comma themselves: the next one starts with its scheme. */
export function manyUris<T>(
  parse: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [
    ...before,
    ...text.split(/,(?=[a-z][a-z0-9+.-]*:)/i).map((part) => parse(part)),
  ];
}

/** A parser of subject alternative names of that type. */
export function manySans(
  type: SanType,
): (text: string, before: readonly San[] | undefined) => readonly San[] {
  return (type === 'uri' ? manyUris : many)((text) => parseSan(type, text));
}

/** The text of a duration, which is kept as it was written. Throws `core/invalid-duration`. */
export function durationText(text: string): string {
  parseDuration(text);
  return text.trim();
}

/** The path of a file or directory as it was typed. The empty one would mean the current directory: refused. */
export function path(text: string): string {
  return visible(text);
}

/** The paths of one option for many files, repeated or one after the other; a comma may be part of a path. */
export function manyPaths(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, path(text)];
}

/** Text that is not blank, such as what `"$UNSET"` gives. */
export function visible(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

/** The refusal of a command line whose parts do not go together. */
export function usage(message: string, hint: string): CaError {
  return new CaError('cli/usage', message, { hint });
}

/** Adds the option that every command has which signs. */
export function addPassphraseOption(command: Command): Command {
  return command.option(
    '--passphrase-file <file>',
    'file with the passphrase of the CA key (else CA_PASSPHRASE_FILE, $CREDENTIALS_DIRECTORY/ca-passphrase, CA_PASSPHRASE, or a prompt)',
    path,
  );
}

/** Adds `--dry-run`. */
export function addDryRunOption(command: Command): Command {
  return command.option('--dry-run', 'say what would happen, and do nothing');
}

/** An option with a few words to choose from; with `parse`, which then refuses the others and may take other spellings. */
export function choice(
  flags: string,
  about: string,
  values: readonly string[],
  parse?: (text: string) => unknown,
): Option {
  const option = new Option(flags, about).choices(values);
  return parse ? option.argParser(parse) : option;
}

/** Adds examples to a command's help. */
export function addExamples(command: Command, ...examples: readonly (readonly [string, string])[]): Command {
  const lines = examples.map(([line, about]) => `  # ${about}\n  $ ${line}\n`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('')}`);
}
