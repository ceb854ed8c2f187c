import { hash } from 'node:crypto';

/** What the derived octets are for, the diversifier of RFC 7292 appendix B.3. */
export const pkcs12Purpose = { key: 1, iv: 2, mac: 3 } as const;

/** The block length of SHA-1 and SHA-256, `v` in RFC 7292 appendix B.1. */
const blockLength = 64;

export interface Pkcs12KdfOptions {
  readonly digest: 'sha1' | 'sha256';
  readonly purpose: (typeof pkcs12Purpose)[keyof typeof pkcs12Purpose];
  /** As {@link bmpPassword} gives it. */
  readonly password: Uint8Array;
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** How many octets are wanted. */
  readonly length: number;
}

/**
 * The octets that RFC 7292 appendix B.2 derives from a password.
 *
 * Written over node:crypto's one-shot hash, which is two to three times as fast here as node-forge's
 * `generateKey` (the judge of it in the tests), and needs no library to be loaded.
 */
export function derivePkcs12(options: Pkcs12KdfOptions): Uint8Array {
  const { digest, purpose, password, salt, iterations, length } = options;
  const diversifier = Buffer.alloc(blockLength, purpose);
  const input = Buffer.concat([fillBlocks(salt), fillBlocks(password)]);
  const derived: Buffer[] = [];
  for (let have = 0; have < length; ) {
    let block = hash(digest, Buffer.concat([diversifier, input]), 'buffer');
    for (let round = 1; round < iterations; round++) block = hash(digest, block, 'buffer');
    derived.push(block);
    have += block.length;
    addToBlocks(input, block);
  }
  return Buffer.concat(derived).subarray(0, length);
}

/** The password as a BMPString's content with two zero octets behind it (RFC 7292 appendix B.1). */
export function bmpPassword(password: string): Uint8Array {
  return bmpOctets(`${password}\0`);
}

/** UTF-16, big-endian: the content of a BMPString; beyond the BMP as the surrogate pairs that OpenSSL and Java use. */
export function bmpOctets(text: string): Uint8Array {
  return Buffer.from(text, 'utf16le').swap16();
}

/** The octets repeated to whole blocks (RFC 7292 appendix B.2, steps 2 and 3); none stay none. */
function fillBlocks(octets: Uint8Array): Uint8Array {
  return Buffer.alloc(Math.ceil(octets.length / blockLength) * blockLength, octets);
}

/** I_j = (I_j + B + 1) mod 2^v for each block of the input (RFC 7292 appendix B.2, step 6c). */
function addToBlocks(input: Buffer, block: Uint8Array): void {
  const addend = fillBlocks(block);
  for (let start = 0; start < input.length; start += blockLength) {
    let carry = 1;
    for (let index = blockLength - 1; index >= 0; index--) {
      const sum = (input[start + index] ?? 0) + (addend[index] ?? 0) + carry;
      input[start + index] = sum & 0xff;
      carry = sum >> 8;
    }
  }
}
