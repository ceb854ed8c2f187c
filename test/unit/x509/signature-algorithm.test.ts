import { describe, expect, test } from 'vitest';
import { keyAlgorithms } from '../../../src/core/key-algorithm.ts';
import { nullValue, oid, sequence } from '../../../src/x509/der-writer.ts';
import { oids } from '../../../src/x509/oids.ts';
import {
  canKeySign,
  decodeSignatureAlgorithm,
  digestOf,
  encodeSignatureAlgorithm,
  signatureAlgorithmOf,
} from '../../../src/x509/signature-algorithm.ts';
import { refusalOf } from '../../support/refusal.ts';
import { toHex } from '../../support/x509-fixtures.ts';

describe('signature algorithms', () => {
  test.each([
    ['p256', 'ecdsa-with-SHA256', '300a06082a8648ce3d040302'],
    ['p384', 'ecdsa-with-SHA384', '300a06082a8648ce3d040303'],
    ['ed25519', 'Ed25519', '300506032b6570'],
    ['rsa2048', 'sha256WithRSAEncryption', '300d06092a864886f70d01010b0500'],
  ] as const)(
    '%s signs with %s, whose parameters are as RFC 4055, 5758 and 8410 want them',
    (key, name, encoded) => {
      expect(signatureAlgorithmOf(key)).toBe(name);
      expect(toHex(encodeSignatureAlgorithm(name))).toBe(encoded);
      expect(decodeSignatureAlgorithm(encodeSignatureAlgorithm(name))).toBe(name);
    },
  );

  test('each key makes signatures of its own kind alone', () => {
    for (const key of keyAlgorithms) {
      for (const other of keyAlgorithms) {
        const isSameKind = key.slice(0, 1) === other.slice(0, 1);
        expect(canKeySign(key, signatureAlgorithmOf(other)), `${key} ${other}`).toBe(isSameKind);
      }
    }
  });

  test('Ed25519 signs the message, the others a digest', () => {
    expect(digestOf('Ed25519')).toBeNull();
    expect(digestOf('ecdsa-with-SHA384')).toBe('sha384');
  });

  test.each([
    [
      'ECDSA with NULL',
      sequence(oid(oids.ecdsaWithSHA256), nullValue),
      'ecdsa-with-SHA256 has other parameters than none',
    ],
    ['Ed25519 with NULL', sequence(oid(oids.idEd25519), nullValue), 'Ed25519 has other parameters than none'],
    [
      'RSA without NULL',
      sequence(oid(oids.sha256WithRSAEncryption)),
      'sha256WithRSAEncryption has other parameters than NULL (RFC 4055 §5)',
    ],
    [
      'something behind the parameters',
      sequence(oid('1.2.3'), nullValue, nullValue),
      '2 octets follow signature algorithm parameters (at offset 8)',
    ],
  ])('refuses %s', (_, bytes, message) => {
    const refusal = refusalOf(() => decodeSignatureAlgorithm(bytes));
    expect([refusal.code, refusal.message]).toEqual(['x509/malformed', expect.stringContaining(message)]);
  });

  test.each([
    ['1.2.840.113549.1.1.5', 'sha1WithRSAEncryption'],
    ['1.2.840.113549.1.1.4', 'md5WithRSAEncryption'],
    ['1.2.3', '1.2.3'],
  ])('refuses %s by the name %s, and says what to do', (identifier, name) => {
    const bytes = sequence(oid(identifier), nullValue);
    expect(refusalOf(() => decodeSignatureAlgorithm(bytes))).toMatchObject({
      code: 'x509/unsupported-key',
      message: expect.stringContaining(`signature algorithm ${name} is not one of: ecdsa-with-SHA256`),
      hint: expect.stringContaining('-sha256'),
    });
  });
});
