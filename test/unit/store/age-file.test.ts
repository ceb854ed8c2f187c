import { describe, expect, it } from 'vitest';
import { type AgeRandom, AgeWriter, decryptPayload, openAge } from '../../../src/store/age-file.ts';
import { OctetReader } from '../../../src/store/octet-reader.ts';
import { seededRandom } from '../../support/memory-ports.ts';
import { refusalOf } from '../../support/refusal.ts';

const quick = 4;

function encrypt(plain: Uint8Array, passphrase = 'password', pieceLength = 1 << 20): Buffer {
  const random = seededRandom('age');
  const octets: AgeRandom = { salt: random(16), fileKey: random(16), nonce: random(16) };
  const parts: Buffer[] = [];
  const writer = new AgeWriter((part) => parts.push(Buffer.from(part)), passphrase, octets, quick);
  for (let at = 0; at < plain.length; at += pieceLength) writer.write(plain.subarray(at, at + pieceLength));
  writer.end();
  return Buffer.concat(parts);
}

function decrypt(file: Uint8Array, passphrase = 'password'): Buffer {
  const reader = new OctetReader([file]);
  const key = openAge(reader, passphrase);
  return Buffer.concat([...decryptPayload(reader, key)]);
}

/** What typage (age-encryption 0.3) made of the text `age` under the passphrase `password`. */
const vector = Buffer.from(
  'YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBUSXBKOVF0Q0t3SGdCYmt6b09VRE5BIDEwCmdYaVVkSzhicXZHdVJzOXhuZ3By' +
    'TjZsQjF3R08vNC9NR2NrUEtJVk5QbVkKLS0tIEgwNUVoODhXd0hlOWtxVmd6UXp5cXJyQXUwL1ZiaW9KZXE4SXRoVW5GeEkKngow5v2y' +
    'ZfMrUJlATeKhRfuH4znPg5IB1l4dY0p3terVy30=',
  'base64',
);

describe('an age file', () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])(
    'of %d octets opens to what was in it',
    (length) => {
      const plain = Buffer.alloc(length, 'abcdefg');
      expect(decrypt(encrypt(plain)).equals(plain)).toBe(true);
      expect(encrypt(plain, 'password', 1000).equals(encrypt(plain))).toBe(true);
    },
  );

  it('of another program opens', () => {
    expect(decrypt(vector).toString()).toBe('age');
  });

  it('does not open under another passphrase', () => {
    expect(refusalOf(() => decrypt(encrypt(Buffer.from('x')), 'passwort')).code).toBe(
      'x509/wrong-passphrase',
    );
  });

  it('is refused when chunks are cut off, also where the cut leaves whole chunks', () => {
    const file = encrypt(Buffer.alloc(200_000));
    const payload = file.length - (200_000 + 4 * 16);
    for (const length of [0, 1, 16, 65_552, 65_553, 2 * 65_552, 3 * 65_552, 200_000 + 4 * 16 - 1]) {
      const { code } = refusalOf(() => decrypt(file.subarray(0, payload + length)));
      expect(code, `${length} octets`).toBe('store/damaged-backup');
    }
    for (let length = 22; length < payload; length += 9) {
      expect(refusalOf(() => decrypt(file.subarray(0, length))).code).toBe('store/damaged-backup');
    }
  });

  it('is refused when chunks change places, are left out or added', () => {
    const file = encrypt(Buffer.alloc(3 * 65_536));
    const start = file.length - 3 * 65_552;
    const [head, a, b, c] = [0, 1, 2, 3].map((part) =>
      part === 0
        ? file.subarray(0, start)
        : file.subarray(start + (part - 1) * 65_552, start + part * 65_552),
    ) as [Buffer, Buffer, Buffer, Buffer];
    for (const parts of [
      [b, a, c],
      [a, c],
      [a, b, c, c],
      [a, b, c, Buffer.alloc(16)],
    ]) {
      expect(refusalOf(() => decrypt(Buffer.concat([head, ...parts]))).code).toBe('store/damaged-backup');
    }
  });

  it('is refused wherever one bit of it was flipped', () => {
    const good = encrypt(Buffer.from('a secret of some length'));
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8));
      expect(
        ['store/damaged-backup', 'store/not-a-backup', 'x509/wrong-passphrase'],
        `octet ${at}`,
      ).toContain(refusalOf(() => decrypt(bad)).code);
    }
  });

  it('is refused when it is encrypted to a key, or asks for too much memory', () => {
    const toKey = 'age-encryption.org/v1\n-> X25519 abc\nabc\n--- abc\n';
    expect(refusalOf(() => decrypt(Buffer.from(toKey))).message).toBe(
      'the file is encrypted to keys, not with a passphrase',
    );
    const greedy = encrypt(Buffer.from('x')).toString('latin1').replace(/ 4\n/, ' 30\n');
    expect(refusalOf(() => decrypt(Buffer.from(greedy, 'latin1'))).message).toBe(
      'the file asks for scrypt with 2^30 > 2^20',
    );
  });
});
