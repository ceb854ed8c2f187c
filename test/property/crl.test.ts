import 'reflect-metadata';
import { X509Crl } from '@peculiar/x509';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeRevocationPage, type Revocation } from '../../src/core/revocation-page.ts';
import { type RevocationReason, revocationReasons } from '../../src/core/revocation-reason.ts';
import type { Serial } from '../../src/core/serial.ts';
import { approveCrl } from '../../src/lint/approve.ts';
import { crlRevocations, decodeCrl, findRevocation } from '../../src/x509/crl.ts';
import { encodeTbsCrl } from '../../src/x509/crl-encoder.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { describeWith, runProgram } from '../support/outside-program.ts';
import { crlTemplate, issuer, signTbs, toHex } from '../support/x509-fixtures.ts';

/** Any second, or one of a few: entries in a row often share theirs, on both sides of 2050. */
const second = fc
  .oneof(fc.integer({ min: 1, max: 4_000_000_000 }), fc.constantFrom(1_795_338_000, 2_600_000_000))
  .map((seconds) => new Date(seconds * 1000));

const revocation: fc.Arbitrary<Revocation> = fc
  .record({
    octets: fc.uint8Array({ minLength: 1, maxLength: 19 }).filter(([first = 0]) => first > 0),
    revokedAt: second,
    reason: fc.constantFrom(...(Object.keys(revocationReasons) as RevocationReason[])),
    invalidityDate: fc.option(second),
  })
  .map(({ octets, revokedAt, reason, invalidityDate }) => ({
    serial: toHex(octets) as Serial,
    revokedAt,
    reason,
    ...(invalidityDate ? { invalidityDate } : {}),
  }));

const revocations = fc.uniqueArray(revocation, { maxLength: 30, selector: ({ serial }) => serial });

function sign(list: readonly Revocation[]): Uint8Array {
  const tbs = encodeTbsCrl({ ...crlTemplate, revocations: [encodeRevocationPage(list)] });
  return signTbs(approveCrl(tbs, issuer).bytesFor(issuer.spki));
}

describe('every CRL that the linter approves', () => {
  test('is read back as it was meant', () => {
    fc.assert(
      fc.property(revocations, (list) => {
        const crl = decodeCrl(sign(list));
        expect([...crlRevocations(crl)]).toEqual(list);
        for (const one of list) expect(findRevocation(crl, one.serial)).toEqual(one);
      }),
    );
  });

  test('is read by @peculiar/x509 as it was meant', () => {
    fc.assert(
      fc.property(revocations, (list) => {
        const read = new X509Crl(sign(list));
        expect([read.thisUpdate, read.nextUpdate]).toEqual([crlTemplate.thisUpdate, crlTemplate.nextUpdate]);
        expect(
          read.entries.map(({ serialNumber, revocationDate, reason, invalidity }) => ({
            serial: serialNumber.replace(/^00(?=.)/, ''),
            revokedAt: revocationDate,
            reason: reason ?? 0,
            ...(invalidity ? { invalidityDate: invalidity } : {}),
          })),
        ).toEqual(list.map((one) => ({ ...one, reason: revocationReasons[one.reason] })));
      }),
    );
  });
});

describeWith('openssl')('judged by openssl', () => {
  test('every CRL lists the serials in their order', () => {
    fc.assert(
      fc.property(revocations, (list) => {
        const text = runProgram('openssl', ['crl', '-text', '-noout'], encodePem('X509 CRL', sign(list)));
        const serials = [...text.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial = '']) =>
          serial.toLowerCase(),
        );
        expect(serials).toEqual(list.map(({ serial }) => serial));
        expect(text.includes('No Revoked Certificates.')).toBe(list.length === 0);
      }),
      { numRuns: 15 },
    );
  });
});
