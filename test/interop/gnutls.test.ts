import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { InitResult } from '../../src/authority/init.ts';
import type { IssueResult } from '../../src/authority/issue-plan.ts';
import { openCa } from '../support/built-cli.ts';
import { describeWith, judge, temporaryDirectory } from '../support/outside-program.ts';
import {
  authorities,
  goodLeaves,
  leaves,
  type SampleAuthority,
  sampleOf,
  signBehindItsBack,
} from '../support/sample-authority.ts';

describeWith('certtool').each(authorities)('GnuTLS certtool: a CA of $name', (authority) => {
  const { twoTier } = authority;
  let sample: SampleAuthority;
  beforeAll(async () => {
    sample = await sampleOf(authority);
  });

  it.each(goodLeaves)(
    'verifies the chain of %s with all CRLs, for the purposes of its profile alone',
    (name) => {
      const { chain } = sample.leaves[name];
      const { profile } = leaves[name];
      for (const [purpose, oid] of Object.entries(purposes)) {
        const verdict = verify(sample, chain, oid);
        if (profile === 'peer' || profile === purpose) {
          expect(verdict.text).toContain('Chain verification output: Verified. The certificate is trusted.');
          expect(verdict.exitCode).toBe(0);
        } else {
          expect(verdict.text).toContain('does not match the intended purpose');
          expect(verdict.exitCode).toBe(1);
        }
      }
    },
  );

  it('refuses the revoked certificate', () => {
    const verdict = verify(sample, sample.leaves.lost.chain, purposes.client);
    expect(verdict.text).toContain('The certificate chain is revoked.');
    expect(verdict.exitCode).toBe(1);
  });

  it.each(goodLeaves)('reads the names, purposes and end of %s', (name) => {
    const { text, exitCode } = judge('certtool', ['-i', '--infile', sample.leaves[name].certificate]);
    expect(exitCode).toBe(0);
    expect(text).toContain(`Serial Number (hex): ${sample.leaves[name].serial}\n`);
    expect(new Date(/Not After: (.*)/.exec(text)?.[1] ?? '')).toEqual(sample.leaves[name].notAfter);
    expect([...text.matchAll(/TLS WWW (\w+)\./g)].map(([, purpose]) => purpose?.toLowerCase())).toEqual(
      leaves[name].profile === 'peer' ? ['client', 'server'] : [leaves[name].profile],
    );
    const names = [...text.matchAll(/^\t\t\t(RFC822Name|URI|DNSname|IPAddress): (.*)$/gm)];
    expect(names.map(([, type, value]) => `${type}: ${value}`)).toEqual(sanLines[name]);
  });

  it('verifies the CRL, and reads the number and the entry that `ca revoke` printed', () => {
    const { crl, revoked } = sample.revoked;
    const { der = '', pem = '' } = crl?.files ?? {};
    expect(
      judge('certtool', ['--verify-crl', '--load-ca-certificate', sample.issuer, '--infile', pem]),
    ).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining('Verification output: Verified.'),
    });
    const { text } = judge('certtool', ['--crl-info', '--inder', '--infile', der]);
    expect(BigInt(`0x${/CRL Number \(not critical\): (\w+)/.exec(text)?.[1]}`)).toBe(
      BigInt(crl?.number ?? 0),
    );
    expect(text).toContain(`Revoked certificates (${crl?.entries}):`);
    expect(text).toContain(`Serial Number (hex): ${revoked[0]?.serial}\n`);
  });

  it.each([
    ['plain', 'AES-256-CBC'],
    ['person', '3DES-CBC'],
  ] as const)('opens the PKCS#12 of %s, encrypted with %s', (name, cipher) => {
    const { pkcs12, password } = sample.leaves[name];
    const { text, exitCode } = judge('certtool', [
      '--p12-info',
      '--inder',
      '--infile',
      pkcs12,
      '--password',
      password,
    ]);
    expect(exitCode).toBe(0);
    expect(text).toContain(`Cipher: ${cipher}`);
    expect(text).toContain(`Friendly name: ${name}`);
    expect(text.match(/Type: Certificate/g)).toHaveLength(twoTier ? 3 : 2);
    const [key = ''] =
      text.match(/-----BEGIN ENCRYPTED PRIVATE KEY[\s\S]*END ENCRYPTED PRIVATE KEY-----\n/) ?? [];
    const opened = judge('certtool', ['--key-info', '--pkcs8', '--password', password], key);
    expect(opened).toMatchObject({ exitCode: 0, text: expect.stringContaining('Public Key Algorithm: EC') });
  });
});

describeWith('certtool', 'openssl')('GnuTLS certtool: name constraints', () => {
  it.each([
    ['root only', []],
    ['two tiers', ['--two-tier']],
  ])('%s: accepts a name inside, and refuses one outside that openssl signed', (_name, tiers) => {
    const ca = openCa(join(temporaryDirectory(), 'home'));
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
    const inside = ca.do<IssueResult>('issue', 'inside', '--dns', 'billing.acme.example').files.chain ?? '';
    const outside = join(ca.home, 'outside-chain.crt');
    const chain = [
      signBehindItsBack(ca, issuer, 'acme.example.evil.example'),
      ...(files.chain ? [files.chain] : []),
    ];
    writeFileSync(outside, chain.map((path) => readFileSync(path, 'utf8')).join(''));
    const verdict = (path: string) =>
      judge('certtool', ['--verify', '--load-ca-certificate', files.certificate, '--infile', path]);
    expect(verdict(inside)).toMatchObject({ exitCode: 0 });
    expect(verdict(outside)).toMatchObject({
      exitCode: 1,
      text: expect.stringContaining("violates the signer's constraints"),
    });
  });
});

const purposes = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const;

/** Subject alternative names as certtool prints them. */
const sanLines: Readonly<Record<(typeof goodLeaves)[number], readonly string[]>> = {
  plain: [],
  person: ['RFC822Name: ops@acme.example'],
  workload: ['URI: spiffe://acme.example/billing'],
  nameless: ['URI: https://acme.example/clients?id=7'],
  web: [
    'DNSname: api.acme.example',
    'DNSname: *.api.acme.example',
    'IPAddress: 192.0.2.7',
    'IPAddress: 2001:db8::7',
  ],
  node: ['DNSname: node-1.acme.example'],
  lasting: [],
};

function verify({ root, allCrls }: SampleAuthority, chain: string, purpose: string) {
  return judge('certtool', [
    ...['--verify', '--verify-purpose', purpose, '--load-ca-certificate', root, '--load-crl', allCrls],
    ...['--infile', chain],
  ]);
}
