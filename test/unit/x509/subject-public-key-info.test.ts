import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { keyAlgorithms } from '../../../src/core/key-algorithm.ts';
import { bitString, integer, nullValue, oid, sequence } from '../../../src/x509/der-writer.ts';
import { oids } from '../../../src/x509/oids.ts';
import {
  encodeSpki,
  keyIdentifier,
  readKeyKind,
  readSpki,
  spkiFingerprint,
} from '../../../src/x509/subject-public-key-info.ts';
import { freshKey } from '../../support/fresh-key.ts';
import { refusalOf } from '../../support/refusal.ts';
import { hex, leafSpki, p256Spki, spkiOf, toHex } from '../../support/x509-fixtures.ts';

describe('a SubjectPublicKeyInfo', () => {
  test.each(keyAlgorithms.filter((name) => !name.startsWith('rsa') || name === 'rsa2048'))(
    'of %s is the one that node:crypto writes, and is read back',
    (algorithm) => {
      const { key, pair } = freshKey(algorithm);
      const spki = encodeSpki(algorithm, pair.publicKey);
      expect(toHex(spki)).toBe(toHex(spkiOf(key)));
      const read = readSpki(spki);
      expect([read.algorithm, toHex(read.publicKey)]).toEqual([algorithm, toHex(pair.publicKey)]);
      expect(readKeyKind(spki)).toBe(algorithm.replace(/^rsa.*/, 'rsa'));
    },
  );

  test('has the leftmost 160 bits of the SHA-256 of its bits as key identifier (RFC 7093 §2 method 1)', () => {
    const expected = createHash('sha256').update(leafSpki.subarray(12)).digest('hex').slice(0, 40);
    expect(toHex(keyIdentifier(leafSpki))).toBe(expected);
  });

  test('has the SHA-256 of all of it as fingerprint', () => {
    expect(spkiFingerprint(leafSpki)).toBe(createHash('sha256').update(leafSpki).digest('hex'));
  });

  test.each([
    [
      'a key on P-521',
      sequence(sequence(oid(oids.idEcPublicKey), oid('1.3.132.0.35')), bitString(hex('04'))),
      'EC curve 1.3.132.0.35 is not supported',
    ],
    [
      'a key on secp256k1',
      sequence(sequence(oid(oids.idEcPublicKey), oid('1.3.132.0.10')), bitString(hex('04'))),
      'EC curve 1.3.132.0.10 is not supported',
    ],
    [
      'a curve that is spelt out',
      sequence(sequence(oid(oids.idEcPublicKey), sequence()), bitString(hex('04'))),
      'EC key without a named curve (RFC 5480 §2.1.1) is not supported',
    ],
    [
      'a DSA key',
      sequence(sequence(oid('1.2.840.10040.4.1')), bitString(hex('04'))),
      'key algorithm 1.2.840.10040.4.1 is not supported',
    ],
    [
      'an RSA-PSS key',
      sequence(sequence(oid('1.2.840.113549.1.1.10')), bitString(hex('04'))),
      'key algorithm 1.2.840.113549.1.1.10 is not supported',
    ],
    [
      'a compressed point',
      encodeSpki('p256', hex(`02${toHex(p256Spki.subarray(27, 59))}`)),
      'P-256 key is a compressed point',
    ],
  ])('refuses %s as unsupported', (_, spki, message) => {
    const refusal = refusalOf(() => readSpki(spki));
    expect([refusal.code, refusal.message]).toEqual(['x509/unsupported-key', message]);
  });

  test.each([
    [
      'an Ed25519 key with parameters',
      sequence(sequence(oid(oids.idEd25519), nullValue), bitString(new Uint8Array(32))),
      'Ed25519 key has parameters (RFC 8410 §3)',
    ],
    [
      'an RSA key without NULL',
      sequence(sequence(oid(oids.rsaEncryption)), bitString(hex('00'))),
      'RSA key has parameters other than NULL (RFC 3279 §2.3.1)',
    ],
    [
      'an Ed25519 key of 31 octets',
      encodeSpki('ed25519', new Uint8Array(31)),
      'Ed25519 key has 31 octets, not 32',
    ],
    [
      'a point cut short',
      encodeSpki('p256', hex('0401')),
      'P-256 key is not an uncompressed point of 65 octets',
    ],
    [
      'a hybrid point',
      encodeSpki('p256', hex(`06${'11'.repeat(64)}`)),
      'P-256 key is not an uncompressed point of 65 octets',
    ],
    [
      'unused bits',
      sequence(sequence(oid(oids.idEd25519)), bitString(hex('02'), 1)),
      'public key bits ends within an octet (at offset 11)',
    ],
    ['octets behind it', Uint8Array.from([...leafSpki, 0]), '1 octets follow public key (at offset 44)'],
  ])('refuses %s as malformed', (_, spki, message) => {
    const refusal = refusalOf(() => readSpki(spki));
    expect([refusal.code, refusal.message]).toEqual(['x509/malformed', message]);
  });
});

