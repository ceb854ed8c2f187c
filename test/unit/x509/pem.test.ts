import { describe, expect, test } from 'vitest';
import { decodePem, encodePem, pemPieces } from '../../../src/x509/pem.ts';
import { refusalOf } from '../../support/refusal.ts';
import { toHex } from '../../support/x509-fixtures.ts';

const octets = Uint8Array.from({ length: 100 }, (_, index) => index);
const block = encodePem('CERTIFICATE', octets);

describe('PEM', () => {
  test('has lines of 64 characters and a final newline (RFC 7468 §3)', () => {
    expect(block).toMatchInlineSnapshot(`
      "-----BEGIN CERTIFICATE-----
      AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v
      MDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5f
      YGFiYw==
      -----END CERTIFICATE-----
      "
    `);
  });

  test.each([1, 47, 48, 49, 96, 1000])('of %d octets is read back', (length) => {
    const der = new Uint8Array(length).fill(0xa5);
    const [read] = decodePem(encodePem('X509 CRL', der));
    expect([read?.label, toHex(read?.der ?? octets)]).toEqual(['X509 CRL', toHex(der)]);
  });

  test('is the same in pieces, wherever the pieces end', () => {
    const der = Uint8Array.from({ length: 200_000 }, (_, index) => index % 251);
    const whole = encodePem('X509 CRL', der);
    for (const cuts of [
      [0],
      [1],
      [47, 48, 49],
      [49_151, 49_152, 49_153],
      [100_000, 199_999],
      [20, 199_900],
    ]) {
      const ends = [...cuts, der.length];
      const pieces = ends.map((end, index) => der.subarray(ends[index - 1] ?? 0, end));
      expect(`${Buffer.concat([...pemPieces('X509 CRL', pieces)])}` === whole, `${cuts}`).toBe(true);
    }
  });

  test('is found among other text, in any number, with CRLF and lines of any length', () => {
    const text = `subject=CN=a\n${block}\nissuer=CN=b: c\n${block.replaceAll('\n', '\r\n')}-----BEGIN X-----\nAA==\n-----END X-----`;
    expect(decodePem(text).map(({ label, der }) => [label, der.length])).toEqual([
      ['CERTIFICATE', 100],
      ['CERTIFICATE', 100],
      ['X', 1],
    ]);
  });

  test.each([
    ['no block', 'hello', 'text holds no PEM block'],
    ['an empty text', '', 'text holds no PEM block'],
    ['no END line', '-----BEGIN X-----\nAAAA\n', 'PEM block X has no END line of its own (at offset 0)'],
    [
      'another END',
      '-----BEGIN X-----\nAAAA\n-----END Y-----\n',
      'PEM block X has no END line of its own (at offset 0)',
    ],
    [
      'a block in a block',
      `-----BEGIN X-----\n${block}`,
      'PEM block X has no END line of its own (at offset 0)',
    ],
    [
      'a BEGIN line with more on it',
      '-----BEGIN X----- AAAA\n',
      'PEM has a malformed BEGIN line (at offset 0)',
    ],
    [
      'a BEGIN line within a line',
      'a -----BEGIN X-----\nAAAA\n-----END X-----',
      'PEM has a malformed BEGIN line (at offset 2)',
    ],
    [
      'a label in lower case',
      '-----BEGIN x-----\nAAAA\n-----END x-----',
      'PEM has a malformed BEGIN line (at offset 0)',
    ],
    ['no octets', '-----BEGIN X-----\n-----END X-----', 'PEM block X is not canonical base64 (at offset 0)'],
    [
      'headers',
      '-----BEGIN X-----\nProc-Type: 4\n\nAAAA\n-----END X-----',
      'PEM block X bears headers, as no RFC 7468 block does (at offset 0)',
    ],
    [
      'base64url',
      '-----BEGIN X-----\nAA-_\n-----END X-----',
      'PEM block X is not canonical base64 (at offset 0)',
    ],
    [
      'missing padding',
      '-----BEGIN X-----\nAAA\n-----END X-----',
      'PEM block X is not canonical base64 (at offset 0)',
    ],
    [
      'padding bits that are set',
      '-----BEGIN X-----\nAAB=\n-----END X-----',
      'PEM block X is not canonical base64 (at offset 0)',
    ],
    [
      'a space within a line',
      '-----BEGIN X-----\nAA AA\n-----END X-----',
      'PEM block X is not canonical base64 (at offset 0)',
    ],
  ])('with %s is refused', (_, text, message) => {
    const { code, message: said } = refusalOf(() => decodePem(text));
    expect([code, said]).toEqual(['x509/malformed', message]);
  });
});
