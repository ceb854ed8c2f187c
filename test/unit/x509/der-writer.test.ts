import { describe, expect, test } from 'vitest';
import {
  bitString,
  boolean,
  explicit,
  generalizedTime,
  ia5String,
  implicit,
  integer,
  namedBits,
  nullValue,
  octetString,
  oid,
  printableString,
  sequence,
  set,
  time,
  utf8String,
} from '../../../src/x509/der-writer.ts';
import { hex, instant, toHex } from '../../support/x509-fixtures.ts';

describe('DER writer', () => {
  test.each([
    ['zero', integer(0), '020100'],
    ['127', integer(127), '02017f'],
    ['128 with its sign octet', integer(128), '02020080'],
    ['a bigint', integer(2n ** 64n), '0209010000000000000000'],
    ['octets without their leading zeros', integer(hex('0000ff01')), '020300ff01'],
    ['zero octets', integer(hex('0000')), '020100'],
    ['no octets as zero', integer(new Uint8Array(0)), '020100'],
    ['true', boolean(true), '0101ff'],
    ['false', boolean(false), '010100'],
    ['null', nullValue, '0500'],
    ['an OID with an arc of two octets', oid('1.2.840.113549'), '06062a864886f70d'],
    ['an OID with an arc of 0', oid('2.5.29.37.0'), '0604551d2500'],
    ['an OID under 2 with a large second arc', oid('2.999.3'), '0603883703'],
    ['a UTF8String', utf8String('Jörg'), '0c054ac3b67267'],
    ['a PrintableString', printableString('DE'), '13024445'],
    ['an IA5String', ia5String('a@b'), '1603614062'],
    ['an OCTET STRING of two parts', octetString(hex('01'), hex('0203')), '0403010203'],
    ['a BIT STRING', bitString(hex('f0'), 4), '030204f0'],
    ['no named bits as an empty BIT STRING', namedBits(), '030100'],
    ['keyCertSign and cRLSign', namedBits(5, 6), '03020106'],
    ['digitalSignature', namedBits(0), '03020780'],
    ['a ninth named bit', namedBits(8), '0303070080'],
    ['an explicit tag', explicit(3, integer(1)), 'a303020101'],
    ['an implicit tag on a primitive', implicit(2, octetString(hex('61'))), '820161'],
    ['an implicit tag on a constructed', implicit(0, sequence()), 'a000'],
    ['UTCTime in 2049', time(instant('2049-12-31T23:59:59Z')), `170d${toHex(Buffer.from('491231235959Z'))}`],
    [
      'GeneralizedTime in 2050',
      time(instant('2050-01-01T00:00:00Z')),
      `180f${toHex(Buffer.from('20500101000000Z'))}`,
    ],
    [
      'GeneralizedTime on request, the fraction dropped',
      generalizedTime(instant('2026-01-02T03:04:05.999Z')),
      `180f${toHex(Buffer.from('20260102030405Z'))}`,
    ],
  ])('writes %s', (_, encoded, expected) => {
    expect(toHex(encoded)).toBe(expected);
  });

  test.each([
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_536, '0483010000'],
    [16_777_216, '048401000000'],
  ])('writes a length of %d octets in its shortest form (X.690 §10.1)', (length, header) => {
    const encoded = octetString(new Uint8Array(length));
    expect(encoded.length).toBe(header.length / 2 + length);
    expect(toHex(encoded.subarray(0, header.length / 2))).toBe(header);
  });

  test('sorts a SET OF by the encodings (X.690 §11.6)', () => {
    expect(toHex(set(integer(256), integer(2), integer(1)))).toBe('310a02010102010202020100');
  });

  test.each([
    ['a negative number', () => integer(-1)],
    ['a fraction', () => integer(1.5)],
    ['an OID of one arc', () => oid('1')],
    ['an OID with a leading zero', () => oid('1.02')],
    ['an OID whose second arc is over 39', () => oid('1.40')],
    ['an @ in a PrintableString', () => printableString('a@b')],
    ['an umlaut in an IA5String', () => ia5String('ö')],
    ['NUL in an IA5String', () => ia5String('a\0')],
    ['an invalid date', () => time(new Date(Number.NaN))],
  ])('throws RangeError, a bug, for %s', (_, write) => {
    expect(write).toThrow(RangeError);
  });
});