describe('a weak key is refused:', () => {
  const offCurve = Uint8Array.from(p256Spki);
  offCurve[offCurve.length - 1] = (offCurve.at(-1) ?? 0) ^ 1;
  const p384Zero = encodeSpki('p384', hex(`04${'00'.repeat(96)}`));
  const p256Prime = 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff';

  test.each([
    ['a point off P-256', offCurve, 'P-256 key is not on its curve'],
    ['a point off P-384', p384Zero, 'P-384 key is not on its curve'],
    [
      'a coordinate that is not reduced',
      encodeSpki('p256', hex(`04${p256Prime}${p256Prime}`)),
      'P-256 key is not on its curve',
    ],
    ['the point at infinity', encodeSpki('p256', hex('00')), 'P-256 key is the point at infinity'],
  ])('%s', (_, spki, message) => {
    const refusal = refusalOf(() => readSpki(spki));
    expect([refusal.code, refusal.message]).toEqual(['x509/weak-key', message]);
  });

  // The points of small order and their encodings that are not reduced, as libsodium and RFC 7748 §6 list them.
  test.each([
    ['0100000000000000000000000000000000000000000000000000000000000000', 'a point of small order'],
    ['ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', 'a point of small order'],
    ['0000000000000000000000000000000000000000000000000000000000000080', 'a point of small order'],
    ['0000000000000000000000000000000000000000000000000000000000000000', 'a point of small order'],
    ['c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'a point of small order'],
    ['c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa', 'a point of small order'],
    ['26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'a point of small order'],
    ['26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85', 'a point of small order'],
    ['0100000000000000000000000000000000000000000000000000000000000080', 'a point of small order'],
    ['edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', 'not reduced modulo 2^255 - 19'],
    ['eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', 'not reduced modulo 2^255 - 19'],
  ])('Ed25519 %s', (publicKey, fault) => {
    const refusal = refusalOf(() => readSpki(encodeSpki('ed25519', hex(publicKey))));
    expect(refusal.code).toBe('x509/weak-key');
    expect(refusal.message).toContain(fault);
  });

  const spkiOfRsa = (modulus: bigint, exponent = 65_537n) =>
    encodeSpki('rsa2048', sequence(integer(modulus), integer(exponent)));
  const sound = nextRough(2n ** 2047n + 12_345n);

  test('an RSA modulus of our test is sound but for the flaw under test', () => {
    expect(readSpki(spkiOfRsa(sound)).bits).toBe(2048);
  });

  test.each([
    [2048, 'rsa2048'],
    [2056, 'rsa2048'],
    [3072, 'rsa3072'],
    [4096, 'rsa4096'],
    [8192, 'rsa4096'],
  ])('not one of %d bits, which counts as %s', (bits, algorithm) => {
    expect(readSpki(spkiOfRsa(nextRough(2n ** BigInt(bits - 1) + 12_345n)))).toMatchObject({
      bits,
      algorithm,
    });
  });

  test.each([
    ['1,024 bits', 2n ** 1023n + 1n, 65_537n, 'RSA key has 1024 bits < 2048 required'],
    ['2,047 bits', 2n ** 2046n + 1n, 65_537n, 'RSA key has 2047 bits < 2048 required'],
    ['exponent 1', sound, 1n, 'RSA exponent is 1 < 65537 required'],
    ['exponent 3', sound, 3n, 'RSA exponent is 3 < 65537 required'],
    ['an even exponent', sound, 65_538n, 'RSA exponent is 65538, which is even'],
    ['an exponent of 64 bits', sound, 2n ** 63n + 1n, 'RSA exponent has 64 bits > 31 allowed'],
    ['an even modulus', 2n ** 2047n, 65_537n, 'RSA modulus is divisible by 2'],
    [
      'a modulus with a small factor',
      751n * nextRough(2n ** 2038n),
      65_537n,
      'RSA modulus is divisible by 751',
    ],
    ['the mark of ROCA', rocaMarked(), 65_537n, 'RSA modulus bears the mark of ROCA (CVE-2017-15361)'],
    ['close primes', closePrimes(), 65_537n, 'RSA modulus has primes close to each other (CVE-2022-26320)'],
  ])('RSA with %s', (_, modulus, exponent, message) => {
    const refusal = refusalOf(() => readSpki(spkiOfRsa(modulus, exponent)));
    expect([refusal.code, refusal.message]).toEqual(['x509/weak-key', message]);
  });

  test.each([
    [8200, 'RSA key has 8200 bits > 8192 allowed'],
    [2050, 'RSA key has 2050 bits, not a multiple of 8'],
  ])('but RSA of %d bits is unsupported', (bits, message) => {
    const refusal = refusalOf(() => readSpki(spkiOfRsa(2n ** BigInt(bits - 1) + 1n)));
    expect([refusal.code, refusal.message]).toEqual(['x509/unsupported-key', message]);
  });
});

/** The next number that no prime below 752 divides. */
function nextRough(from: bigint): bigint {
  const primes = Array.from({ length: 750 }, (_, index) => index + 2).filter((n) =>
    Array.from({ length: Math.floor(Math.sqrt(n)) - 1 }, (_, index) => index + 2).every((d) => n % d !== 0),
  );
  for (let candidate = from | 1n; ; candidate += 2n) {
    if (primes.every((prime) => candidate % BigInt(prime) !== 0n)) return candidate;
  }
}

/** A number that is 1, a power of 65537, modulo each prime below 168, as products of Infineon's primes are a power. */
function rocaMarked(): bigint {
  const primorial = 962_947_420_735_983_927_056_946_215_901_134_429_196_419_130_606_213_075_415_963_491_270n;
  for (let factor = 2n ** 2047n / primorial + 1n; ; factor++) {
    const candidate = factor * primorial + 1n;
    if (candidate === nextRough(candidate)) return candidate;
  }
}

function closePrimes(): bigint {
  const p = nextRough(2n ** 1023n + 2n ** 1022n + 987_654_321n);
  return p * nextRough(p + 1000n);
}
