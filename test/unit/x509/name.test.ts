import { describe, expect, test } from 'vitest';
import { formatDistinguishedName, parseDistinguishedName } from '../../../src/core/distinguished-name.ts';
import {
  ia5String,
  integer,
  oid,
  printableString,
  sequence,
  set,
  utf8String,
} from '../../../src/x509/der-writer.ts';
import { decodeName, encodeName, formatName } from '../../../src/x509/name.ts';
import { refusalOf } from '../../support/refusal.ts';
import { hex, toHex } from '../../support/x509-fixtures.ts';

const cn = oid('2.5.4.3');
const one = (type: Uint8Array, value: Uint8Array) => sequence(set(sequence(type, value)));

describe('a name', () => {
  test('has the string types of RFC 5280 §4.1.2.4 and appendix A.1', () => {
    const name = encodeName(parseDistinguishedName('CN=Jö,UID=u,DC=d,serialNumber=7,C=DE'));
    expect(toHex(name)).toBe(
      [
        '304d',
        '310b300906035504061302 4445',
        '310a300806035504051301 37',
        '3111300f060a0992268993f22c6401191601 64',
        '3111300f060a0992268993f22c6401010c01 75',
        '310c300a06035504030c03 4ac3b6',
      ]
        .join('')
        .replace(/ /g, ''),
    );
  });

  test.each(['', 'CN=billing', 'CN=Jörg \\+ Söhne\\, Inc.,OU=x,O=Acme,ST=BE,L=Berlin,C=DE'])(
    '%s is read back',
    (text) => {
      const name = parseDistinguishedName(text);
      expect(decodeName(encodeName(name))).toEqual(name);
      expect(formatName(encodeName(name))).toBe(formatDistinguishedName(name));
    },
  );

  test.each([
    ['PrintableString', printableString('Acme'), 'Acme'],
    ['IA5String', ia5String('a@b'), 'a@b'],
    ['BMPString', hex('1e0400c4 4e2d'), 'Ä中'],
    ['TeletexString', hex('1401f6'), 'ö'],
  ])('is read from %s', (_, value, expected) => {
    expect(decodeName(one(cn, value))).toEqual([{ type: 'CN', value: expected }]);
  });

  test.each([
    ['that is no SEQUENCE', hex('3100'), 'name has tag 31, not 30 (at offset 0)'],
    ['with an empty RDN', sequence(set()), 'name attribute is missing or cut off (at offset 4)'],
    [
      'with an RDN of two attributes',
      sequence(set(sequence(cn, utf8String('a')), sequence(cn, utf8String('b')))),
      'name has an RDN of several attributes',
    ],
    [
      'with an unknown attribute type',
      one(oid('1.2.3'), utf8String('a')),
      'name has an attribute of the unsupported type 1.2.3',
    ],
    ['with a number for a value', one(cn, integer(1)), 'name attribute CN is not a string'],
    ['with broken UTF-8', one(cn, hex('0c01ff')), 'name attribute is not UTF-8 (at offset 11)'],
    ['with half a BMP character', one(cn, hex('1e0100')), 'name attribute is not a BMPString (at offset 11)'],
    [
      'with an @ in a PrintableString',
      one(cn, hex('130140')),
      'name attribute is not a PrintableString (at offset 11)',
    ],
    [
      'with an umlaut in an IA5String',
      one(cn, hex('1601f6')),
      'name attribute is not an IA5String (at offset 11)',
    ],
  ])('%s is refused', (_, bytes, message) => {
    const { code, message: said } = refusalOf(() => decodeName(bytes));
    expect([code, said]).toEqual(['x509/malformed', message]);
  });

  test('that we would not make is shown all the same, harmlessly (RFC 4514 §2.4)', () => {
    const hostile = sequence(
      set(sequence(oid('1.2.840.113549.1.9.1'), ia5String('a@b'))),
      set(sequence(cn, utf8String('a\u001b[2J\nCN=root')), sequence(cn, integer(1))),
    );
    expect(formatName(hostile)).toBe(
      '2.5.4.3=#020101+CN=a\\u{1b}[2J\\u{a}CN\\=root,1.2.840.113549.1.9.1=#1603614062',
    );
  });
});
