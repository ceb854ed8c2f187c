import { CaError } from '../core/ca-error.ts';
import { malformed, readDer } from './der-reader.ts';

const minRsaBits = 2048;
/** OpenSSL takes up to 16,384, but each check of a signature grows with the square of it. */
const maxRsaBits = 8192;
/** FIPS 186-5 §5.4 wants more than 2^16; Go and older Windows read no more than 31 bits. */
const minRsaExponent = 65_537n;
const maxRsaExponent = 2n ** 31n - 1n;

/**
 * The bits of the modulus of an RSAPublicKey (RFC 8017 appendix A.1.1) that is fit for use.
 *
 * Throws `x509/weak-key` for a modulus below 2048 bits, even, with a small factor, with the mark of the ROCA
 * generator (CVE-2017-15361) or with primes close to each other (CVE-2022-26320), and for a bad exponent.
 */
export function checkRsaPublicKey(publicKey: Uint8Array): number {
  const { modulus, exponent } = readDer(publicKey, 'RSA key', (reader) => {
    const key = reader.sequence('RSA key');
    const numbers = {
      modulus: unsigned(key.integer('RSA modulus')),
      exponent: unsigned(key.integer('RSA exponent')),
    };
    key.end('RSA exponent');
    return numbers;
  });
  const bits = modulus.toString(2).length;
  if (bits < minRsaBits) throw weak(`RSA key has ${bits} bits < ${minRsaBits} required`);
  if (bits > maxRsaBits) throw unsupportedSize(`RSA key has ${bits} bits > ${maxRsaBits} allowed`);
  if (bits % 8 !== 0) throw unsupportedSize(`RSA key has ${bits} bits, not a multiple of 8`);
  if (exponent < minRsaExponent) throw weak(`RSA exponent is ${exponent} < ${minRsaExponent} required`);
  if (exponent > maxRsaExponent)
    throw weak(`RSA exponent has ${exponent.toString(2).length} bits > 31 allowed`);
  if (exponent % 2n === 0n) throw weak(`RSA exponent is ${exponent}, which is even`);
  const factor = smallPrimes().find((prime) => modulus % prime === 0n);
  if (factor !== undefined) throw weak(`RSA modulus is divisible by ${factor}`);
  if (hasRocaFingerprint(modulus)) throw weak('RSA modulus bears the mark of ROCA (CVE-2017-15361)');
  if (hasClosePrimes(modulus)) throw weak('RSA modulus has primes close to each other (CVE-2022-26320)');
  return bits;
}

/**
 * Refuses what is not an uncompressed point (SEC 1 §2.3.3) on the curve. The cofactor being 1, a point on the
 * curve other than infinity has full order. Throws `x509/malformed`, `x509/unsupported-key` or `x509/weak-key`.
 */
export function checkEcPoint(curve: 'p256' | 'p384', point: Uint8Array): void {
  const { name, p, b, octets } = curves[curve];
  if (point.length === 1 && point[0] === 0) throw weak(`${name} key is the point at infinity`);
  if (point[0] === 2 || point[0] === 3) {
    throw new CaError('x509/unsupported-key', `${name} key is a compressed point`, {
      hint: 'write the point uncompressed: openssl ec -conv_form uncompressed',
    });
  }
  if (point[0] !== 4 || point.length !== 1 + 2 * octets) {
    throw malformed(`${name} key is not an uncompressed point of ${1 + 2 * octets} octets`);
  }
  const x = unsigned(point.subarray(1, 1 + octets));
  const y = unsigned(point.subarray(1 + octets));
  // y² = x³ - 3x + b (FIPS 186-5, SP 800-186 §3.2.1)
  if (x >= p || y >= p || (y * y - (x * x - 3n) * x - b) % p !== 0n)
    throw weak(`${name} key is not on its curve`);
}

/**
 * Refuses an Ed25519 key that is not 32 octets of a reduced y-coordinate (RFC 8032 §5.1.3), or whose point has
 * small order, so that one signature fits many messages. Throws `x509/malformed` or `x509/weak-key`.
 */
