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
  leafTemplate,
  rootTemplate,
  selfIssuer,
  toHex,
} from '../../support/x509-fixtures.ts';

describe('an approval', () => {
  test('tells CA certificates from others', () => {
    expect(approveCertificate(encodeTbsCertificate(leafTemplate), issuer).kind).toBe('certificate');
    expect(approveCertificate(encodeTbsCertificate(intermediateTemplate), issuer).kind).toBe(
      'ca-certificate',
    );
    expect(approveCertificate(encodeTbsCertificate(rootTemplate), selfIssuer).kind).toBe('ca-certificate');
  });

  test('holds the bytes that were linted, whatever becomes of the ones that were given', () => {
    const tbs = encodeTbsCertificate(leafTemplate);
    const before = toHex(tbs);
    const approved = approveCertificate(tbs, issuer);
    tbs.fill(0);
    expect(toHex(approved.bytes)).toBe(before);
  });

  test('cannot be made by anybody else', () => {
    const seal = Symbol('approved by the linter');
    expect(() => new Approved(seal as never, 'certificate', new Uint8Array(0))).toThrow(
      'only the linter approves',
    );
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
