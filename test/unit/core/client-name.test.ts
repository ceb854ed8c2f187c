import { describe, expect, it } from 'vitest';
import { clientNameKey, parseClientName } from '../../../src/core/client-name.ts';
import { refusalOf } from '../../support/refusal.ts';

describe('parseClientName', () => {
  it.each([
    'billing',
    'acme-corp',
    'a',
    '7',
    'jörg.müller@example.com',
    'svc_1+eu',
    '顧客',
    'नमस्ते',
    'a'.repeat(64),
  ])('takes %j', (name) => {
    expect(parseClientName(name)).toBe(name);
  });

  it.each([
    ['a path upwards', '../x', 'holds "/"'],
    ['a path', 'a/b', 'holds "/"'],
    ['a Windows path', 'a\\b', 'holds "\\\\"'],
    ['nothing', '', 'is empty'],
    ['300 characters', 'x'.repeat(300), 'has 300 characters > 64 allowed'],
    ['many octets in few characters', '𠀀'.repeat(60), 'has 240 octets in UTF-8 > 200 allowed'],
    ['a dot alone', '.', 'does not start with a letter or digit'],
    ['two dots', '..', 'does not start with a letter or digit'],
    ['two dots inside', 'a..b', 'holds two dots in a row'],
    ['a hidden file', '.ssh', 'does not start with a letter or digit'],
    ['an option', '-rf', 'does not start with a letter or digit'],
    ['a dot at the end, which Windows drops', 'a.', 'ends with a dot'],
    ['a line feed', 'a\nb', 'holds the character U+000A'],
    ['NUL', 'a\0b', 'holds the character U+0000'],
    ['an ANSI escape', 'a\u001b[31mb', 'holds the character U+001B'],
    ['C1 control', 'a\u009bb', 'holds the character U+009B'],
    ['a right-to-left override', 'a\u202eb', 'holds the character U+202E'],
    ['a zero-width joiner', 'a\u200db', 'holds the character U+200D'],
    ['a variation selector', 'a\ufe0f', 'holds the character U+FE0F'],
    ['a Hangul filler', 'a\u3164', 'holds the character U+3164'],
    ['a lone surrogate', 'a\ud800', 'holds the character U+D800'],
    ['a space', 'a b', 'holds the character U+0020'],
    ['a comma', 'a,b', 'holds ","'],
    ['a formula', '=1+1', 'holds "="'],
    ['a command', '$(x)', 'holds "$"'],
    ['another Unicode form', 'jo\u0308rg', 'is not in Unicode form NFC (write "jörg")'],
    ['a mark without its letter', '\u0308a', 'does not start with a letter or digit'],
    ['a device on Windows', 'con', 'is a device name on Windows'],
    ['a device with an ending', 'LPT1.x', 'is a device name on Windows'],
  ])('refuses %s', (_, name, fault) => {
    const refusal = refusalOf(() => parseClientName(name));
    expect(refusal).toMatchObject({
      code: 'core/invalid-client-name',
      message: expect.stringContaining(fault),
      hint: 'use 1 to 64 letters, digits and . _ - @ + inside, for example: acme-billing',
    });
    expect(refusal.message).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}]*$/u);
    expect(refusal.message.length).toBeLessThan(200);
  });
});

describe('clientNameKey', () => {
  it.each([
    ['Billing', 'billing'],
    ['BILLING', 'billing'],
    ['J\u00d6RG', 'j\u00f6rg'],
    ['j\u00f6rg', 'jo\u0308rg'],
    ['\ufb01rma', 'firma'],
    ['\uff41cme', 'acme'],
    ['\u212a', 'k'],
    ['stra\u1e9ee', 'stra\u00dfe'],
    ['STRASSE', 'stra\u00dfe'],
    ['\u039f\u0394\u039f\u03a3', '\u03bf\u03b4\u03bf\u03c3'],
    ['\u039f\u0394\u039f\u03a3', '\u03bf\u03b4\u03bf\u03c2'],
  ])('is the same for %s and %s', (a, b) => {
    expect(clientNameKey(a)).toBe(clientNameKey(b));
  });

  it('differs for different names', () => {
    expect(clientNameKey('billing')).not.toBe(clientNameKey('billing-2'));
  });
});
