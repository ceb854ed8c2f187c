import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { InitResult } from '../../src/authority/init.ts';
import type { IssueResult } from '../../src/authority/issue-plan.ts';
import type { RevokeResult } from '../../src/authority/revoke.ts';
import { dayMs } from '../../src/core/duration.ts';
import { addMs } from '../../src/core/instant.ts';
import { type Ca, type Json, openCa, writeSecret } from '../support/built-cli.ts';
import {
  describeWith,
  judge,
  runProgram,
  sharedDirectory,
  temporaryDirectory,
} from '../support/outside-program.ts';
import {
  authorities,
  goodLeaves,
  leafNames,
  leaves,
  type SampleAuthority,
  sampleOf,
  signBehindItsBack,
} from '../support/sample-authority.ts';

describeWith('openssl').each(authorities)('openssl: a CA of $name', (authority) => {
  const { twoTier } = authority;
  let sample: SampleAuthority;
  beforeAll(async () => {
    sample = await sampleOf(authority);
  });

  it.each(goodLeaves)(
    'verifies %s strictly, with all CRLs, for the purposes of its profile alone',
    (name) => {
      for (const purpose of ['sslclient', 'sslserver'] as const) {
        const verdict = verify(sample, sample.leaves[name].certificate, purpose);
        if (purposes[leaves[name].profile].some((each) => each === purpose)) {
          expect(verdict).toEqual({ exitCode: 0, text: `${sample.leaves[name].certificate}: OK\n` });
        } else {
          expect(verdict).toMatchObject({
            exitCode: 2,
            text: expect.stringMatching(/error 26 .*certificate purpose/),
          });
        }
      }
    },
  );

  it('refuses the revoked certificate', () => {
    const verdict = verify(sample, sample.leaves.lost.certificate, 'sslclient');
    expect(verdict).toMatchObject({
      exitCode: 2,
      text: expect.stringContaining('error 23 at 0 depth lookup: certificate revoked'),
    });
  });

  it('accepts the certificate that ends in 2056 in the year before, and not in the year after', () => {
    const { certificate, notAfter } = sample.leaves.lasting;
    for (const [time, exitCode] of [
      [addMs(notAfter, -365 * dayMs), 0],
      [addMs(notAfter, 365 * dayMs), 2],
    ] as const) {
      const { root, issuer } = sample;
      const at = ['-attime', `${time.getTime() / 1000}`];
      const verdict = judge('openssl', [
        ...['verify', '-x509_strict', '-purpose', 'sslclient', ...at, '-CAfile', root, '-untrusted', issuer],
        certificate,
      ]);
      expect(verdict, verdict.text).toMatchObject({ exitCode });
    }
  });

  it.each(leafNames)('reads the names and key usages of %s', (name) => {
    const { certificate } = sample.leaves[name];
    const { profile, key: leafKey, sans } = leaves[name];
    const extensions = runProgram('openssl', [
      ...[
        'x509',
        '-in',
        certificate,
        '-noout',
        '-ext',
        'subjectAltName,keyUsage,extendedKeyUsage,basicConstraints',
      ],
    ]);
    const usage = leafKey.startsWith('rsa') ? 'Digital Signature, Key Encipherment' : 'Digital Signature';
    const critical = name === 'nameless' ? ' critical' : ' ';
    const lines = [
      'X509v3 Basic Constraints: \n    CA:FALSE',
      `X509v3 Key Usage: critical\n    ${usage}`,
      `X509v3 Extended Key Usage: \n    ${purposes[profile].map((purpose) => purposeNames[purpose]).join(', ')}`,
      ...(sans === '' ? [] : [`X509v3 Subject Alternative Name:${critical}\n    ${sans}`]),
    ];
    expect(extensions).toBe(`${lines.join('\n')}\n`);
  });

  it('reads the CRL, with the number and the entry that `ca revoke` printed', () => {
    const { crl, revoked } = sample.revoked;
    const args = ['crl', '-in', crl?.files.der ?? '', '-inform', 'DER', '-CAfile', sample.issuer];
    const { text } = judge('openssl', [...args, '-noout', '-text', '-nameopt', 'RFC2253']);
    expect(text).toContain('verify OK');
    expect(text).toContain(`Issuer: CN=Acme API CA${twoTier ? ' Issuing' : ''}\n`);
    expect(text).toMatch(new RegExp(`X509v3 CRL Number: \n +${crl?.number}\n`));
    expect(text).toMatch(
      new RegExp(
        `Serial Number: ${revoked[0]?.serial}\n(.*\n){2} +X509v3 CRL Reason Code: \n +Key Compromise\n`,
        'i',
      ),
    );
    expect(text).toMatch(/Invalidity Date: \n +Nov 20 00:00:00 2026 GMT/);
    expect(text.match(/Serial Number:/g)).toHaveLength(crl?.entries ?? 0);
  });
});

