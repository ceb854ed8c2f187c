import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CaError } from '../../../src/core/ca-error.ts';
import { maxCsrOctets, readCsr, readCsrAside } from '../../../src/x509/csr.ts';
import {
  boolean,
  ia5String,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  utf8String,
} from '../../../src/x509/der-writer.ts';
import { encodeGeneralNames } from '../../../src/x509/general-name.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import {
  attribute,
  extension,
  extensionRequest,
  handmadeCsr,
  nameOf,
  p256Key,
  rsaSpki,
} from '../../support/handmade-csr.ts';
import { refusalOf } from '../../support/refusal.ts';

const pemOf = (der: Uint8Array, label = 'CERTIFICATE REQUEST') => encodePem(label, der);
const sanOf = (value: Uint8Array) => extensionRequest(extension('2.5.29.17', value));
const rsaAlgorithm = (dotted: string) => sequence(oid(dotted), nullValue);

describe('readCsr reads', () => {
  test('DER, PEM as text and as octets, with the older label, text around it, CRLF and a byte order mark', () => {
    const der = handmadeCsr();
    const pem = pemOf(der);
    const spellings = [
      der,
      pem,
      Buffer.from(pem),
      pemOf(der, 'NEW CERTIFICATE REQUEST'),
      `Certificate Request:\n    Data:\n${pem}`,
      pem.replaceAll('\n', '\r\n'),
      `\ufeff${pem}`,
      Buffer.from(`\ufeff${pem}`),
    ];
    for (const spelling of spellings) expect(readCsr(spelling)).toEqual(readCsr(der));
  });

  test('the key, the subject and the names, in canonical spelling and each once', () => {
    const sans = encodeGeneralNames([
      { type: 'dns', value: 'API.example.com' },
      { type: 'dns', value: 'api.example.com' },
      { type: 'ip', value: '2001:db8::7' },
    ]);
    const csr = readCsr(handmadeCsr({ attributes: [sanOf(sans)] }));
    expect(csr).toEqual({
      spki: Uint8Array.from(createPublicKey(p256Key).export({ type: 'spki', format: 'der' })),
      algorithm: 'p256',
      subject: { text: 'CN=billing', name: [{ type: 'CN', value: 'billing' }], fault: undefined },
      subjectAltNames: [
        { type: 'dns', value: 'api.example.com' },
        { type: 'ip', value: '2001:db8::7' },
      ],
      requestedExtensions: [{ oid: '2.5.29.17', critical: false, name: 'subjectAltName' }],
    });
  });

  test('a request that leaves out its empty attributes, as several libraries do', () => {
    expect(readCsr(handmadeCsr({ attributes: false })).subjectAltNames).toEqual([]);
  });

  test('an empty subject', () => {
    expect(readCsr(handmadeCsr({ subject: sequence() })).subject).toEqual({
      text: '',
      name: [],
      fault: undefined,
    });
  });

  test('a subject that we do not make, for showing, and says why', () => {
    const subject = nameOf(ia5String('ops@example.com'), '1.2.840.113549.1.9.1');
    const { text, name, fault } = readCsr(handmadeCsr({ subject })).subject;
    expect(name).toBeUndefined();
    expect(text).toContain('1.2.840.113549.1.9.1=');
    expect(fault).toContain('1.2.840.113549.1.9.1');
  });

  test('a subject that breaks the bounds of RFC 5280 appendix A.1, for showing', () => {
    const { name, fault } = readCsr(handmadeCsr({ subject: nameOf('x'.repeat(65)) })).subject;
    expect(name).toBeUndefined();
    expect(fault).toContain('65 characters > 64 allowed');
  });

  test('what else was asked for, by name, without granting it', () => {
    const attributes = [
      extensionRequest(
        extension('2.5.29.15', Buffer.from('03020106', 'hex'), true),
        extension('2.5.29.19', sequence()),
        extension('1.2.3.4', nullValue),
      ),
      attribute('1.2.840.113549.1.9.7', utf8String('a challenge password')),
    ];
    expect(readCsr(handmadeCsr({ attributes })).requestedExtensions).toEqual([
      { oid: '2.5.29.15', critical: true, name: 'keyUsage' },
      { oid: '2.5.29.19', critical: false, name: 'basicConstraints' },
      { oid: '1.2.3.4', critical: false, name: undefined },
    ]);
  });

  test('basicConstraints that spell out CA:FALSE, as some tools do', () => {
    const attributes = [extensionRequest(extension('2.5.29.19', sequence(boolean(false))))];
    expect(readCsr(handmadeCsr({ attributes })).requestedExtensions).toHaveLength(1);
  });
});

