import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaError } from '../../src/core/ca-error.ts';
import { decodeCertificate } from '../../src/x509/certificate.ts';
import { decodeCrl } from '../../src/x509/crl.ts';
import { readDer } from '../../src/x509/der-reader.ts';
import { generalizedTime, integer, namedBits, octetString, oid, time } from '../../src/x509/der-writer.ts';
import { formatName } from '../../src/x509/name.ts';
import { readSpki } from '../../src/x509/subject-public-key-info.ts';
import { crlTemplate, leafTemplate, signCertificate, signCrl, toHex } from '../support/x509-fixtures.ts';

const wholeSecond = fc
  .date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
  .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000));

describe('what the writer writes, the reader reads:', () => {
  test('integers, each in one way', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 200n }), (value) => {
        const octets = readDer(integer(value), 'value', (reader) => reader.integer('value'));
        expect(BigInt(`0x${toHex(octets)}`)).toBe(value);
        expect(toHex(integer(octets))).toBe(toHex(integer(value)));
      }),
    );
  });

  test('object identifiers', () => {
    const dotted = fc
      .tuple(
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 0, max: 39 }),
        fc.array(fc.nat(), { maxLength: 6 }),
      )
      .map(([first, second, rest]) => [first, second, ...rest].join('.'));
    fc.assert(
      fc.property(dotted, (text) => {
        expect(readDer(oid(text), 'oid', (reader) => reader.oid('oid'))).toBe(text);
      }),
    );
  });

  test('times', () => {
    fc.assert(
      fc.property(wholeSecond, (instant) => {
        expect(readDer(time(instant), 'time', (reader) => reader.time('time')).instant).toEqual(instant);
        expect(readDer(generalizedTime(instant), 'time', (reader) => reader.generalizedTime('time'))).toEqual(
          instant,
        );
      }),
    );
  });

  test('named bits', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 20 })), (positions) => {
        const read = readDer(namedBits(...positions), 'bits', (reader) => reader.namedBits('bits'));
        expect(read).toEqual([...positions].sort((a, b) => a - b));
      }),
    );
  });

  test('lengths', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70_000 }), (length) => {
        const read = readDer(octetString(new Uint8Array(length)), 'value', (reader) =>
          reader.octetString('value'),
        );
        expect(read.length).toBe(length);
      }),
    );
  });
});

describe('hostile bytes end in a CaError, never in a bug:', () => {
  const readers = { decodeCertificate, decodeCrl, formatName, readSpki };
  const sources = [
    signCertificate(leafTemplate),
    signCrl(crlTemplate),
    leafTemplate.subject,
    leafTemplate.spki,
  ];

  test.each(Object.entries(readers))('%s', (_, read) => {
    const mutation = fc.record({
      source: fc.constantFrom(...sources),
      at: fc.nat(),
      octet: fc.integer({ min: 0, max: 255 }),
      cut: fc.option(fc.nat()),
    });
    fc.assert(
      fc.property(mutation, ({ source, at, octet, cut }) => {
        const bytes = Uint8Array.from(source);
        bytes[at % bytes.length] = octet;
        try {
          read(cut === null ? bytes : bytes.subarray(0, cut % bytes.length));
        } catch (error) {
          expect(error).toBeInstanceOf(CaError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('random ones too', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(readers)),
        fc.uint8Array({ maxLength: 200 }),
        (read, bytes) => {
          try {
            read(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(CaError);
          }
        },
      ),
    );
  });
});
