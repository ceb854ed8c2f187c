import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { inject } from 'vitest';
import type { InitResult } from '../../src/authority/init.ts';
import type { IssueResult } from '../../src/authority/issue-plan.ts';
import type { RevokeResult } from '../../src/authority/revoke.ts';
import { type Ca, type Json, openCa } from './built-cli.ts';
import { runProgram } from './outside-program.ts';

/** The authorities that every judge sees: each kind of CA key, root only and in two tiers. */
export const authorities = (['p256', 'p384', 'ed25519', 'rsa3072', 'rsa4096'] as const).flatMap((key) =>
  [false, true].map((twoTier) => ({ name: `${key}, ${twoTier ? 'two tiers' : 'root only'}`, key, twoTier })),
);

export type Authority = (typeof authorities)[number];

/** Kinds of keys, and so of authorities and leaves, that a judge cannot read, with the reason; each is held to it by a test. */
export const unreadable = {
  nss: { ed25519: "NSS 3.87, which is Debian 12's, has no Ed25519 (RFC 8410) in certificates" },
} as const;

/** The leaves of a sample: each profile, each kind of name and, between them, each kind of key. */
export const leaves = {
  plain: { profile: 'client', key: 'p256', options: [], sans: '' },
  person: {
    profile: 'client',
    key: 'p384',
    options: ['--email', 'ops@acme.example'],
    sans: 'email:ops@acme.example',
  },
  workload: {
    profile: 'client',
    key: 'ed25519',
    options: ['--uri', 'spiffe://acme.example/billing'],
    sans: 'URI:spiffe://acme.example/billing',
  },
  nameless: {
    profile: 'client',
    key: 'rsa3072',
    options: ['--subject', '', '--uri', 'https://acme.example/clients?id=7'],
    sans: 'URI:https://acme.example/clients?id=7',
  },
  web: {
    profile: 'server',
    key: 'rsa2048',
    options: ['--dns', 'api.acme.example,*.api.acme.example', '--ip', '192.0.2.7,2001:db8::7'],
    sans: 'DNS:api.acme.example, DNS:*.api.acme.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7',
  },
  node: {
    profile: 'peer',
    key: 'p256',
    options: ['--dns', 'node-1.acme.example'],
    sans: 'DNS:node-1.acme.example',
  },
  // Ends in 2056, as its CA does in 2066: a GeneralizedTime beside a UTCTime (RFC 5280 §4.1.2.5).
  lasting: { profile: 'client', key: 'rsa4096', options: ['--validity', '30y'], sans: '' },
  lost: { profile: 'client', key: 'p256', options: [], sans: '' },
} as const satisfies Record<string, Leaf>;

interface Leaf {
  readonly profile: 'client' | 'server' | 'peer';
  readonly key: string;
  /** The options of `ca issue` that are its own. */
  readonly options: readonly string[];
  /** As OpenSSL prints them. */
  readonly sans: string;
}

export type LeafName = keyof typeof leaves;
export const leafNames = Object.keys(leaves) as readonly LeafName[]; // its own keys
export const goodLeaves = leafNames.filter((name) => name !== 'lost');

export interface SampleLeaf {
  readonly serial: string;
  readonly notAfter: Date;
  readonly certificate: string;
  readonly chain: string;
  readonly privateKey: string;
  readonly pkcs12: string;
  readonly password: string;
}

/** An authority with one certificate of each kind, of which `lost` is revoked. */
export interface SampleAuthority {
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

/** That authority, made by the first test file of the run that asks for it; nobody changes it. */
export async function sampleOf(authority: Authority): Promise<SampleAuthority> {
  const directory = join(inject('samples'), authority.name.replaceAll(/\W+/g, '-'));
  const finished = join(directory, 'finished');
  while (!existsSync(finished)) {
    if (!isFirst(directory)) {
      await setTimeout(100);
      continue;
    }
    try {
      makeSample(join(directory, 'home'), authority);
      renameSync(join(directory, 'home', 'sample.json'), finished);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }
  return readSample(JSON.parse(readFileSync(finished, 'utf8')));
}

/** What the commands that made a sample printed. */
interface Transcript {
  readonly init: Json<InitResult>;
  readonly leaves: Readonly<Record<LeafName, Json<IssueResult>>>;
  readonly revoked: Json<RevokeResult>;
}

/** Makes a sample with the built CLI. Its PKCS#12 files are of both kinds, by turns. */
function makeSample(home: string, { key, twoTier }: Authority): void {
  const ca = openCa(home);
  const tiers = twoTier ? ['--two-tier'] : [];
  const kind = ['--key', key, '--validity', '40y', '--no-passphrase', ...tiers];
  const init = ca.do<InitResult>('init', '--name', 'Acme API CA', ...kind);
  const issued = leafNames.map((name, index) => [name, issueLeaf(ca, name, index % 2 ? 'compat' : 'modern')]);
  const why = ['--reason', 'keyCompromise', '--compromised-at', '2026-11-20'];
  const revoked = ca.do<RevokeResult>('revoke', 'lost', ...why);
  const transcript = { init, leaves: Object.fromEntries(issued), revoked };
  writeFileSync(join(home, 'sample.json'), JSON.stringify(transcript));
}

function readSample({ init, leaves: issued, revoked }: Transcript): SampleAuthority {
  return {
    init,
    revoked,
    root: init.files.certificate,
    issuer: init.files.chain ?? init.files.certificate,
    allCrls: init.files.crlBundle ?? init.files.crlPem,
    leaves: Object.fromEntries(leafNames.map((name) => [name, readLeaf(issued[name])])) as Record<
      LeafName,
      SampleLeaf
    >, // one of each name
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

function issueLeaf(ca: Ca, name: LeafName, pkcs12: 'modern' | 'compat'): Json<IssueResult> {
  const { profile, key, options } = leaves[name];
  return ca.do<IssueResult>('issue', name, '--profile', profile, '--key', key, '--p12', pkcs12, ...options);
}

function readLeaf(issued: Json<IssueResult>): SampleLeaf {
  const { serial = '', notAfter, files, pkcs12Password: password = '' } = issued;
  const { certificate = '', chain = '', privateKey = '', pkcs12 = '' } = files;
  return { serial, notAfter: new Date(notAfter), certificate, chain, privateKey, pkcs12, password };
}

/** True for the first process that asks for that directory. */
function isFirst(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}
