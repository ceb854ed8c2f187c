import { describe, expect, test } from 'vitest';
import { CaError } from '../../../src/core/ca-error.ts';
import { DerReader, readDer } from '../../../src/x509/der-reader.ts';
import { sequence, tags } from '../../../src/x509/der-writer.ts';
import { hex, toHex } from '../../support/x509-fixtures.ts';

const read = <Value>(text: string, take: (reader: DerReader) => Value) => readDer(hex(text), 'value', take);

function refusal(text: string, take: (reader: DerReader) => unknown): string {
  try {
    read(text, take);
  } catch (error) {
    if (error instanceof CaError && error.code === 'x509/malformed') return error.message;
    throw error;
  }
  throw new Error(`${text} was read`);
}

const octets = (reader: DerReader) => reader.octetString('value');
const int = (reader: DerReader) => reader.integer('value');
const bits = (reader: DerReader) => reader.namedBits('value');

describe('DER reader refuses', () => {
  test.each([
    ['nothing', '', octets, 'value is missing or cut off (at offset 0)'],
    ['a tag alone', '04', octets, 'value is missing or cut off (at offset 0)'],
    ['another tag', '0500', octets, 'value has tag 05, not 04 (at offset 0)'],
    [
      'a constructed OCTET STRING, which is BER',
      '2403040161',
      octets,
      'value has tag 24, not 04 (at offset 0)',
    ],
    ['an indefinite length', '04800000', octets, 'value has an indefinite length (at offset 0)'],
    ['a long length below 128', '04810161', octets, 'value has a length that is not minimal (at offset 0)'],
    [
      'a length with a leading zero',
      `04820080${'00'.repeat(128)}`,
      octets,
      'value has a length that is not minimal (at offset 0)',
    ],
    [
      'a length of five octets',
      '04850000000001',
      octets,
      'value has a length of 5 octets > 4 allowed (at offset 0)',
    ],
    ['a length that is cut off', '0482', octets, 'value is cut off (at offset 0)'],
    ['content that is cut off', '040361', octets, 'value is cut off (at offset 0)'],
    ['a length of four gigabytes', '0484ffffffff', octets, 'value is cut off (at offset 0)'],
    ['octets behind the value', '04016100', octets, '1 octets follow value (at offset 3)'],
    ['an INTEGER of no octets', '0200', int, 'value has no octets (at offset 2)'],
    ['a padded positive INTEGER', '02020001', int, 'value is not in its fewest octets (at offset 2)'],
    ['a padded negative INTEGER', '0202ff80', int, 'value is not in its fewest octets (at offset 2)'],
    [
      'a small INTEGER below zero',
      '020181',
      (r: DerReader) => r.smallInteger('value'),
      'value is not between 0 and 2147483647 (at offset 2)',
    ],
    [
      'a small INTEGER above 2^31',
      '02050080000000',
      (r: DerReader) => r.smallInteger('value'),
      'value is not between 0 and 2147483647 (at offset 2)',
    ],
    [
      'TRUE that is not FF',
      '010101',
      (r: DerReader) => r.boolean('value'),
      'value is neither 00 nor FF (at offset 2)',
    ],
    [
      'a BOOLEAN of two octets',
      '0102ffff',
      (r: DerReader) => r.boolean('value'),
      'value is neither 00 nor FF (at offset 2)',
    ],
    [
      'a default that is spelt out',
      '010100',
      (r: DerReader) => r.defaultFalse('value'),
      'value spells out its default (at offset 2)',
    ],
    ['NULL with content', '050100', (r: DerReader) => r.null('value'), 'value has content (at offset 2)'],
    [
      'an empty OID',
      '0600',
      (r: DerReader) => r.oid('value'),
      'value is not an object identifier (at offset 2)',
    ],
    [
      'an OID that ends within an arc',
      '06022a86',
      (r: DerReader) => r.oid('value'),
      'value is not an object identifier (at offset 2)',
    ],
    [
      'an OID with a padded arc',
      '06032a8001',
      (r: DerReader) => r.oid('value'),
      'value is not an object identifier (at offset 2)',
    ],
    [
      'an OID with an arc over 2^53',
      '060a2affffffffffffffff7f',
      (r: DerReader) => r.oid('value'),
      'value is not an object identifier (at offset 2)',
    ],
    ['a BIT STRING without its first octet', '0300', bits, 'value is not a BIT STRING in DER (at offset 2)'],
    ['eight unused bits', '03020800', bits, 'value is not a BIT STRING in DER (at offset 2)'],
    ['unused bits of nothing', '030101', bits, 'value is not a BIT STRING in DER (at offset 2)'],
    ['unused bits that are set', '030204ff', bits, 'value is not a BIT STRING in DER (at offset 2)'],
    ['named bits with trailing zeros', '03020680', bits, 'value ends in zero bits (at offset 2)'],
    [
      'a key of no whole octets',
      '03020780',
      (r: DerReader) => r.bitString('value'),
      'value ends within an octet (at offset 2)',
    ],
    [
      'an IA5String beyond ASCII',
      '1601f6',
      (r: DerReader) => r.ascii('value'),
      'value is not ASCII (at offset 2)',
    ],
    [
      'an IA5String with NUL',
      '160100',
      (r: DerReader) => r.ascii('value'),
      'value is not ASCII (at offset 2)',
    ],
    [
      'UTCTime without seconds',
      '170b323631323331323335395a',
      (r: DerReader) => r.time('value'),
      'value is not a time of the form YYMMDDHHMMSSZ (at offset 2)',
    ],
    [
      'a tag of several octets',
      '1f8101016100',
      (r: DerReader) => r.element('value'),
      'value has the unsupported tag 1f (at offset 0)',
    ],
    [
      'an end-of-contents tag',
      '0000',
      (r: DerReader) => r.element('value'),
      'value has the unsupported tag 00 (at offset 0)',
    ],
  ])('%s', (_, text, take, message) => {
    expect(refusal(text, take)).toBe(message);
  });

  test('an element that reaches beyond the one around it', () => {
    expect(refusal('3003040361', (reader) => reader.sequence('outer').octetString('inner'))).toBe(
      'inner is cut off (at offset 2)',
    );
  });

  test('what is left inside an element', () => {
    const take = (reader: DerReader) => {
      const inner = reader.sequence('outer');
      inner.integer('first');
      inner.end('first');
    };
    expect(refusal('3006020101020102', take)).toBe('3 octets follow first (at offset 5)');
  });

  test('elements nested deeper than 32', () => {
    let nested: Uint8Array = sequence();
    for (let depth = 0; depth < 40; depth++) nested = sequence(nested);
    const descend = (reader: DerReader): void => {
      const inner = reader.sequence('value');
      if (!inner.isAtEnd) descend(inner);
    };
    expect(refusal(toHex(nested), descend)).toContain('value lies deeper than 32 elements');
  });
});

