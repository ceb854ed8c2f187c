import { describe, expect, it } from 'vitest';
import {
  checkAttribute,
  formatDistinguishedName,
  parseDistinguishedName,
} from '../../../src/core/distinguished-name.ts';
import { refusalOf } from '../../support/refusal.ts';

describe('parseDistinguishedName', () => {
  it('reads the most specific attribute first and gives it last (RFC 4514 §2.1)', () => {
    expect(parseDistinguishedName('CN=billing,OU=API,O=Acme,C=DE')).toEqual([
      { type: 'C', value: 'DE' },
      { type: 'O', value: 'Acme' },
      { type: 'OU', value: 'API' },
      { type: 'CN', value: 'billing' },
    ]);
  });

  it.each([
    ['nothing', '', ''],
    ['spaces around parts', ' CN = billing , O=Acme ', 'CN=billing,O=Acme'],
    ['types in any case', 'cn=billing,serialnumber=7', 'CN=billing,serialNumber=7'],
    ['an escaped comma', 'O=Acme\\, Inc.', 'O=Acme\\, Inc.'],
    ['an equals sign as it is', 'CN=a=b', 'CN=a\\=b'],
    ['a number sign inside', 'CN=a#b', 'CN=a#b'],
    ['octets in hex', 'CN=J\\C3\\BCrgen', 'CN=Jürgen'],
    ['a backslash in hex before a letter', 'CN=a\\5Cx', 'CN=a\\\\x'],
    ['an escaped backslash before hex digits', 'CN=a\\\\ab', 'CN=a\\\\ab'],
    ['an escaped backslash before the comma', 'CN=a\\\\,O=b', 'CN=a\\\\,O=b'],
    ['an escaped backslash and spaces at the end', 'CN=a\\\\  ', 'CN=a\\\\'],
    ['an escaped space at the end', 'CN=a\\   ', 'CN=a\\ '],
    ['an escaped space at the start', 'CN=\\ a', 'CN=\\ a'],
  ])('takes %s', (_, text, canonical) => {
    expect(formatDistinguishedName(parseDistinguishedName(text))).toBe(canonical);
  });

  it.each([
    ['an empty part', 'CN=a,,O=b', 'subject part "" is not TYPE=value'],
    ['a comma at the end', 'CN=a,', 'subject part "" is not TYPE=value'],
    ['a comma at the start', ',CN=a', 'subject part "" is not TYPE=value'],
    ['a comma alone', ',', 'subject part "" is not TYPE=value'],
    ['a bare word', 'billing', 'subject part "billing" is not TYPE=value'],
    ['an unknown type', 'X=1', 'subject part "X=1" is not TYPE=value'],
    ['a type that every object has', 'toString=1', 'is not TYPE=value'],
    ['an empty value', 'CN=', 'subject attribute CN is empty'],
    ['a value of spaces', 'CN=  ', 'subject attribute CN is empty'],
    ['several attributes in one part', 'CN=a+O=b', 'holds + as it is'],
    ['a semicolon', 'CN=a;O=b', 'holds ; as it is'],
    ['quotes', 'CN="a"', 'holds " as it is'],
    ['a value in BER', 'CN=#0c0161', 'starts with #'],
    ['a backslash at the end', 'CN=a\\', 'holds a backslash that escapes nothing'],
    ['an escape that RFC 4514 lacks', 'CN=\\x', 'holds a backslash that escapes nothing'],
    ['octets that are not UTF-8', 'CN=\\ff\\fe', 'holds octets that are not UTF-8'],
    ['a line feed', 'CN=a\nb', 'CN="a\\u{a}b" holds a control character'],
    ['a line feed in hex', 'CN=a\\0Ab', 'CN="a\\u{a}b" holds a control character'],
    ['NUL in hex', 'CN=a\\00b', 'holds a control character'],
    ['an ANSI escape', 'O=\u001b[31m', 'O="\\u{1b}[31m" holds a control character'],
    ['a right-to-left override', 'CN=a\u202eb', 'holds a control character'],
    ['a country that is a word', 'C=Germany', 'C="Germany" has 7 characters > 2 allowed'],
    ['a country in small letters', 'C=de', 'C="de" is not an ISO 3166 country code'],
    ['a common name of 65 characters', `CN=${'a'.repeat(65)}`, 'has 65 characters > 64 allowed'],
    ['a serialNumber beyond PrintableString', 'serialNumber=7_', 'serialNumber="7_" holds more than'],
    ['a DC beyond ASCII', 'DC=bücher', 'DC="bücher" is not ASCII'],
  ])('refuses %s', (_, text, fault) => {
    const refusal = refusalOf(() => parseDistinguishedName(text));
    expect(refusal).toMatchObject({ code: 'core/invalid-name', message: expect.stringContaining(fault) });
    expect(refusal.message).toMatch(/^[^\p{Cc}\p{Cf}]*$/u);
  });
});

describe('checkAttribute', () => {
  it('counts characters, not UTF-16 units', () => {
    expect(checkAttribute('CN', '𠀀'.repeat(64)).value).toBe('𠀀'.repeat(64));
  });
});
