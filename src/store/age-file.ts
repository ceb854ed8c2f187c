import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  scryptSync,
  timingSafeEqual,
} from 'node:crypto';
import { CaError } from '../core/ca-error.ts';
import { damagedBackup, notABackup } from './backup-fault.ts';
import type { OctetReader } from './octet-reader.ts';

/** How every file in the age format begins (C2SP age v1). */
export const ageMagic = 'age-encryption.org/v1\n';

/** Fresh octets for one file. */
export interface AgeRandom {
  readonly salt: Uint8Array;
  readonly fileKey: Uint8Array;
  readonly nonce: Uint8Array;
}

/** How many octets of each {@link AgeRandom} takes. */
export const ageRandomOctets = { salt: 16, fileKey: 16, nonce: 16 } as const;

/** scrypt with N = 2^17, r = 8, p = 1: 128 MiB and some tenths of a second for every guess. */
export const defaultWorkFactor = 17;

/** What others' files may ask for: 2^20 takes a GiB. */
const largestWorkFactor = 20;

/** What to do with files of age that are not written by this program. */
const openByHand = 'open it with age, and give the tar that is in it';

const chunkOctets = 65_536;
const tagOctets = 16;

/**
 * Encrypts under a passphrase in the age format, version 1, with the scrypt recipient: `age --decrypt` opens it.
 * The payload is in chunks of 64 KiB under ChaCha20-Poly1305, each with its number and whether it is the last one in
 * its nonce, so that nothing can be cut off, moved or left out without notice.
 */
export class AgeWriter {
  readonly #sink: (octets: Uint8Array) => void;
  readonly #key: Uint8Array;
  readonly #pending = Buffer.alloc(chunkOctets);
  #filled = 0;
  #count = 0;

  constructor(
    sink: (octets: Uint8Array) => void,
    passphrase: string,
    { salt, fileKey, nonce }: AgeRandom,
    workFactor = defaultWorkFactor,
  ) {
    this.#sink = sink;
    const wrapped = seal(wrapKey(passphrase, salt, workFactor), new Uint8Array(12), fileKey);
    const header = `${ageMagic}-> scrypt ${encode(salt)} ${workFactor}\n${encode(wrapped)}\n---`;
    sink(Buffer.from(`${header} ${encode(headerMac(fileKey, header))}\n`));
    sink(nonce);
    this.#key = payloadKey(fileKey, nonce);
  }

  write(octets: Uint8Array): void {
    for (let at = 0; at < octets.length; ) {
      // A full chunk waits for what follows: only then is it known not to be the last.
      if (this.#filled === chunkOctets) this.#flush(false);
      const part = octets.subarray(at, at + chunkOctets - this.#filled);
      this.#pending.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
  }

  /** Writes the last chunk, without which the file does not open. */
  end(): void {
    this.#flush(true);
  }

  #flush(isLast: boolean): void {
    const plain = this.#pending.subarray(0, this.#filled);
    this.#sink(seal(this.#key, chunkNonce(this.#count++, isLast), plain));
    this.#filled = 0;
  }
}

/**
 * The key of the payload that follows the header and nonce, which are taken from `reader`. Throws
 * `x509/wrong-passphrase`, `store/not-a-backup` for other recipients than a passphrase, `store/damaged-backup`.
 */
export function openAge(reader: OctetReader, passphrase: string): Uint8Array {
  const header = takeHeader(reader);
  const found =
    /^age-encryption\.org\/v1\n-> scrypt ([\w+/]{22}) ([1-9]\d?)\n([\w+/]{43})\n--- ([\w+/]{43})\n$/.exec(
      header,
    );
  if (!found) throw notABackup('is encrypted to keys, not with a passphrase', openByHand);
  const [salt, , body, mac] = [1, 2, 3, 4].map((group) => decode(found[group] ?? ''));
  const workFactor = Number(found[2]);
  if (!salt || !body || !mac) throw damagedBackup('its header is no header of age');
  if (workFactor > largestWorkFactor)
    throw notABackup(`asks for scrypt with 2^${workFactor} > 2^${largestWorkFactor}`, openByHand);
  const fileKey = unseal(wrapKey(passphrase, salt, workFactor), new Uint8Array(12), body);
  if (!fileKey) {
    throw new CaError('x509/wrong-passphrase', 'the passphrase does not open the backup', {
      hint: "type it again: it is the backup's own, not the CA key's; a damaged header looks the same",
    });
  }
  const signed = header.slice(0, header.lastIndexOf(' '));
  if (!timingSafeEqual(headerMac(fileKey, signed), mac)) throw damagedBackup('its header was changed');
  const nonce = reader.takeUpTo(ageRandomOctets.nonce);
  if (nonce.length < ageRandomOctets.nonce) throw damagedBackup('it is cut off');
  return payloadKey(fileKey, nonce);
}

/** The plain octets of the payload, each chunk after it was proved. Throws `store/damaged-backup`. */
export function* decryptPayload(reader: OctetReader, key: Uint8Array): Generator<Uint8Array> {
  for (let count = 0; ; count++) {
    const sealed = reader.takeUpTo(chunkOctets + tagOctets);
    const isLast = reader.isAtEnd();
    const plain = sealed.length < tagOctets ? undefined : unseal(key, chunkNonce(count, isLast), sealed);
    if (!plain)
      throw damagedBackup(
        `it was changed or cut off ${isLast ? 'at its end' : `near octet ${reader.taken}`}`,
      );
    if (plain.length > 0) yield plain;
    if (isLast) return;
  }
}

/** The four lines before the payload, as text; no more is read than they can have. */
function takeHeader(reader: OctetReader): string {
  let header = '';
  for (let lines = 0; lines < 4 && header.length < 256; ) {
    const octet = reader.takeSome(1);
    if (octet.length === 0) throw damagedBackup('it is cut off');
    header += String.fromCharCode(octet[0] ?? 0);
    if (octet[0] === 0x0a) lines++;
  }
  return header;
}

function wrapKey(passphrase: string, salt: Uint8Array, workFactor: number): Buffer {
  const N = 2 ** workFactor;
  const salted = Buffer.concat([Buffer.from('age-encryption.org/v1/scrypt'), salt]);
  return scryptSync(passphrase, salted, 32, { N, r: 8, p: 1, maxmem: 2 * 128 * N * 8 });
}

function headerMac(fileKey: Uint8Array, header: string): Buffer {
  return createHmac('sha256', derive(fileKey, '', 'header'))
    .update(header)
    .digest();
}

function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return derive(fileKey, nonce, 'payload');
}

function derive(fileKey: Uint8Array, salt: Uint8Array | string, info: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', fileKey, salt, info, 32));
}

/** Eleven octets of the chunk's number, and one that says whether it is the last. */
function chunkNonce(count: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(count, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

function seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagOctets });
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagOctets });
  decipher.setAuthTag(sealed.subarray(-tagOctets));
  const plain = decipher.update(sealed.subarray(0, -tagOctets));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

/** Base64 without padding, canonical or refused. */
function decode(text: string): Buffer | undefined {
  const octets = Buffer.from(text, 'base64');
  return encode(octets) === text ? octets : undefined;
}

function encode(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64').replace(/=+$/, '');
}