describe('DER reader takes', () => {
  test('a negative INTEGER as its octets, sign not judged', () => {
    expect(toHex(read('020181', int))).toBe('81');
  });

  test('the greatest small INTEGER', () => {
    expect(read('02047fffffff', (reader) => reader.smallInteger('value'))).toBe(0x7fff_ffff);
  });

  test.each(['1.2.840.113549.1.1.11', '2.5.29.37.0', '2.999.3', '0.9.2342.19200300.100.1.25', '1.3.101.112'])(
    'the OID %s that openssl would print',
    (dotted) => {
      const encoded = readDer(oidBytes(dotted), 'oid', (reader) => reader.oid('oid'));
      expect(encoded).toBe(dotted);
    },
  );

  test('named bits', () => {
    expect(read('03020106', bits)).toEqual([5, 6]);
    expect(read('030100', bits)).toEqual([]);
  });

  test('both forms of a time, telling which it was', () => {
    expect(read(`170d${toHex(Buffer.from('491231235959Z'))}`, (reader) => reader.time('value'))).toEqual({
      form: 'UTCTime',
      instant: new Date('2049-12-31T23:59:59Z'),
    });
    expect(read(`180f${toHex(Buffer.from('20500101000000Z'))}`, (reader) => reader.time('value'))).toEqual({
      form: 'GeneralizedTime',
      instant: new Date('2050-01-01T00:00:00Z'),
    });
  });

  test('elements in their order, knowing the next tag and the end', () => {
    const reader = new DerReader(hex('0201010500'));
    expect(reader.nextTag).toBe(tags.integer);
    reader.integer('first');
    expect([reader.nextTag, reader.offset, reader.isAtEnd]).toEqual([tags.null, 3, false]);
    reader.null('second');
    expect([reader.nextTag, reader.isAtEnd]).toEqual([-1, true]);
  });
});

/** Arithmetic of its own, so that the reader is not judged by our writer. */
function oidBytes(dotted: string): Uint8Array {
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  const content = [first * 40n + second, ...rest].flatMap((arc) => {
    const groups =
      arc
        .toString(2)
        .padStart(Math.ceil(Math.max(arc.toString(2).length, 1) / 7) * 7, '0')
        .match(/.{7}/g) ?? [];
    return groups.map((group, index) => Number.parseInt(group, 2) | (index < groups.length - 1 ? 0x80 : 0));
  });
  return Uint8Array.from([6, content.length, ...content]);
}