describe('readCsr refuses as x509/malformed-csr', () => {
  const key = p256Key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const keyDer = p256Key.export({ type: 'pkcs8', format: 'der' });
  const encryptedDer = p256Key.export({
    type: 'pkcs8',
    format: 'der',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  });
  const spki = createPublicKey(p256Key).export({ type: 'spki', format: 'der' });
  const der = handmadeCsr();

  test.each<[string, Uint8Array | string, string]>([
    ['an empty file', '', 'certificate request is empty'],
    ['no octets', new Uint8Array(), 'certificate request is empty'],
    ['text', 'hello', 'neither PEM nor DER'],
    ['binary garbage', Buffer.from('ff00fe01', 'hex'), 'neither PEM nor DER'],
    ['a SEQUENCE of garbage', Buffer.from('300401020304', 'hex'), 'malformed'],
    ['base64 garbage', pemOf(der).replace('M', '!'), 'not canonical base64'],
    ['a file beyond 64 KiB', Buffer.alloc(maxCsrOctets + 1, 0x30), '65537 octets > 65536 allowed'],
    ['text beyond 64 KiB', 'ü'.repeat(maxCsrOctets), '131072 octets > 65536 allowed'],
    ['UTF-16, as PowerShell writes it', Buffer.from(`\ufeff${pemOf(der)}`, 'utf16le'), 'UTF-16'],
    ['two requests', pemOf(der).repeat(2), '2 certificate requests > 1 allowed'],
    ['a private key', key, 'file holds a private key, not a certificate request'],
    ['a private key in DER', keyDer, 'a private key or a PKCS#12 file, not a certificate request'],
    ['an encrypted private key in DER', encryptedDer, 'an encrypted private key, not a'],
    ['a public key in DER', spki, 'a public key, not a certificate request'],
    ['a private key under the label of a request', pemOf(keyDer), 'a private key or a PKCS#12 file, not a'],
    ['a CRL', encodePem('X509 CRL', der), 'a revocation list, not a certificate request'],
    ['octets behind the request', Buffer.concat([der, Buffer.of(0)]), '1 octets follow'],
    ['version 1 (RFC 2986 §4.1)', handmadeCsr({ version: 1 }), 'version is 1, not 0'],
  ])('%s', (_, input, message) => {
    const refusal = refusalOf(() => readCsr(input));
    expect(refusal.code).toBe('x509/malformed-csr');
    expect(refusal.message).toContain(message);
    expect(refusal.hint).toBeDefined();
  });

  test('a private key beside the request, and never quotes it', () => {
    const refusal = refusalOf(() => readCsr(key + pemOf(der)));
    expect(refusal.message).toBe('file holds a private key beside the certificate request');
    expect(refusal.hint).toContain('request alone');
  });

  test('a private key without a word of it in message, hint, stack or cause', () => {
    const secret = key.split('\n')[1] ?? '';
    const hex = keyDer.toString('hex').slice(-64);
    for (const input of [key, keyDer, pemOf(keyDer), key + pemOf(der)]) {
      const { message, hint, stack, cause } = refusalOf(() => readCsr(input));
      const said = [message, hint, stack, String(cause)].join('\n');
      expect(said).not.toContain(secret.slice(0, 16));
      expect(said).not.toContain(hex.slice(0, 16));
    }
  });

  test.each<[string, Uint8Array, string]>([
    ['NUL', nameOf('billing\0.evil'), '\\u{0}'],
    ['a line break', nameOf('billing\nroot'), '\\u{a}'],
    ['an escape sequence', nameOf('\u001b[31mred'), '\\u{1b}'],
    ['a bidirectional override', nameOf('\u202egnillib'), '\\u{202e}'],
    ['NUL in an attribute of an unknown type', nameOf('a\0b', '1.2.3.4'), '\\u{0}'],
  ])('a subject with %s', (_, subject, shown) => {
    const refusal = refusalOf(() => readCsr(handmadeCsr({ subject })));
    expect(refusal.code).toBe('x509/malformed-csr');
    expect(refusal.message).toContain(shown);
  });

  const twice = extension('2.5.29.17', encodeGeneralNames([{ type: 'dns', value: 'a.example' }]));
  test.each<[string, Uint8Array[], string]>([
    ['an extension twice (RFC 5280 §4.2)', [extensionRequest(twice, twice)], 'subjectAltName comes twice'],
    ['an attribute twice', [extensionRequest(twice), extensionRequest()], 'comes twice'],
    [
      "extensions both in RFC 2985's attribute and in Microsoft's",
      [extensionRequest(twice), attribute('1.3.6.1.4.1.311.2.1.14', sequence(twice))],
      'more than one extensionRequest',
    ],
    [
      'two values of extensionRequest (RFC 2985 §5.4.2)',
      [attribute('1.2.840.113549.1.9.14', sequence(), sequence(twice))],
      'follow extensionRequest',
    ],
    [
      'an unknown critical extension',
      [extensionRequest(extension('1.2.3.4', nullValue, true))],
      'critical extension 1.2.3.4',
    ],
    [
      'a critical extension that spells out its default (X.690 §11.5)',
      [extensionRequest(sequence(oid('2.5.29.15'), boolean(false), octetString(nullValue)))],
      'spells out its default',
    ],
    ['no name in subjectAltName', [sanOf(sequence())], 'general name'],
    ['an otherName', [sanOf(sequence(implicit(0, sequence(oid('1.2.3'), nullValue))))], 'general name [0]'],
    ['a DNS name with a space', [sanOf(sequence(implicit(2, ia5String('a b'))))], 'dns name "a b"'],
    ['a DNS name with NUL', [sanOf(sequence(implicit(2, octetString(Buffer.from('a\0b')))))], 'not ASCII'],
    [
      'an IP address of five octets',
      [sanOf(sequence(implicit(7, octetString(Buffer.alloc(5)))))],
      '5 octets',
    ],
    [
      'a SPIFFE ID with a query',
      [sanOf(sequence(implicit(6, ia5String('spiffe://a/b?c'))))],
      'not a SPIFFE ID',
    ],
  ])('%s', (_, attributes, message) => {
    const refusal = refusalOf(() => readCsr(handmadeCsr({ attributes })));
    expect(refusal.code).toBe('x509/malformed-csr');
    expect(refusal.message).toContain(message);
  });

  test('a 1 MB subjectAltName, by its size', () => {
    const sans = sequence(implicit(2, ia5String('a'.repeat(1_000_000))));
    expect(refusalOf(() => readCsr(handmadeCsr({ attributes: [sanOf(sans)] }))).message).toContain(
      '> 65536 allowed',
    );
  });

  test('a request cut off after any octet', () => {
    const attributes = [sanOf(encodeGeneralNames([{ type: 'dns', value: 'api.example.com' }]))];
    const whole = handmadeCsr({ attributes });
    for (let length = 0; length < whole.length; length++) {
      expect(() => readCsr(whole.subarray(0, length))).toThrow(CaError);
    }
  });

  test('PEM cut off after any character before its last dash', () => {
    const whole = pemOf(der).trimEnd();
    for (let length = 0; length < whole.length; length++) {
      expect(() => readCsr(whole.slice(0, length))).toThrow(CaError);
    }
  });
});

