import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import forge from 'node-forge';
import { describe, expect, test } from 'vitest';
import { CaError } from '../../../src/core/ca-error.ts';
import type { KeyAlgorithm } from '../../../src/core/key-algorithm.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import {
  encodePkcs12,
  type Pkcs12Contents,
  type Pkcs12Kind,
  pkcs12Iterations,
} from '../../../src/x509/pkcs12.ts';
import { encodePrivateKey } from '../../../src/x509/private-key.ts';
import { freshKey } from '../../support/fresh-key.ts';
import { describeWith, runProgram, temporaryDirectory } from '../../support/outside-program.ts';

const kinds: readonly Pkcs12Kind[] = ['modern', 'compat'];
const algorithms: readonly KeyAlgorithm[] = ['p256', 'ed25519', 'rsa2048'];

/** Octets that are different at each call and the same in each run. */
function seededOctets() {
  let calls = 0;
  return (length: number) => createHash('sha256').update(`octets ${calls++}`).digest().subarray(0, length);
}

function contentsOf(algorithm: KeyAlgorithm, more: Partial<Pkcs12Contents> = {}): Pkcs12Contents {
  const { pair } = freshKey(algorithm);
  const privateKey = encodePrivateKey(pair);
  const { certificate, chain } = certificatesFor(encodePem('PRIVATE KEY', privateKey));
  return {
    kind: 'modern',
    privateKey,
    certificate,
    chain,
    friendlyName: 'billing @ Müller',
    password: 'correct horse',
    iterations: pkcs12Iterations.drawn,
    random: seededOctets(),
    ...more,
  };
}

/** A leaf of that key, an issuing CA and a root, all made by openssl. */
function certificatesFor(keyPem: string): { certificate: Uint8Array; chain: Uint8Array[] } {
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  writeFileSync(path('leaf.key'), keyPem);
  const ca = 'basicConstraints=critical,CA:TRUE';
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const make = (name: string, subject: string, ...options: readonly string[]) => {
    runProgram('openssl', [
      'req',
      '-x509',
      '-out',
      path(`${name}.crt`),
      '-subj',
      subject,
      '-days',
      '30',
      ...options,
    ]);
    return new X509Certificate(readFileSync(path(`${name}.crt`))).raw;
  };
  const by = (name: string) => ['-CA', path(`${name}.crt`), '-CAkey', path(`${name}.key`)];
  const root = make('root', '/CN=Root', ...ec, '-keyout', path('root.key'), '-addext', ca);
  const issuing = make(
    'issuing',
    '/CN=Issuing',
    ...ec,
    '-keyout',
    path('issuing.key'),
    ...by('root'),
    '-addext',
    ca,
  );
  const certificate = make('leaf', '/CN=billing', '-key', path('leaf.key'), ...by('issuing'));
  return { certificate, chain: [issuing, root] };
}

function writePfx(contents: Pkcs12Contents): string {
  const path = join(temporaryDirectory(), 'client.p12');
  writeFileSync(path, encodePkcs12(contents));
  return path;
}

describe('encodePkcs12 refuses', () => {
  const contents = {
    kind: 'modern',
    privateKey: Buffer.of(0),
    certificate: Buffer.of(0),
    chain: [],
  } as const;
  const more = { friendlyName: 'billing', random: seededOctets() };

  test.each(kinds)('an empty password (%s)', (kind) => {
    const act = () => encodePkcs12({ ...contents, ...more, kind, password: '' });
    expect(act).toThrow(CaError);
    expect(act).toThrow('the password is empty');
  });

  test('more than 600,000 iterations, which Windows does not read', () => {
    const act = (iterations: number) => encodePkcs12({ ...contents, ...more, password: 'x', iterations });
    expect(() => act(600_001)).toThrow(RangeError);
    expect(() => act(0)).toThrow(RangeError);
  });
});

