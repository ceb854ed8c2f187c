import { describe, expect, it } from 'vitest';
import { askNewSecret, askSecret, confirm, Interrupted, type Keyboard } from '../../../src/cli/prompt.ts';

/** A terminal at which these chunks are typed; `shown` is what it shows, `open` whether it is taken. */
function typing(...chunks: readonly string[]): Keyboard & { shown: string; isOpen: boolean } {
  const rest = [...chunks];
  const terminal = {
    isTerminal: true,
    shown: '',
    isOpen: false,
    open() {
      terminal.isOpen = true;
      return {
        write(text: string) {
          terminal.shown += text;
        },
        read: async () => rest.shift(),
        close() {
          terminal.isOpen = false;
        },
      };
    },
  };
  return terminal;
}

describe('a secret', () => {
  it('is what was typed up to Enter, and is not shown', async () => {
    const terminal = typing('correct', ' horse', '\r');
    expect(await askSecret(terminal, 'Passphrase')).toBe('correct horse');
    expect(terminal.shown).toBe('Passphrase: \n');
    expect(terminal.isOpen).toBe(false);
  });

  it('can be corrected with Backspace and Ctrl-U', async () => {
    expect(await askSecret(typing('wrong\u0015hörz\u007fse\n'), 'Passphrase')).toBe('hörse');
  });

  it('takes no characters that nobody could type again, such as arrow keys', async () => {
    expect(await askSecret(typing('a\u0000b\u0007c\r'), 'Passphrase')).toBe('abc');
  });

  it('is not given when Ctrl-C is pressed, and the terminal is as before', async () => {
    const terminal = typing('secr\u0003');
    await expect(askSecret(terminal, 'Passphrase')).rejects.toThrow(Interrupted);
    expect(terminal.isOpen).toBe(false);
  });

  it.each([['\u0004'], []])('is refused at the end of input', async (...chunks) => {
    await expect(askSecret(typing(...chunks), 'Passphrase')).rejects.toMatchObject({ code: 'cli/declined' });
  });
});

describe('a new secret', () => {
  it('is typed twice, and may be pasted in one piece', async () => {
    expect(await askNewSecret(typing('correct horse\rcorrect horse\r'), 'New')).toBe('correct horse');
  });

  it('is asked for again while it is short or the two differ', async () => {
    const terminal = typing(
      'short\r',
      'correct horse\r',
      'correct house\r',
      'long enough\r',
      'long enough\r',
    );
    expect(await askNewSecret(terminal, 'New')).toBe('long enough');
    expect(terminal.shown).toMatchInlineSnapshot(`
      "New: 
      It has 5 characters; at least 8 are needed.
      New: 
      The same again: 
      The two differ; once more.
      New: 
      The same again: 
      "
    `);
  });
});

describe('a question', () => {
  it.each([
    ['y\r', true],
    ['YES\r', true],
    ['\r', false],
    ['n\r', false],
    ['yesterday\r', false],
  ])('answered with %j is %s', async (keys, answer) => {
    expect(await confirm(typing(keys), 'Sure?')).toBe(answer);
  });

  it('shows what is typed', async () => {
    const terminal = typing('yx\u007f\r');
    expect(await confirm(terminal, 'Sure?')).toBe(true);
    expect(terminal.shown).toBe('Sure? [y/N] yx\b \b\n');
  });
});