describeWith('openssl')('openssl: bytes', () => {
  let sample: SampleAuthority;
  beforeAll(async () => {
    sample = await sampleOf({ name: 'p256, two tiers', key: 'p256', twoTier: true });
  });

  it('finds no empty revokedCertificates list in a first CRL (RFC 5280 §5.1.2.6)', () => {
    const { rootCrlPem = '' } = sample.init.files;
    const { text } = judge('openssl', ['crl', '-in', rootCrlPem, '-noout', '-text', '-CAfile', sample.root]);
    expect(text).toContain('verify OK');
    expect(text).toContain('No Revoked Certificates');
    // Right after nextUpdate, in 2066, come the extensions.
    expect(topLevel(rootCrlPem).slice(3, 6)).toEqual(['UTCTIME', 'GENERALIZEDTIME', 'cont [ 0 ]']);
  });

  it('finds IP addresses of 4 and 16 octets in the SAN extension (RFC 5280 §4.2.1.6)', () => {
    const { certificate } = sample.leaves.web;
    const lines = runProgram('openssl', ['asn1parse', '-in', certificate]).split('\n');
    const extension = lines.findIndex((line) => line.includes('X509v3 Subject Alternative Name'));
    const offset = /^ *(\d+):.*OCTET STRING/.exec(lines[extension + 1] ?? '')?.[1] ?? '';
    const names = runProgram('openssl', ['asn1parse', '-in', certificate, '-strparse', offset]);
    const lengths = [...names.matchAll(/l= *(\d+) prim: *cont \[ 7 \]/g)].map(([, length]) => Number(length));
    expect(lengths).toEqual([4, 16]);
  });

  it.each(['plain', 'person'] as const)('opens the PKCS#12 of %s, with its key, chain and name', (name) => {
    const { pkcs12, password, privateKey, chain } = sample.leaves[name];
    const kind = name === 'plain' ? /PBES2, PBKDF2, AES-256-CBC/ : /pbeWithSHA1And3-KeyTripleDES-CBC/;
    const open = (...args: string[]) =>
      judge('openssl', ['pkcs12', '-in', pkcs12, '-passin', `pass:${password}`, ...args]);
    const info = open('-info', '-noout');
    expect(info).toMatchObject({ exitCode: 0, text: expect.stringMatching(kind) });
    expect(info.text).not.toMatch(/RC2/i);
    const contents = open('-noenc').text;
    expect(contents).toContain(`friendlyName: ${name}`);
    expect(contents).toContain(pemBlocks(readFileSync(privateKey, 'utf8'))[0]);
    expect(pemBlocks(contents)).toEqual(expect.arrayContaining(pemBlocks(readFileSync(chain, 'utf8'))));
    expect(judge('openssl', ['pkcs12', '-in', pkcs12, '-passin', 'pass:wrong', '-noout']).exitCode).not.toBe(
      0,
    );
  });
});

describeWith('openssl')('openssl: CA keys with a passphrase', () => {
  it.each(['p256', 'ed25519', 'rsa3072'])(
    'opens a key of %s: PBES2 with AES-256 and 600,000 rounds',
    (key) => {
      const directory = temporaryDirectory();
      const passphrase = writeSecret(directory, 'passphrase', 'correct horse bättery');
      const ca = openCa(join(directory, 'home'));
      ca.do<InitResult>('init', '--name', 'Acme API CA', '--key', key, '--passphrase-file', passphrase);
      const file = join(ca.home, 'keys', 'root.key');

      const pkey = judge('openssl', ['pkey', '-in', file, '-passin', `file:${passphrase}`, '-pubout']);
      const published = runProgram('openssl', ['x509', '-in', join(ca.home, 'ca.crt'), '-noout', '-pubkey']);
      expect(pkey).toEqual({ exitCode: 0, text: published });
      expect(runProgram('openssl', ['pkcs8', '-in', file, '-passin', `file:${passphrase}`])).toContain(
        'BEGIN PRIVATE KEY',
      );
      const parameters = runProgram('openssl', ['asn1parse', '-in', file]);
      expect(parameters).toMatch(
        /PBES2[\s\S]*PBKDF2[\s\S]*INTEGER +:0927C0[\s\S]*hmacWithSHA256[\s\S]*aes-256-cbc/,
      );
      expect(judge('openssl', ['pkey', '-in', file, '-passin', 'pass:wrong', '-noout']).exitCode).not.toBe(0);
    },
  );
});

