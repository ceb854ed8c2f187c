import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { writeSecret } from '../support/built-cli.ts';
import {
  describeWith,
  judge,
  runProgram,
  sharedDirectory,
  temporaryDirectory,
} from '../support/outside-program.ts';
import {
  type CaKey,
  goodLeaves,
  leaves,
  makeSample,
  type SampleAuthority,
} from '../support/sample-authority.ts';

// NSS 3.87, Debian 12's, takes no Ed25519 certificates.
const authorities: readonly [name: string, key: CaKey, twoTier: boolean][] = [
  ['p256, two tiers', 'p256', true],
  ['p384, root only', 'p384', false],
  ['rsa3072, two tiers', 'rsa3072', true],
];
const leafNames = goodLeaves.filter((name) => leaves[name].key !== 'ed25519');

describeWith('certutil', 'crlutil', 'pk12util').each(authorities)(
  'NSS certutil: a CA of %s',
  (_name, key, twoTier) => {
    let sample: SampleAuthority;
    let database: readonly string[];
    beforeAll(() => {
      const directory = sharedDirectory();
      sample = makeSample(join(directory, 'home'), key, twoTier);
      database = ['-d', `sql:${directory}`];
      runProgram('certutil', ['-N', ...database, '--empty-password']);
      add('root', sample.root, 'CT,,');
      if (twoTier) add('issuing', sample.issuer, ',,');
      for (const name of [...leafNames, 'lost'] as const) add(name, sample.leaves[name].certificate, ',,');
    });

    it('knows nothing of the revocation before the CRLs are imported, and takes them', () => {
      expect(verify('lost', 'C')).toMatchObject({ exitCode: 0 });
      const { crl, rootCrl } = sample.init.files;
      for (const file of [crl, ...(rootCrl === undefined ? [] : [rootCrl])]) {
        expect(judge('crlutil', ['-I', ...database, '-i', file, '-t', '1'])).toEqual({
          exitCode: 0,
          text: '',
        });
      }
    });

    it('reads the CRL, with the number and the entry that `ca revoke` printed', () => {
      const { crl, revoked } = sample.revoked;
      const { text } = judge('crlutil', ['-L', ...database, '-n', twoTier ? 'issuing' : 'root']);
      const octets = /Name: CRL Number\s+Data:\s+([0-9a-f:]+)/.exec(text)?.[1]?.replaceAll(':', '');
      expect(BigInt(`0x${octets}`)).toBe(BigInt(crl?.number ?? 0));
      const serials = [...text.matchAll(/Serial Number:\s+([0-9a-f:]+)/g)].map(([, serial]) =>
        serial?.replaceAll(':', ''),
      );
      expect(serials).toEqual(revoked.map(({ serial }) => serial));
    });

    it('refuses the revoked certificate', () => {
      expect(verify('lost', 'C')).toMatchObject({
        exitCode: 255,
        text: expect.stringContaining('has been revoked'),
      });
    });

    it.each(leafNames)('verifies %s for the usages of its profile alone', (name) => {
      for (const [profile, usage] of [
        ['client', 'C'],
        ['server', 'V'],
      ] as const) {
        if ([profile, 'peer'].includes(leaves[name].profile)) {
          expect(verify(name, usage)).toEqual({ exitCode: 0, text: 'certutil: certificate is valid\n' });
        } else {
          expect(verify(name, usage)).toMatchObject({
            exitCode: 255,
            text: expect.stringContaining('not approved'),
          });
        }
      }
    });

    it.each(['plain', 'person'] as const)('imports the PKCS#12 of %s with its key', (name) => {
      const { pkcs12, password } = sample.leaves[name];
      const passwordFile = writeSecret(temporaryDirectory(), 'password', password);
      const imported = judge('pk12util', ['-i', pkcs12, ...database, '-w', passwordFile]);
      expect(imported.text).toContain('PKCS12 IMPORT SUCCESSFUL');
      expect(runProgram('certutil', ['-K', ...database])).toMatch(new RegExp(`\\b${name}$`, 'm'));
      const wrong = writeSecret(temporaryDirectory(), 'password', 'wrong');
      expect(judge('pk12util', ['-l', pkcs12, '-w', wrong]).exitCode).not.toBe(0);
    });

    function add(name: string, file: string, trust: string): void {
      runProgram('certutil', ['-A', ...database, '-n', name, '-t', trust, '-i', file]);
    }

    /** Usages are C for a TLS client and V for a server; -e checks signatures too. */
    function verify(name: string, usage: 'C' | 'V') {
      return judge('certutil', ['-V', ...database, '-n', name, '-u', usage, '-e']);
    }
  },
);
