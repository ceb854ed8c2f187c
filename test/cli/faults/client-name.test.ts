import { describe, expect, it } from 'vitest';
import { FaultField } from '../../support/fault-field.ts';

const field = FaultField.withAuthority('--no-passphrase');
field.do('issue', 'jörg');
field.do('issue', 'billing');

describe('a client name that is refused', () => {
  it.each([
    ['a path out of the directory', '../x', '"../x" holds "/"'],
    ['a path to a system file', '../../etc/passwd', '"../../etc/passwd" holds "/"'],
    ['an absolute path', '/etc/passwd', '"/etc/passwd" holds "/"'],
    ['a directory in it', 'a/b', '"a/b" holds "/"'],
    ['a backslash', 'a\\b', '"a\\b" holds "\\\\"'],
    ['nothing', '', '"" is empty'],
    ['300 characters', 'x'.repeat(300), `"${'x'.repeat(80)}…" has 300 characters > 64 allowed`],
    ['a newline', 'a\nb', '"a\\u{a}b" holds the character U+000A'],
    ['a NUL-like control character', 'a\u0001b', '"a\\u{1}b" holds the character U+0001'],
    ['an ANSI escape', '\u001b[31mred\u001b[0m', '"\\u{1b}[31mred\\u{1b}[0m" holds the character U+001B'],
    ['a C1 escape', 'a\u009b31m', '"a\\u{9b}31m" holds the character U+009B'],
    ['a right-to-left override', 'a\u202egnp', '"a\\u{202e}gnp" holds the character U+202E'],
    ['an invisible space', 'bill\u200bing', '"bill\\u{200b}ing" holds the character U+200B'],
    ['a space', 'a b', '"a b" holds the character U+0020'],
    ['a shell command', '$(id)', '"$(id)" holds "$"'],
    ['a hidden file', '.profile', '".profile" does not start with a letter or digit'],
    ['two dots', 'a..b', '"a..b" holds two dots in a row'],
    ['a Windows device', 'con', '"con" is a device name on Windows'],
    ['another Unicode form', 'jo\u0308rg', '"jo\u0308rg" is not in Unicode form NFC (write "jörg")'],
  ])('%s', (_what, name, fault) => {
    expect(field.refusal(['issue', '--', name])).toBe(
      `exit 2, core/invalid-client-name\nclient name ${fault}\n` +
        'hint: use 1 to 64 letters, digits and . _ - @ + inside, for example: acme-billing',
    );
  });

  it('differs from another in case alone', () => {
    expect(field.refusal(['issue', 'Billing'])).toMatchInlineSnapshot(`
      "exit 3, authority/client-name-collision
      client name "Billing" differs from "billing" in case or Unicode form alone
      hint: use "billing" if it is the same client, and another name if not"
    `);
  });

  it('differs from another in case alone, beyond ASCII', () => {
    expect(field.refusal(['issue', 'JÖRG'])).toMatchInlineSnapshot(`
      "exit 3, authority/client-name-collision
      client name "JÖRG" differs from "jörg" in case or Unicode form alone
      hint: use "jörg" if it is the same client, and another name if not"
    `);
  });

  it('would take the place of the root certificate', () => {
    expect(field.refusal(['issue', 'ca'])).toMatchInlineSnapshot(`
      "exit 3, core/invalid-client-name
      client name "ca" would make ca.crt, which is the root
      hint: use another name, for example: ca-client"
    `);
  });

  it('looks like an option', () => {
    expect(field.refusal(['issue', '--', '--help'])).toMatchInlineSnapshot(`
      "exit 2, core/invalid-client-name
      client name "--help" does not start with a letter or digit
      hint: use 1 to 64 letters, digits and . _ - @ + inside, for example: acme-billing"
    `);
  });

  it('is taken by a client that has a certificate', () => {
    expect(field.refusal(['issue', 'billing'])).toMatchInlineSnapshot(`
      "exit 3, authority/client-exists
      billing has a certificate until <day>: <serial>
      hint: for a further one: ca issue billing --again; to replace it before its time: ca renew billing --force"
    `);
  });

  it.each(['show', 'revoke', 'verify', 'export --format pem', 'renew'])(
    "is nobody's, or a path: ca %s",
    (command) => {
      for (const name of ['../../etc/passwd-', 'nobody', '\u001b[31m']) {
        const said = field.refusal([...command.split(' '), '--', name]);
        expect(said).toMatch(/^exit [23], (ledger\/unknown|core\/invalid-|store\/not-found|x509\/malformed)/);
        expect(said).not.toContain('\u001b');
      }
    },
  );

  it('stays harmless on a terminal wherever it is shown', () => {
    for (const args of [
      ['list', '--client'],
      ['issue'],
      ['show'],
      ['revoke'],
      ['renew'],
      ['export', '--format'],
    ]) {
      const { stdout, stderr } = field.run([...args, '\u001b]0;owned\u0007']);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
  });
});
