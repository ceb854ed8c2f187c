import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaError } from '../../../src/core/ca-error.ts';
import { decodeCertificate } from '../../../src/x509/certificate.ts';
import { inspectCertificate, isSignedBy, readCertificateFile } from '../../../src/x509/inspect.ts';
import { decodePem, encodePem } from '../../../src/x509/pem.ts';
import { handmadeCsr, p256Key } from '../../support/handmade-csr.ts';
import { describeWith, runProgram, temporaryDirectory } from '../../support/outside-program.ts';
import { refusalOf } from '../../support/refusal.ts';

const keyPem = p256Key.export({ type: 'pkcs8', format: 'pem' }).toString();
const keyDer = p256Key.export({ type: 'pkcs8', format: 'der' });

/** A self-signed certificate of openssl over the fixed P-256 key. */
function certificate(...options: readonly string[]): Uint8Array {
  const path = join(temporaryDirectory(), 'key');
  writeFileSync(path, keyPem);
  const make = ['req', '-x509', '-key', path, '-outform', 'PEM', '-utf8', ...options];
  return readCertificateFile(runProgram('openssl', make))[0];
}

const subject = ['-subj', '/C=DE/O=Acme/CN=billing'];

describe('readCertificateFile', () => {
  const der = Buffer.from('3003020101', 'hex');
  const pem = encodePem('CERTIFICATE', der);

  test('gives every certificate of a bundle, passing over its key', () => {
    expect(readCertificateFile(keyPem + pem + pem).map((each) => Buffer.from(each))).toEqual([der, der]);
  });

  test('gives DER as it is', () => {
    expect(readCertificateFile(der)).toEqual([der]);
  });

  test.each<[string, Uint8Array | string, string]>([
    ['nothing', '', 'certificate is empty'],
    ['text', 'hello', 'neither PEM nor DER'],
    ['a private key', keyPem, 'file holds a private key, not a certificate'],
    [
      'a request',
      encodePem('CERTIFICATE REQUEST', handmadeCsr()),
      'a certificate request, not a certificate',
    ],
    ['a file beyond 1 MiB', Buffer.alloc(1_048_577, 0x30), '1048577 octets > 1048576 allowed'],
  ])('refuses %s', (_, input, message) => {
    const refusal = refusalOf(() => readCertificateFile(input));
    expect(refusal.code).toBe('x509/malformed');
    expect(refusal.message).toContain(message);
  });
});

describe('inspectCertificate refuses, never quoting it,', () => {
  test.each<[string, Uint8Array, string]>([
    ['no octets', new Uint8Array(), 'missing or cut off'],
    ['garbage', Buffer.from('hello'), 'has tag 68'],
    ['a private key', keyDer, 'a private key or a PKCS#12 file, not a certificate'],
    ['a request', handmadeCsr(), 'malformed'],
  ])('%s', async (_, der, message) => {
    const refusal = await inspectCertificate(der).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CaError);
    expect(refusal).toMatchObject({ code: 'x509/malformed', message: expect.stringContaining(message) });
  });
});

