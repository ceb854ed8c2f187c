import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FaultField } from '../../support/fault-field.ts';
import { describeWith, runProgram } from '../../support/outside-program.ts';
import { childLimits } from '../../support/run-cli.ts';

describeWith('openssl')('a certificate request that is refused (made by openssl)', () => {
  const field = FaultField.withAuthority('--no-passphrase');
  const request = (name: string, ...args: readonly string[]) =>
    execFileSync(
      'openssl',
      ['req', '-new', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, ...args],
      {
        ...childLimits,
        cwd: field.directory,
        stdio: 'ignore',
      },
    );
  const subject = ['-subj', '/CN=partner'];
  const p256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  request('good', ...p256, ...subject);
  const good = readFileSync(field.path('good.csr'), 'utf8');
  const der = Buffer.from(good.replace(/-----.*-----|\s/g, ''), 'base64');
  const issue = (file: string, ...more: readonly string[]) =>
    field.refusal(['issue', 'partner', '--csr', file, '--out', 'delivery', ...more]);

  it('is garbage', () => {
    writeFileSync(field.path('garbage'), Buffer.from('\u0000\u0001\u0002garbage\u001b[31m'));
    expect(issue('garbage')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      certificate request is neither PEM nor DER: text holds no PEM block
      hint: give a certificate request in PEM or DER"
    `);
  });

  it('is empty', () => {
    writeFileSync(field.path('empty'), '');
    expect(issue('empty')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      certificate request is empty
      hint: give a certificate request in PEM or DER"
    `);
  });

  it('is signed with SHA-1', () => {
    request('sha1', '-newkey', 'rsa:2048', '-sha1', ...subject);
    expect(issue('sha1.csr')).toMatchInlineSnapshot(`
      "exit 3, x509/unsupported-key
      signature algorithm sha1WithRSAEncryption is not one of: ecdsa-with-SHA256, ecdsa-with-SHA384, ecdsa-with-SHA512, Ed25519, sha256WithRSAEncryption, sha384WithRSAEncryption, sha512WithRSAEncryption
      hint: sign it with SHA-256, as in: openssl req -new -sha256 -key client.key -out client.csr"
    `);
  });

  it('is a cut off PEM', () => {
    writeFileSync(field.path('cut.pem'), good.slice(0, 200));
    expect(issue('cut.pem')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      certificate request is neither PEM nor DER: PEM block CERTIFICATE REQUEST has no END line of its own (at offset 0)
      hint: give a certificate request in PEM or DER"
    `);
  });

  it('is a cut off DER', () => {
    writeFileSync(field.path('cut.der'), der.subarray(0, 100));
    expect(issue('cut.der')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      certificate request is malformed: certificate request is cut off (at offset 0)
      hint: make one with: openssl req -new -key client.key -out client.csr"
    `);
  });

  it('is DER with octets after it', () => {
    writeFileSync(field.path('long.der'), Buffer.concat([der, Buffer.from([0])]));
    expect(issue('long.der').replace(/offset \d+/, 'offset <length>')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      certificate request is malformed: 1 octets follow certificate request (at offset <length>)
      hint: make one with: openssl req -new -key client.key -out client.csr"
    `);
  });

  it('is huge', () => {
    writeFileSync(field.path('huge'), Buffer.alloc(3 << 20, 0x30));
    expect(issue('huge')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      the certificate request in huge has more than 1,048,576 octets, too many for one
      hint: check that the right file was named"
    `);
  });

  it('is huge, and comes from standard input', () => {
    const input = Buffer.alloc(3 << 20, 0x41);
    expect(field.refusal(['issue', 'partner', '--csr', '-'], { input })).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      the certificate request in standard input has more than 1,048,576 octets, too many for one
      hint: check that the right file was named"
    `);
  });

  it('has a wrong signature', () => {
    const signedAnew = Buffer.from(der);
    signedAnew.writeUInt8(signedAnew.readUInt8(signedAnew.length - 1) ^ 1, signedAnew.length - 1);
    writeFileSync(field.path('forged.der'), signedAnew);
    expect(issue('forged.der')).toMatchInlineSnapshot(`
      "exit 3, x509/bad-signature
      certificate request is not signed by the key that it holds
      hint: the file was changed after it was signed: ask for it again"
    `);
  });

  it('has another name than the one that was signed', () => {
    const renamed = Buffer.from(der.toString('latin1').replace('partner', 'pirates'), 'latin1');
    writeFileSync(field.path('renamed.der'), renamed);
    expect(issue('renamed.der')).toMatchInlineSnapshot(`
      "exit 3, x509/bad-signature
      certificate request is not signed by the key that it holds
      hint: the file was changed after it was signed: ask for it again"
    `);
  });

  it('has an RSA key of 1024 bits', () => {
    request('weak', '-newkey', 'rsa:1024', ...subject);
    expect(issue('weak.csr')).toMatchInlineSnapshot(`
      "exit 3, x509/weak-key
      RSA key has 1024 bits < 2048 required
      hint: make a new key, for example on P-256"
    `);
  });

  it('has a key on a curve that is not offered', () => {
    request('k1', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1', ...subject);
    expect(issue('k1.csr')).toMatchInlineSnapshot(`
      "exit 3, x509/unsupported-key
      EC curve 1.3.132.0.10 is not supported
      hint: use a key on P-256 or P-384, an Ed25519 key, or an RSA key of 2048 to 8192 bits"
    `);
  });

  it('asks to be a CA', () => {
    request('ca', ...p256, ...subject, '-addext', 'basicConstraints=critical,CA:TRUE');
    expect(issue('ca.csr')).toMatchInlineSnapshot(`
      "exit 3, x509/ca-requested
      request asks for a CA certificate (basicConstraints CA:TRUE)
      hint: make a request for a client, without basicConstraints"
    `);
  });

  it('has a newline in its name', () => {
    request('newline', ...p256, '-subj', '/CN=partner\nadmin');
    expect(issue('newline.csr')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      certificate request is malformed: subject attribute 2.5.4.3 holds a control character: "partner\\u{a}admin"
      hint: make one with: openssl req -new -key client.key -out client.csr"
    `);
  });

  it('has an escape sequence in its name', () => {
    request('escape', ...p256, '-subj', '/CN=\u001b[2Jpartner');
    expect(issue('escape.csr')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      certificate request is malformed: subject attribute 2.5.4.3 holds a control character: "\\u{1b}[2Jpartner"
      hint: make one with: openssl req -new -key client.key -out client.csr"
    `);
  });

  it('is a private key', () => {
    expect(issue('good.key')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      file holds a private key, not a certificate request
      hint: give a certificate request in PEM or DER"
    `);
  });

  it('is a private key in DER', () => {
    const key = createPrivateKey(readFileSync(field.path('good.key'))).export({
      format: 'der',
      type: 'pkcs8',
    });
    writeFileSync(field.path('key.der'), key);
    expect(issue('key.der')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      file holds a private key or a PKCS#12 file, not a certificate request
      hint: make one with: openssl req -new -key client.key -out client.csr"
    `);
  });

  it('is a public key', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(field.path('public.pem'), publicKey.export({ format: 'pem', type: 'spki' }));
    expect(issue('public.pem')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      file holds a public key, not a certificate request
      hint: give a certificate request in PEM or DER"
    `);
  });

  it('is a certificate', () => {
    expect(issue('home/ca.crt')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      file holds a certificate, not a certificate request
      hint: give a certificate request in PEM or DER"
    `);
  });

  it('holds its private key besides', () => {
    writeFileSync(field.path('both.pem'), good + readFileSync(field.path('good.key'), 'utf8'));
    expect(issue('both.pem')).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-csr
      file holds a private key beside the certificate request
      hint: send the request alone: a key stays where it was made"
    `);
  });

  it('is not there', () => {
    expect(issue('nowhere.csr')).toMatchInlineSnapshot(`
      "exit 3, store/not-found
      cannot read the certificate request nowhere.csr: no such file or directory
      hint: check the path"
    `);
  });

  it('is a directory', () => {
    expect(issue('home')).toMatchInlineSnapshot(`
      "exit 3, store/io
      cannot read the certificate request home: it is a directory
      hint: put a file there, or name one"
    `);
  });

  it('comes with a kind of key, or a PKCS#12, to be made', () => {
    expect(issue('good.csr', '--key', 'p256')).toMatchInlineSnapshot(`
      "exit 2, cli/usage
      --key and --csr exclude each other
      hint: with --csr the key is the one in the request"
    `);
    expect(issue('good.csr', '--p12')).toMatchInlineSnapshot(`
      "exit 2, cli/usage
      --p12 and --csr exclude each other
      hint: a PKCS#12 holds the private key, which the client keeps"
    `);
  });

  it('has a key that was compromised before', () => {
    const copy = field.copy();
    copy.do('issue', 'partner', '--csr', 'good.csr');
    copy.do('revoke', 'partner', '--reason', 'keyCompromise');
    expect(copy.refusal(['issue', 'other', '--csr', 'good.csr'])).toMatchInlineSnapshot(`
      "exit 3, authority/key-barred
      the key was compromised: certificate <serial> of partner was revoked for it
      hint: make a new key and a new request"
    `);
  });

  it('gives nothing but its key: extensions that it asks for are told, and not copied', () => {
    const copy = field.copy();
    request('wishes', ...p256, ...subject, '-addext', 'extendedKeyUsage=serverAuth,anyExtendedKeyUsage');
    const { files, ignored } = copy.do('issue', 'partner', '--csr', field.path('wishes.csr'));
    expect(ignored).toEqual(['extKeyUsage']);
    const text = runProgram('openssl', [
      'x509',
      '-in',
      files.certificate,
      '-noout',
      '-ext',
      'extendedKeyUsage',
    ]);
    expect(text).toBe('X509v3 Extended Key Usage: \n    TLS Web Client Authentication\n');
  });
});