describeWith('openssl').each(kinds)('a %s PKCS#12', (kind) => {
  test.each(algorithms)('is opened by node:tls (%s)', (algorithm) => {
    const contents = contentsOf(algorithm, { kind });
    const pfx = Buffer.from(encodePkcs12(contents));
    createSecureContext({ pfx, passphrase: contents.password });
    expect(() => createSecureContext({ pfx, passphrase: 'wrong' })).toThrow(/mac verify/i);
  });

  test.each(algorithms)('gives openssl the key and the chain, without -legacy (%s)', (algorithm) => {
    const contents = contentsOf(algorithm, { kind });
    const open = ['pkcs12', '-in', writePfx(contents), '-passin', 'pass:correct horse', '-nodes'];
    const text = runProgram('openssl', open);
    const [key = ''] = /-----BEGIN PRIVATE KEY-----[\s\S]*?-----END PRIVATE KEY-----\n/.exec(text) ?? [];
    expect(createPrivateKey(key).export({ type: 'pkcs8', format: 'der' })).toEqual(
      Buffer.from(contents.privateKey),
    );
    const certificates = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n/g) ?? [];
    const wanted = [contents.certificate, ...contents.chain].map((der) => encodePem('CERTIFICATE', der));
    expect(certificates).toEqual(wanted);
    expect(text.match(/localKeyID: .*/g)?.map((line) => line.trim())).toEqual(
      Array(2).fill(expect.stringMatching(/^localKeyID: ([0-9A-F]{2} ?){20}$/)),
    );
    expect(text.match(/friendlyName: .*/g)).toHaveLength(2);
  });

  test.each([
    ['beyond ASCII', 'Zoë Müller 漢字'],
    ['beyond the BMP', 'correct 😀 horse'],
    ['with spaces around', ' correct horse '],
    ['of 1,000 characters', 'ab'.repeat(500)],
  ])('opens in openssl and node:tls under a password %s', (_, password) => {
    const contents = contentsOf('p256', { kind, password });
    expect(
      runProgram('openssl', ['pkcs12', '-in', writePfx(contents), '-passin', `pass:${password}`, '-nodes']),
    ).toContain('BEGIN PRIVATE KEY');
    createSecureContext({ pfx: Buffer.from(encodePkcs12(contents)), passphrase: password });
  });

  test('is read by node-forge, key and names (RSA)', () => {
    const contents = contentsOf('rsa2048', { kind });
    const der = forge.util.createBuffer(Buffer.from(encodePkcs12(contents)).toString('binary'));
    const pfx = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(der), true, contents.password);
    const bags = pfx.getBags({ friendlyName: contents.friendlyName }).friendlyName ?? [];
    expect(bags).toHaveLength(2);
    const key = bags.find((bag) => bag.key)?.key;
    expect(
      key &&
        Buffer.from(
          forge.asn1.toDer(forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key))).getBytes(),
          'binary',
        ),
    ).toEqual(Buffer.from(contents.privateKey));
  });
});

describeWith('openssl')('openssl pkcs12 -info shows', () => {
  const info = (contents: Pkcs12Contents) =>
    // -info talks on standard error.
    runProgram('/bin/sh', [
      '-c',
      'openssl pkcs12 -in "$1" -passin pass:"$2" -info -noout 2>&1',
      'sh',
      writePfx(contents),
      contents.password,
    ]);

  test('AES-256, SHA-256 and the iterations in every part of a modern file', () => {
    const text = info(contentsOf('p256', { iterations: 3_000 }));
    expect(text).toContain('MAC: sha256, Iteration 3000');
    expect(text.match(/PBES2, PBKDF2, AES-256-CBC, Iteration 3000, PRF hmacWithSHA256/g)).toHaveLength(2);
  });

  test('100,000 iterations when nothing else is said', () => {
    const { iterations: _, ...contents } = contentsOf('p256');
    expect(info(contents)).toContain('MAC: sha256, Iteration 100000');
  });

  test('triple DES and SHA-1 in a compat file, and no RC2', () => {
    const text = info(contentsOf('p256', { kind: 'compat' }));
    expect(text).toContain('MAC: sha1, Iteration 2048');
    expect(text.match(/pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048/g)).toHaveLength(2);
  });
});

describeWith('keytool')('keytool -list, of Java,', () => {
  test.each(kinds)('finds one private key with a chain of three (%s)', (kind) => {
    const path = writePfx(contentsOf('p256', { kind, friendlyName: 'billing' }));
    const text = runProgram('keytool', [
      '-J-Duser.language=en',
      '-list',
      '-v',
      '-keystore',
      path,
      '-storepass',
      'correct horse',
    ]);
    expect(text).toContain('Alias name: billing');
    expect(text).toContain('Entry type: PrivateKeyEntry');
    expect(text).toContain('Certificate chain length: 3');
  });
});

describeWith('pk12util')('pk12util, of NSS,', () => {
  test.each(kinds)('lists the key and three certificates (%s)', (kind) => {
    const text = runProgram('pk12util', [
      '-l',
      writePfx(contentsOf('rsa2048', { kind })),
      '-W',
      'correct horse',
    ]);
    expect(text.match(/^Certificate(\(has private key\))?:/gm)).toHaveLength(3);
    expect(text).toContain('Friendly Name: billing @ Müller');
  });

  test.each(kinds)('imports it under a password beyond ASCII (%s)', (kind) => {
    const directory = temporaryDirectory();
    runProgram('certutil', ['-N', '-d', directory, '--empty-password']);
    const path = writePfx(contentsOf('p256', { kind, password: 'Zoë 漢字', friendlyName: 'billing' }));
    runProgram('pk12util', ['-i', path, '-d', directory, '-W', 'Zoë 漢字', '-K', '']);
    expect(runProgram('certutil', ['-K', '-d', directory])).toContain('billing');
  });
});

describeWith('certtool')('certtool, of GnuTLS,', () => {
  test.each(kinds)('shows the key and three certificates (%s)', (kind) => {
    const text = runProgram('certtool', [
      '--p12-info',
      '--inder',
      '--infile',
      writePfx(contentsOf('p256', { kind })),
      '--password',
      'correct horse',
    ]);
    expect(text.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    expect(text).toMatch(/BEGIN (ENCRYPTED )?PRIVATE KEY/);
  });
});