describeWith('openssl', 'faketime')(
  'openssl: dates across 2050, made with faketime (RFC 5280 §4.1.2.5)',
  () => {
    let ca: Ca;
    let authority: Json<InitResult>['files'];
    beforeAll(() => {
      ca = openCa(join(sharedDirectory(), 'home')).at(new Date('2049-12-31T00:00:00Z'));
      authority = ca.do<InitResult>('init', '--name', 'Acme API CA', '--no-passphrase').files;
    });

    it('writes notBefore in 2049 as UTCTime and notAfter in 2059 as GeneralizedTime', () => {
      expect(times(authority.certificate)).toEqual(['UTCTIME 4912302355', 'GENERALIZEDTIME 205912290000']);
    });

    it.each([
      ['last', '23h', 'UTCTIME 4912312300'],
      ['first', '24h', 'GENERALIZEDTIME 205001010000'],
    ])('writes the notAfter of a certificate of the %s hours as %s: %s', (client, validity, expected) => {
      const { certificate = '' } = issueAtStart(client, validity);
      expect(times(certificate)).toEqual(['UTCTIME 4912302355', expected]);
      expect(verifyAt(certificate, '2049-12-31T12:00:00Z').exitCode).toBe(0);
      expect(verifyAt(certificate, '2050-01-01T00:00:30Z')).toMatchObject({
        exitCode: 2,
        text: expect.stringContaining('certificate has expired'),
      });
    });

    it('writes the CRL on both sides of it, and revokes after it', () => {
      expect(times(authority.crlPem)).toEqual(['UTCTIME 4912310000', 'GENERALIZEDTIME 205001300000']);
      const { certificate = '' } = issueAtStart('long', '90d');
      const { crl } = ca.at(new Date('2050-01-02T00:00:00Z')).do<RevokeResult>('revoke', 'long');
      expect(times(crl?.files.pem ?? '')).toEqual([
        'GENERALIZEDTIME 205001020000',
        'GENERALIZEDTIME 205002010000',
        'GENERALIZEDTIME 205001020000',
      ]);
      expect(verifyAt(certificate, '2050-01-03T00:00:00Z')).toMatchObject({
        exitCode: 2,
        text: expect.stringContaining('certificate revoked'),
      });
    });

    function issueAtStart(client: string, validity: string) {
      return ca.do<IssueResult>('issue', client, '--validity', validity).files;
    }

    function verifyAt(certificate: string, time: string) {
      const at = `${new Date(time).getTime() / 1000}`;
      return judge('openssl', [
        ...['verify', '-x509_strict', '-purpose', 'sslclient', '-attime', at],
        ...['-crl_check_all', '-CRLfile', authority.crlPem, '-CAfile', authority.certificate, certificate],
      ]);
    }
  },
);

describeWith('openssl')('openssl: name constraints', () => {
  it.each([
    ['root only', []],
    ['two tiers', ['--two-tier']],
  ])(
    '%s: `ca issue` refuses a name outside, and openssl one that was signed behind its back',
    (_name, tiers) => {
      const directory = temporaryDirectory();
      const ca = openCa(join(directory, 'home'));
      const init = [
        'init',
        '--name',
        'Acme API CA',
        '--no-passphrase',
        '--permit-dns',
        'acme.example',
        ...tiers,
      ];
      const { files } = ca.do<InitResult>(...init);
      const issuer = files.chain ?? files.certificate;
      const inside =
        ca.do<IssueResult>('issue', 'inside', '--dns', 'billing.acme.example').files.certificate ?? '';
      expect(ca.try('issue', 'outside', '--dns', 'acme.example.evil.example')).toMatchObject({
        exitCode: 3,
        error: { code: 'authority/name-not-permitted' },
      });

      const outside = signBehindItsBack(ca, issuer, 'acme.example.evil.example');
      const verdict = (certificate: string) =>
        judge('openssl', ['verify', '-CAfile', files.certificate, '-untrusted', issuer, certificate]);
      expect(verdict(inside).exitCode).toBe(0);
      expect(verdict(outside)).toMatchObject({
        exitCode: 2,
        text: expect.stringContaining('permitted subtree violation'),
      });
    },
  );
});

const purposes = { client: ['sslclient'], server: ['sslserver'], peer: ['sslclient', 'sslserver'] } as const;
const purposeNames = {
  sslclient: 'TLS Web Client Authentication',
  sslserver: 'TLS Web Server Authentication',
};

function verify({ root, issuer, allCrls }: SampleAuthority, certificate: string, purpose: string) {
  return judge('openssl', [
    ...['verify', '-x509_strict', '-purpose', purpose, '-crl_check_all', '-CRLfile', allCrls],
    ...['-CAfile', root, '-untrusted', issuer, certificate],
  ]);
}

/** The times in a certificate or CRL to the minute, with their ASN.1 types. */
function times(path: string): string[] {
  const lines = runProgram('openssl', ['asn1parse', '-in', path]);
  return [...lines.matchAll(/prim: (UTCTIME|GENERALIZEDTIME) *:(\d+)\d\dZ/g)].map(
    ([, type, time]) => `${type} ${time}`,
  );
}

/** The ASN.1 types of the fields of what is signed. */
function topLevel(path: string): string[] {
  const lines = runProgram('openssl', ['asn1parse', '-in', path]).split('\n');
  return lines.flatMap((line) => /:d=2 .*(?:prim|cons): (.*?) *(?::.*)?$/.exec(line)?.[1] ?? []);
}

function pemBlocks(text: string): string[] {
  return text.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
}
