import { describe, expect, test } from 'vitest';
import type { Serial } from '../../../src/core/serial.ts';
import { Approved, approveCertificate } from '../../../src/lint/approve.ts';
import { encodeTbsCertificate } from '../../../src/x509/certificate.ts';
import { refusalOf } from '../../support/refusal.ts';
import {
  buildTbs,
  instant,
  intermediateTemplate,
  issuer,
  leafSpki,
  leafTemplate,
  rootTemplate,
  selfIssuer,
  toHex,
} from '../../support/x509-fixtures.ts';

describe('an approval', () => {
  test('holds the bytes that were linted, whatever becomes of the ones that were given or given out', () => {
    const tbs = encodeTbsCertificate(leafTemplate);
    const before = toHex(tbs);
    const approved = approveCertificate(tbs, issuer);
    tbs.fill(0);
    approved.bytesFor(issuer.spki).fill(0);
    expect(toHex(approved.bytesFor(issuer.spki))).toBe(before);
  });

  test('is for the key of the issuer alone that it was made for', () => {
    const approved = approveCertificate(encodeTbsCertificate(leafTemplate), issuer);
    expect(() => approved.bytesFor(leafSpki)).toThrow('this was approved for another issuer');
  });

  test.each([
    ['an intermediate', intermediateTemplate, issuer],
    ['a root', rootTemplate, selfIssuer],
  ])('is given to %s', (_, template, facts) => {
    expect(approveCertificate(encodeTbsCertificate(template), facts)).toBeInstanceOf(Approved);
  });

  test('cannot be made by anybody else', () => {
    const seal = Symbol('approved by the linter');
    const bytes = new Uint8Array(0);
    expect(() => new Approved(seal as never, bytes, bytes)).toThrow('only the linter approves');
  });

  test('is refused with every finding, each with its clause', () => {
    const tbs = encodeTbsCertificate({
      ...leafTemplate,
      serial: '01' as Serial,
      notAfter: instant('2060-01-01T00:00:00Z'),
    });
    const refusal = refusalOf(() => approveCertificate(tbs, issuer));
    expect([refusal.code, refusal.message, refusal.hint]).toMatchInlineSnapshot(`
      [
        "lint/refused",
        "serial has 1 octets < 8 required (CA/Browser Forum BR §7.1); notAfter 2060-01-01T00:00:00Z is after the issuer's 2056-01-01T00:00:00Z (RFC 5280 §6.1.3)",
        "the certificate was not signed; change what was asked for, or report a bug if the request was sound",
      ]
    `);
  });

  test('is refused for bytes that are not DER', () => {
    const refusal = refusalOf(() => approveCertificate(buildTbs().subarray(0, 100), issuer));
    expect([refusal.code, refusal.message]).toEqual([
      'lint/refused',
      'tbsCertificate is cut off (at offset 0)',
    ]);
  });
});