describe('readCsr refuses', () => {
  test('a request for a CA certificate (basicConstraints CA:TRUE) as x509/ca-requested', () => {
    const attributes = [extensionRequest(extension('2.5.29.19', sequence(boolean(true), integer(0)), true))];
    const refusal = refusalOf(() => readCsr(handmadeCsr({ attributes })));
    expect(refusal.code).toBe('x509/ca-requested');
    expect(refusal.message).toBe('request asks for a CA certificate (basicConstraints CA:TRUE)');
  });

  test.each([
    [
      'by another key',
      handmadeCsr({
        key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
        spki: createPublicKey(p256Key).export({ type: 'spki', format: 'der' }),
      }),
    ],
    ['of zeros', handmadeCsr({ signature: new Uint8Array(70) })],
    ['of no octets', handmadeCsr({ signature: new Uint8Array() })],
  ])('a signature %s as x509/bad-signature', (_, der) => {
    expect(refusalOf(() => readCsr(der)).code).toBe('x509/bad-signature');
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const modulus = Buffer.from(rsa.export({ format: 'jwk' }).n ?? '', 'base64url');
  const sha256WithRsa = rsaAlgorithm('1.2.840.113549.1.1.11');

  test.each([
    [
      'sha1WithRSAEncryption',
      { key: rsa, hash: 'sha1', signatureAlgorithm: rsaAlgorithm('1.2.840.113549.1.1.5') },
    ],
    [
      'md5WithRSAEncryption',
      { key: rsa, hash: 'md5', signatureAlgorithm: rsaAlgorithm('1.2.840.113549.1.1.4') },
    ],
    ['ecdsa-with-SHA1', { hash: 'sha1', signatureAlgorithm: sequence(oid('1.2.840.10045.4.1')) }],
  ])('%s as x509/unsupported-key', (name, parts) => {
    expect(refusalOf(() => readCsr(handmadeCsr(parts)))).toMatchObject({
      code: 'x509/unsupported-key',
      message: expect.stringContaining(`signature algorithm ${name} is not one of`),
      hint: expect.any(String),
    });
  });

  test('a signature algorithm of another kind of key', () => {
    const refusal = refusalOf(() => readCsr(handmadeCsr({ signatureAlgorithm: sha256WithRsa })));
    expect(refusal.message).toContain('a p256 key makes no signature of sha256WithRSAEncryption');
  });

  test('RSA without NULL parameters (RFC 4055 §5)', () => {
    const parts = { key: rsa, signatureAlgorithm: sequence(oid('1.2.840.113549.1.1.11')) };
    expect(refusalOf(() => readCsr(handmadeCsr(parts))).code).toBe('x509/malformed-csr');
  });

  test.each([1n, 3n, 65_536n])('RSA with the exponent %d as x509/weak-key', (exponent) => {
    const parts = { key: rsa, signatureAlgorithm: sha256WithRsa, spki: rsaSpki(modulus, exponent) };
    const refusal = refusalOf(() => readCsr(handmadeCsr(parts)));
    expect(refusal.code).toBe('x509/weak-key');
    expect(refusal.message).toContain(String(exponent));
  });

  test('RSA of 1,024 bits as x509/weak-key, with the number', () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const refusal = refusalOf(() => readCsr(handmadeCsr({ key, signatureAlgorithm: sha256WithRsa })));
    expect(refusal.code).toBe('x509/weak-key');
    expect(refusal.message).toContain('1024 bits < 2048');
  });

  test.each(['secp256k1', 'secp521r1'])('a key on %s as x509/unsupported-key', (namedCurve) => {
    const key = generateKeyPairSync('ec', { namedCurve }).privateKey;
    expect(refusalOf(() => readCsr(handmadeCsr({ key }))).code).toBe('x509/unsupported-key');
  });

  test('a point that is not on its curve as x509/weak-key', () => {
    const spki = Buffer.from(createPublicKey(p256Key).export({ type: 'spki', format: 'der' }));
    spki[90] = (spki[90] ?? 0) ^ 1;
    expect(refusalOf(() => readCsr(handmadeCsr({ spki }))).code).toBe('x509/weak-key');
  });
});

describe('readCsrAside', () => {
  test.each([
    ['on P-256', p256Key, 'sha256', undefined],
    [
      'on P-384',
      generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
      'sha384',
      sequence(oid('1.2.840.10045.4.3.3')),
    ],
    ['on Ed25519', generateKeyPairSync('ed25519').privateKey, null, sequence(oid('1.3.101.112'))],
    [
      'of RSA',
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
      'sha256',
      rsaAlgorithm('1.2.840.113549.1.1.11'),
    ],
  ])('reads a request with a key %s as readCsr does', async (_, key, hash, algorithm) => {
    const der = handmadeCsr({ key, hash, ...(algorithm ? { signatureAlgorithm: algorithm } : {}) });
    expect(await readCsrAside(der)).toEqual(readCsr(der));
  });

  test.each([
    ['of zeros', new Uint8Array(70)],
    ['of no octets', new Uint8Array()],
  ])('refuses a signature %s as readCsr does', async (_, signature) => {
    const der = handmadeCsr({ signature });
    const expected = refusalOf(() => readCsr(der));
    await expect(readCsrAside(der)).rejects.toThrow(expected);
    expect(expected.code).toBe('x509/bad-signature');
  });

  test('tells the good of many that are begun together from the bad', async () => {
    const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signedByAnother = handmadeCsr({
      key,
      spki: createPublicKey(p256Key).export({ type: 'spki', format: 'der' }),
    });
    const requests = [handmadeCsr(), signedByAnother, handmadeCsr({ key }), signedByAnother];
    const outcomes = await Promise.allSettled(requests.map((request) => readCsrAside(request)));
    expect(outcomes).toMatchObject([
      { value: readCsr(handmadeCsr()) },
      { reason: { code: 'x509/bad-signature' } },
      { value: readCsr(handmadeCsr({ key })) },
      { reason: { code: 'x509/bad-signature' } },
    ]);
  });

  test('refuses what is no request as readCsr does, without throwing before it is awaited', async () => {
    const outcome = readCsrAside('no request');
    await expect(outcome).rejects.toMatchObject({ code: 'x509/malformed-csr' });
  });
});
