import { CaError } from '../core/ca-error.ts';

/** The terminal that a person types at. */
export interface Keyboard {
  /** True if somebody can be asked: input and messages both are on a terminal. */
  readonly isTerminal: boolean;
  /** Takes the terminal until `close`: keys come as they are typed and are not echoed. */
  open(): Keys;
}

interface Keys {
  /** Shows text on the terminal. */
  write(text: string): void;
  /** The next keys, as text; undefined at the end of input. */
  read(): Promise<string | undefined>;
  close(): void;
}

/** Thrown when a person presses Ctrl-C at a prompt. */
export class Interrupted extends Error {}

/** The shortest passphrase that is taken for a new key, in characters. */
export const minPassphraseLength = 8;

/** A line that is not echoed. Throws {@link Interrupted}, and `cli/declined` at the end of input. */
export function askSecret(keyboard: Keyboard, question: string): Promise<string> {
  return withKeys(keyboard, (keys) => readLine(keys, `${question}: `, false));
}

/** A new secret, asked for until it is long enough and typed alike twice. */
export function askNewSecret(keyboard: Keyboard, question: string): Promise<string> {
  return withKeys(keyboard, async (keys) => {
    for (;;) {
      const secret = await readLine(keys, `${question}: `, false);
      if ([...secret].length < minPassphraseLength) {
        keys.write(`It has ${[...secret].length} characters; at least ${minPassphraseLength} are needed.\n`);
      } else if ((await readLine(keys, 'The same again: ', false)) === secret) {
        return secret;
      } else {
        keys.write('The two differ; once more.\n');
      }
    }
  });
}

/** True if a person answers the question with yes; anything else is no. */
export async function confirm(keyboard: Keyboard, question: string): Promise<boolean> {
  const answer = await withKeys(keyboard, (keys) => readLine(keys, `${question} [y/N] `, true));
  return /^y(es)?$/i.test(answer.trim());
}

/** The keys of one terminal session; what was typed ahead of one question answers the next. */
interface LineKeys extends Keys {
  ahead: string;
}

async function withKeys<T>(keyboard: Keyboard, work: (keys: LineKeys) => Promise<T>): Promise<T> {
  const keys = keyboard.open();
  try {
    return await work({
      ahead: '',
      write: (text) => keys.write(text),
      read: () => keys.read(),
      close: () => keys.close(),
    });
  } finally {
    keys.close();
  }
}

async function readLine(keys: LineKeys, question: string, echo: boolean): Promise<string> {
  keys.write(question);
  const line: string[] = [];
  for (;;) {
    const typed = keys.ahead === '' ? await keys.read() : keys.ahead;
    keys.ahead = '';
    if (typed === undefined) throw endOfInput(keys);
    const characters = [...typed];
    for (const [index, character] of characters.entries()) {
      switch (character) {
        case '\r':
        case '\n':
          keys.ahead = characters.slice(index + 1).join('');
          keys.write('\n');
          return line.join('');
        case '\u0003': // Ctrl-C
          keys.write('\n');
          throw new Interrupted();
        case '\u0004': // Ctrl-D
          if (line.length === 0) throw endOfInput(keys);
          break;
        case '\u0015': // Ctrl-U
          if (echo) keys.write('\b \b'.repeat(line.length));
          line.length = 0;
          break;
        case '\u007f': // Backspace
        case '\b':
          if (line.pop() !== undefined && echo) keys.write('\b \b');
          break;
        default:
          // Arrow keys and the like start with ESC: a secret with an invisible character could not be typed again.
          if (character < ' ') break;
          line.push(character);
          if (echo) keys.write(character);
      }
    }
  }
}

function endOfInput(keys: Keys): CaError {
  keys.write('\n');
  return new CaError('cli/declined', 'no answer was given', { hint: 'nothing was done' });
}
