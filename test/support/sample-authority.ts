import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InitResult } from '../../src/authority/init.ts';
import type { IssueResult } from '../../src/authority/issue-plan.ts';
import type { RevokeResult } from '../../src/authority/revoke.ts';
import { type Ca, type Json, openCa } from './built-cli.ts';
import { runProgram } from './outside-program.ts';

export type CaKey = 'p256' | 'p384' | 'ed25519' | 'rsa3072' | 'rsa4096';

/** The leaves of a sample: each profile, each kind of name and, between them, each kind of key. */
export const leaves = {
  plain: { profile: 'client', key: 'p256', names: [], sans: '' },
  person: {
    profile: 'client',
    key: 'p384',
    names: ['--email', 'ops@acme.example'],
    sans: 'email:ops@acme.example',
  },
  workload: {
    profile: 'client',
    key: 'ed25519',
    names: ['--uri', 'spiffe://acme.example/billing'],
    sans: 'URI:spiffe://acme.example/billing',
  },
  nameless: {
    profile: 'client',
    key: 'p256',
    names: ['--subject', '', '--uri', 'https://acme.example/clients?id=7'],
    sans: 'URI:https://acme.example/clients?id=7',
  },
  web: {
    profile: 'server',
    key: 'rsa2048',
    names: ['--dns', 'api.acme.example,*.api.acme.example', '--ip', '192.0.2.7,2001:db8::7'],
    sans: 'DNS:api.acme.example, DNS:*.api.acme.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7',
  },
  node: {
    profile: 'peer',
    key: 'p256',
    names: ['--dns', 'node-1.acme.example'],
    sans: 'DNS:node-1.acme.example',
  },
  lost: { profile: 'client', key: 'p256', names: [], sans: '' },
} as const satisfies Record<string, Leaf>;

interface Leaf {
  readonly profile: 'client' | 'server' | 'peer';
  readonly key: string;
  readonly names: readonly string[];
  /** As OpenSSL prints them. */
  readonly sans: string;
}

export type LeafName = keyof typeof leaves;
export const leafNames = Object.keys(leaves) as readonly LeafName[]; // its own keys
export const goodLeaves = leafNames.filter((name) => name !== 'lost');

export interface SampleLeaf {
  readonly serial: string;
  readonly certificate: string;
  readonly chain: string;
  readonly privateKey: string;
  readonly pkcs12: string;
  readonly password: string;
}

/** An authority with one certificate of each kind, of which `lost` is revoked. */
export interface SampleAuthority {
  readonly ca: Ca;
  readonly init: Json<InitResult>;
  readonly revoked: Json<RevokeResult>;
  /** The root: the one file that is trusted. */
  readonly root: string;
  /** The certificate of the CA that signed the leaves and the CRL. */
  readonly issuer: string;
  /** All CRLs in one PEM. */
  readonly allCrls: string;
  readonly leaves: Readonly<Record<LeafName, SampleLeaf>>;
}

/** Makes a sample with the built CLI. Its PKCS#12 files are of both kinds, by turns. */
export function makeSample(
  home: string,
  key: CaKey,
  twoTier: boolean,
  ...options: readonly string[]
): SampleAuthority {
  const ca = openCa(home);
  const tiers = twoTier ? ['--two-tier'] : [];
  const init = ca.do<InitResult>(
    'init',
    '--name',
    'Acme API CA',
    '--no-passphrase',
    '--key',
    key,
    ...tiers,
    ...options,
  );
  const issued = leafNames.map(
    (name, index) => [name, issueLeaf(ca, name, index % 2 ? 'compat' : 'modern')] as const,
  );
  return {
    ca,
    init,
    revoked: ca.do<RevokeResult>(
      'revoke',
      'lost',
      '--reason',
      'keyCompromise',
      '--compromised-at',
      '2026-11-20',
    ),
    root: init.files.certificate,
    issuer: init.files.chain ?? init.files.certificate,
    allCrls: twoTier ? join(home, 'crl', 'all.crl.pem') : init.files.crlPem,
    leaves: Object.fromEntries(issued) as Record<LeafName, SampleLeaf>, // one of each name
  };
}

/** A client certificate for a DNS name that `ca issue` refuses, signed by openssl with the CA's stolen key; gives its path. */
export function signBehindItsBack({ home }: Ca, issuer: string, dnsName: string): string {
  const file = (ending: string) => join(home, `outside.${ending}`);
  const issuingKey = join(home, 'keys', 'issuing.key');
  const caKey = existsSync(issuingKey) ? issuingKey : join(home, 'keys', 'root.key');
  writeFileSync(file('ext'), `subjectAltName=DNS:${dnsName}\nextendedKeyUsage=clientAuth\n`);
  runProgram('openssl', [
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'],
    ...['-subj', '/CN=outside', '-keyout', file('key'), '-out', file('csr')],
  ]);
  runProgram('openssl', [
    ...['x509', '-req', '-in', file('csr'), '-CA', issuer, '-CAkey', caKey, '-extfile', file('ext')],
    ...['-out', file('crt')],
  ]);
  return file('crt');
}

/** The DER in a PEM file that holds one certificate or CRL. */
export function derOf(path: string): Buffer {
  return Buffer.from(readFileSync(path, 'utf8').replace(/-----[^-]+-----|\s/g, ''), 'base64');
}

function issueLeaf(ca: Ca, name: LeafName, pkcs12: 'modern' | 'compat'): SampleLeaf {
  const { profile, key, names } = leaves[name];
  const {
    serial = '',
    files,
    pkcs12Password = '',
  } = ca.do<IssueResult>(...['issue', name, '--profile', profile, '--key', key, '--p12', pkcs12, ...names]);
  const { certificate = '', chain = '', privateKey = '', pkcs12: bundle = '' } = files;
  return { serial, certificate, chain, privateKey, pkcs12: bundle, password: pkcs12Password };
}
