import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { expect, test } from 'vitest';
import { readCsr } from '../../../src/x509/csr.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { describeWith, runProgram, temporaryDirectory } from '../../support/outside-program.ts';
import { refusalOf } from '../../support/refusal.ts';

describeWith('openssl')('readCsr, of requests that openssl made', () => {
  const request = (...options: readonly string[]) =>
    runProgram('openssl', [
      'req',
      '-new',
      '-nodes',
      '-keyout',
      join(temporaryDirectory(), 'key'),
      ...options,
    ]);
  const ec = (curve: string) => ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`];
  const subject = ['-utf8', '-subj', '/C=DE/O=Acme, Inc./OU=Zoë/CN=billing'];

  test.each([
    ['P-256', [...ec('P-256'), '-sha256'], 'p256'],
    ['P-256 with SHA-512', [...ec('P-256'), '-sha512'], 'p256'],
    ['P-384', [...ec('P-384'), '-sha384'], 'p384'],
    ['Ed25519', ['-newkey', 'ed25519'], 'ed25519'],
    ['RSA', ['-newkey', 'rsa:2048', '-sha256'], 'rsa2048'],
    ['RSA of 3,072 bits with SHA-512', ['-newkey', 'rsa:3072', '-sha512'], 'rsa3072'],
  ])('reads what @peculiar/x509 and openssl read (%s)', async (_, options, algorithm) => {
    const names = [
      'DNS:api.example.com',
      'IP:10.0.0.7',
      'IP:2001:db8::7',
      'email:ops@example.com',
      'URI:spiffe://example.com/billing',
    ];
    const pem = request(...options, ...subject, '-addext', `subjectAltName=${names.join(',')}`);
    const csr = readCsr(pem);
    const judge = new Pkcs10CertificateRequest(pem);
    expect(csr.algorithm).toBe(algorithm);
    expect(Buffer.from(csr.spki)).toEqual(Buffer.from(judge.publicKey.rawData));
    expect(await judge.verify()).toBe(true);
    expect(csr.subject.text).toBe('CN=billing,OU=Zoë,O=Acme\\, Inc.,C=DE');
    expect(csr.subjectAltNames.map(({ type, value }) => `${type}:${value}`)).toEqual([
      'dns:api.example.com',
      'ip:10.0.0.7',
      'ip:2001:db8::7',
      'email:ops@example.com',
      'uri:spiffe://example.com/billing',
    ]);
    const spki = runProgram('openssl', ['req', '-pubkey', '-noout', '-verify'], pem);
    expect(encodePem('PUBLIC KEY', csr.spki)).toBe(spki);
  });

  test.each([
    ['CA:TRUE', [...ec('P-256'), '-addext', 'basicConstraints=critical,CA:TRUE'], 'x509/ca-requested'],
    ['SHA-1', [...ec('P-256'), '-sha1'], 'x509/unsupported-key'],
    ['RSA-PSS', ['-newkey', 'rsa:2048', '-sigopt', 'rsa_padding_mode:pss'], 'x509/unsupported-key'],
    ['secp256k1', ec('secp256k1'), 'x509/unsupported-key'],
    ['RSA of 1,024 bits', ['-newkey', 'rsa:1024'], 'x509/weak-key'],
  ])('refuses %s', (_, options, code) => {
    expect(refusalOf(() => readCsr(request(...options, '-subj', '/CN=billing'))).code).toBe(code);
  });

  test('refuses a certificate, in PEM and DER, by name', () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'certificate');
    const make = [
      'req',
      '-x509',
      ...ec('P-256'),
      '-nodes',
      '-keyout',
      join(directory, 'key'),
      '-subj',
      '/CN=a',
    ];
    for (const form of ['PEM', 'DER']) {
      runProgram('openssl', [...make, '-outform', form, '-out', path]);
      const refusal = refusalOf(() => readCsr(readFileSync(path)));
      expect(refusal.message).toBe('file holds a certificate, not a certificate request');
    }
  });
});