describeWith('openssl')('inspectCertificate', () => {
  test('reads every field of a certificate that openssl made', async () => {
    const names =
      'DNS:api.example.com,IP:10.0.0.7,IP:2001:db8::7,email:ops@example.com,URI:spiffe://example.com/b';
    const der = certificate(
      ...['-subj', '/C=DE/O=Acme, Inc./CN=Zoë', '-set_serial', '0x00ab12', '-days', '10'],
      ...[
        '-addext',
        `subjectAltName=${names},RID:1.2.3`,
        '-addext',
        'basicConstraints=critical,CA:TRUE,pathlen:0',
      ],
      ...['-addext', 'keyUsage=critical,digitalSignature,keyCertSign,cRLSign'],
      ...['-addext', 'extendedKeyUsage=clientAuth,serverAuth,1.2.3.4'],
      ...['-addext', 'crlDistributionPoints=URI:http://ca.example.com/ca.crl'],
    );
    const facts = await inspectCertificate(der);
    expect(facts).toMatchObject({
      serial: 'ab12',
      subject: 'CN=Zoë,O=Acme\\, Inc.,C=DE',
      issuer: 'CN=Zoë,O=Acme\\, Inc.,C=DE',
      key: 'p256',
      subjectAltNames: [
        'dns:api.example.com',
        'ip:10.0.0.7',
        'ip:2001:db8::7',
        'email:ops@example.com',
        'uri:spiffe://example.com/b',
        'id:1.2.3',
      ],
      keyUsage: ['digitalSignature', 'keyCertSign', 'cRLSign'],
      extendedKeyUsage: ['clientAuth', 'serverAuth', '1.2.3.4'],
      basicConstraints: { ca: true, pathLength: 0 },
      crlUrls: ['http://ca.example.com/ca.crl'],
    });
    expect([...facts.criticalExtensions].sort()).toEqual(['2.5.29.15', '2.5.29.19']);
    expect(facts.subjectKeyIdentifier).toMatch(/^[0-9a-f]{40}$/);
    expect(facts.notAfter.getTime() - facts.notBefore.getTime()).toBe(10 * 86_400_000);
  });

  test('reads what our own reader reads', async () => {
    const der = certificate(...subject, '-addext', 'keyUsage=critical,digitalSignature');
    const facts = await inspectCertificate(der);
    const own = decodeCertificate(der);
    expect(facts.serial).toBe(own.serial);
    expect(facts.notBefore).toEqual(own.notBefore);
    expect(facts.notAfter).toEqual(own.notAfter);
    expect(Buffer.from(facts.spki)).toEqual(Buffer.from(own.spki));
    expect(facts.keyUsage).toEqual(own.keyUsage);
  });

  test.each([
    [['-newkey', 'rsa:1024'], 'rsa 1024'],
    [['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], 'ec secp256k1'],
    [['-newkey', 'ed448'], 'ed448'],
  ])('describes a key that we would not certify (%j)', async (options, key) => {
    const path = join(temporaryDirectory(), 'key');
    const make = ['req', '-x509', ...options, '-nodes', '-keyout', path, ...subject];
    const [der] = readCertificateFile(runProgram('openssl', make));
    expect((await inspectCertificate(der)).key).toBe(key);
  });

  test('makes what could steer a terminal visible', async () => {
    const { subject: text } = await inspectCertificate(certificate('-subj', '/CN=a\u001b[31mb'));
    expect(text).toBe('CN=a\\u{1b}[31mb');
  });

  test('refuses a certificate that was changed anywhere with a CaError, or reads it', async () => {
    const der = certificate(...subject, '-addext', 'subjectAltName=DNS:a.example,IP:10.0.0.7');
    const edit = fc.tuple(fc.nat({ max: der.length - 1 }), fc.nat({ max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const bytes = Uint8Array.from(der);
        for (const [at, octet] of edits) bytes[at] = octet;
        const outcome = await inspectCertificate(bytes).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(CaError);
        else expect(() => JSON.stringify(outcome)).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });
});

describeWith('openssl')('isSignedBy', () => {
  const directory = () => {
    const path = temporaryDirectory();
    const file = (name: string) => join(path, name);
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const make = (name: string, ...options: string[]) => {
      runProgram('openssl', [
        ...['req', '-x509', ...ec, '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)],
        ...['-subj', `/CN=${name}`, ...options],
      ]);
      return decodePem(readFileSync(file(`${name}.crt`), 'utf8'))[0]?.der ?? new Uint8Array();
    };
    const root = make('root');
    const leaf = make('leaf', '-CA', file('root.crt'), '-CAkey', file('root.key'));
    return { root, leaf, other: make('other') };
  };

  test("is true of the issuer's key alone", () => {
    const { root, leaf, other } = directory();
    expect(isSignedBy(leaf, root)).toBe(true);
    expect(isSignedBy(root, root)).toBe(true);
    expect(isSignedBy(leaf, other)).toBe(false);
    expect(isSignedBy(root, leaf)).toBe(false);
  });

  test('is false after one octet of the signature has changed', () => {
    const { root, leaf } = directory();
    const changed = Uint8Array.from(leaf);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    expect(isSignedBy(changed, root)).toBe(false);
  });

  test('refuses what is no certificate', () => {
    const { root } = directory();
    expect(refusalOf(() => isSignedBy(keyDer, root)).code).toBe('x509/malformed');
  });
});
