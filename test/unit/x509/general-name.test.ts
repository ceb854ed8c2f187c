import { describe, expect, test } from 'vitest';
import type { San } from '../../../src/core/san.ts';
import { explicit, implicit, octetString, sequence } from '../../../src/x509/der-writer.ts';
import { decodeGeneralNames, encodeGeneralNames } from '../../../src/x509/general-name.ts';
import { refusalOf } from '../../support/refusal.ts';
import { hex, toHex } from '../../support/x509-fixtures.ts';

const all: readonly San[] = [
  { type: 'email', value: 'a@b' },
  { type: 'dns', value: 'x.y' },
  { type: 'uri', value: 'u:v' },
  { type: 'ip', value: '10.0.0.7' },
  { type: 'ip', value: '2001:db8::7' },
];

describe('general names', () => {
  test('have the tags of RFC 5280 §4.2.1.6', () => {
    expect(toHex(encodeGeneralNames(all))).toBe(
      '3027 8103614062 8203782e79 8603753a76 87040a000007 871020010db8000000000000000000000007'.replace(
        / /g,
        '',
      ),
    );
  });

  test('are read back', () => {
    expect(decodeGeneralNames(encodeGeneralNames(all))).toEqual(all);
  });

  test.each([
    ['none', sequence(), 'general name is missing or cut off (at offset 2)'],
    [
      'an otherName',
      sequence(explicit(0, sequence())),
      'general name [0] is not an e-mail, DNS, URI or IP name (at offset 2)',
    ],
    [
      'a directoryName',
      sequence(explicit(4, sequence())),
      'general name [4] is not an e-mail, DNS, URI or IP name (at offset 2)',
    ],
    [
      'an IP address with mask',
      sequence(implicit(7, octetString(new Uint8Array(8)))),
      'iPAddress has 8 octets, not 4 or 16 (RFC 5280 §4.2.1.6) (at offset 2)',
    ],
    [
      'an empty DNS name',
      sequence(hex('8200')),
      'dNSName is empty or holds a control character (at offset 2)',
    ],
    ['a DNS name with NUL', sequence(hex('82026100')), 'dNSName is not ASCII (at offset 4)'],
    ['a DNS name with an umlaut', sequence(hex('8201f6')), 'dNSName is not ASCII (at offset 4)'],
    [
      'a URI with a newline',
      sequence(hex('86020a61')),
      'uniformResourceIdentifier is empty or holds a control character (at offset 2)',
    ],
  ])('with %s are refused', (_, bytes, message) => {
    const { code, message: said } = refusalOf(() => decodeGeneralNames(bytes));
    expect([code, said]).toEqual(['x509/malformed', message]);
  });
});