export function checkEd25519PublicKey(publicKey: Uint8Array): void {
  if (publicKey.length !== 32) throw malformed(`Ed25519 key has ${publicKey.length} octets, not 32`);
  const y = unsigned(Uint8Array.from(publicKey).reverse()) & (2n ** 255n - 1n);
  if (y >= ed25519Prime) throw weak('Ed25519 key is not reduced modulo 2^255 - 19');
  if (smallOrderY.has(y)) throw weak('Ed25519 key is a point of small order');
}

const curves = {
  p256: {
    name: 'P-256',
    octets: 32,
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  p384: {
    name: 'P-384',
    octets: 48,
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
} as const;

const ed25519Prime = 2n ** 255n - 19n;
/** The y-coordinate of two of the points of order 8; that of the other two is its negative. */
const orderEightY = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
/** The y-coordinates of the eight points whose order divides 8. */
const smallOrderY = new Set([0n, 1n, ed25519Prime - 1n, orderEightY, ed25519Prime - orderEightY]);

/** The primes below 752, made at the first RSA key: most commands see none. */
function smallPrimes(): readonly bigint[] {
  knownPrimes ??= primesBelow(752);
  return knownPrimes;
}

let knownPrimes: readonly bigint[] | undefined;

/** The primes of the ROCA test (Nemec et al., "The Return of Coppersmith's Attack", §3.4). */
const rocaPrimes = [
  11n,
  13n,
  17n,
  19n,
  37n,
  53n,
  61n,
  71n,
  73n,
  79n,
  97n,
  103n,
  107n,
  109n,
  127n,
  151n,
  157n,
];

/** For each of these primes the powers of 65537, made at the first RSA key as well. */
function rocaSubgroups(): readonly RocaSubgroup[] {
  knownSubgroups ??= rocaPrimes.map((prime) => ({ prime, residues: powersOf(65_537n, prime) }));
  return knownSubgroups;
}

interface RocaSubgroup {
  readonly prime: bigint;
  readonly residues: ReadonlySet<bigint>;
}

let knownSubgroups: readonly RocaSubgroup[] | undefined;

/** Infineon's generator makes primes that are a power of 65537 modulo many small primes: so is their product. */
function hasRocaFingerprint(modulus: bigint): boolean {
  return rocaSubgroups().every(({ prime, residues }) => residues.has(modulus % prime));
}

/** A hundred rounds of Fermat's factoring, which find primes that share their upper half. */
function hasClosePrimes(modulus: bigint): boolean {
  let a = squareRoot(modulus) + 1n;
  for (let round = 0; round < 100; round++, a++) {
    const rest = a * a - modulus;
    // A square is 0, 1, 4 or 9 modulo 16: three in four candidates end here.
    if (![0n, 1n, 4n, 9n].includes(rest & 15n)) continue;
    const root = squareRoot(rest);
    if (root * root === rest) return true;
  }
  return false;
}

/** The integer below or at the square root, by Newton's iteration from above. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt(Math.ceil(value.toString(16).length / 2) * 4);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function powersOf(base: bigint, modulus: bigint): Set<bigint> {
  const powers = new Set<bigint>();
  for (let power = 1n; !powers.has(power); power = (power * base) % modulus) powers.add(power);
  return powers;
}

function primesBelow(limit: number): bigint[] {
  const primes: number[] = [];
  for (let candidate = 2; candidate < limit; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes.map(BigInt);
}

function unsigned(octets: Uint8Array): bigint {
  if (octets.length === 0) return 0n;
  return BigInt(`0x${Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('hex')}`);
}

function weak(fault: string): CaError {
  return new CaError('x509/weak-key', fault, { hint: 'make a new key, for example on P-256' });
}

function unsupportedSize(fault: string): CaError {
  return new CaError('x509/unsupported-key', fault, { hint: 'use an RSA key of 2048, 3072 or 4096 bits' });
}
