import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, isInstalled, race, run, type Timing } from './measure.ts';
import { atLeast, atMost, type Row } from './table.ts';

const node = process.execPath;
const bareNode: Contender = { name: 'node -e 0', command: node, args: ['-e', '0'] };

/** Whole processes on a small ledger: what a person at a terminal, or a script, waits for. */
export function benchOneShot(ca: string, directory: string, runs: number): readonly Row[] {
  const home = join(directory, 'home');
  const ours = (
    name: string,
    args: readonly string[],
    argsOf?: (run: number) => readonly string[],
  ): Contender => ({
    name,
    command: node,
    args: [ca, '--home', home, ...args],
    ...(argsOf ? { argsOf } : {}),
  });
  run(node, [ca, 'init', '--home', home, '--name', 'Bench CA', '--no-passphrase']);
  for (let i = 0; i < 10; i++) run(node, [ca, 'issue', `seed-${i}`, '--home', home]);

  const encrypted = join(directory, 'encrypted');
  const passphraseFile = join(directory, 'passphrase');
  writeFileSync(passphraseFile, 'correct horse battery staple\n', { mode: 0o600 });
  const passphrase = ['--passphrase-file', passphraseFile];
  run(node, [ca, 'init', '--home', encrypted, '--name', 'Bench CA', ...passphrase]);

  const peers = [...opensslPeers(directory), ...easyRsaPeers(directory), ...opcuaPeers(directory)];
  const timings = race(
    [
      bareNode,
      ours('help', ['--help']),
      ours('list', ['list']),
      ours('show', ['show', 'seed-0']),
      ours('issue', ['issue'], (i) => [`client-${i}`]),
      // Revokes what the run before it has just issued.
      ours('revoke', ['revoke'], (i) => [`client-${i}`]),
      {
        name: 'issue, encrypted',
        command: node,
        args: [ca, 'issue', '--home', encrypted, ...passphrase],
        argsOf: (i) => [`client-${i}`],
      },
      { name: pbkdf2, command: node, args: ['-e', derive] },
      ...peers,
    ],
    runs,
  );
  const of = (name: string): Timing | undefined => timings.find((timing) => timing.name === name);
  const bare = need(of(bareNode.name));
  const issue = need(of('issue')).ms;
  const revoke = need(of('revoke')).ms;
  const easyIssue = of('easyrsa build-client-full');
  const easyRevoke = of('easyrsa revoke');
  const easyCrl = of('easyrsa gen-crl');
  const opcuaIssue = of('node-opcua-pki certificate');
  const opcuaRevoke = of('node-opcua-pki revoke');
  const openssl = of('openssl req + openssl ca');
  return [
    atMost('ca --help', need(of('help')).ms, bare, 1.6),
    atMost('ca list, 10 certificates', need(of('list')).ms, bare, 1.6),
    atMost('ca show', need(of('show')).ms, bare, 1.6),
    atMost('ca issue', issue, bare, 2),
    atMost('ca revoke, CRL included', revoke, bare, 2),
    ...(easyIssue ? [atLeast('ca issue', issue, easyIssue, 2.5)] : []),
    ...(easyRevoke && easyCrl
      ? [
          atLeast(
            'ca revoke, CRL included',
            revoke,
            { name: 'easyrsa revoke + gen-crl', ms: easyRevoke.ms + easyCrl.ms },
            4,
          ),
        ]
      : []),
    ...(opcuaIssue ? [atLeast('ca issue', issue, opcuaIssue, 8)] : []),
    ...(opcuaRevoke ? [atLeast('ca revoke, CRL included', revoke, opcuaRevoke, 8)] : []),
    passphraseRow(need(of('issue, encrypted')).ms - issue, need(of(pbkdf2)).ms - bare.ms),
    ...(openssl
      ? [
          {
            ...atLeast('ca issue', issue, openssl, 0),
            target: 'none: it ends before Node has started',
            met: undefined,
          },
        ]
      : []),
  ];
}

const pbkdf2 = 'PBKDF2-HMAC-SHA-256, 600,000 iterations';
const derive =
  "require('node:crypto').pbkdf2Sync('correct horse battery staple', 'salt', 600_000, 32, 'sha256')";

/** What the passphrase of a CA key costs a command beyond the derivation of its key, which is meant to take its time. */
function passphraseRow(more: number, derivation: number): Row {
  const beside = more - derivation;
  return {
    work: 'ca issue with a passphrase, what it takes more',
    measured: `${more.toFixed(0)} ms`,
    against: `${pbkdf2}: ${derivation.toFixed(0)} ms`,
    ratio: `${Math.round(beside) + 0} ms beside it`,
    target: '≤ 10 ms',
    met: beside <= 10,
  };
}

function opensslPeers(directory: string): readonly Contender[] {
  const cwd = join(directory, 'openssl');
  makeOpensslCa(cwd);
  const script =
    'openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$0.key" -subj "/CN=$0" -out "$0.csr" 2>/dev/null && openssl ca -batch -config ca.cnf -in "$0.csr" -out "$0.crt" -notext 2>/dev/null';
  return [
    {
      name: 'openssl req + openssl ca',
      command: 'sh',
      args: ['-c', script],
      argsOf: (i) => [`client-${i}`],
      cwd,
    },
  ];
}

/** easy-rsa with an authority of its own in `easyrsa`; none where it is not installed. */
export function easyRsaPeers(directory: string): readonly Contender[] {
  const program = '/usr/share/easy-rsa/easyrsa';
  if (!isInstalled(program)) return [];
  const cwd = join(directory, 'easyrsa');
  mkdirSync(cwd, { recursive: true });
  const env = {
    EASYRSA_BATCH: '1',
    EASYRSA_ALGO: 'ec',
    EASYRSA_CURVE: 'prime256v1',
    EASYRSA_PKI: join(cwd, 'pki'),
    EASYRSA_REQ_CN: 'Bench CA',
  };
  run(program, ['init-pki'], { cwd, env });
  run(program, ['build-ca', 'nopass'], { cwd, env });
  const { EASYRSA_REQ_CN: _, ...clientEnv } = env;
  const peer = (
    name: string,
    args: readonly string[],
    argsOf?: (run: number) => readonly string[],
  ): Contender => ({
    name,
    command: program,
    args,
    cwd,
    env: clientEnv,
    ...(argsOf ? { argsOf } : {}),
  });
  return [
    peer('easyrsa build-client-full', ['build-client-full'], (i) => [`client-${i}`, 'nopass']),
    peer('easyrsa revoke', ['revoke'], (i) => [`client-${i}`]),
    peer('easyrsa gen-crl', ['gen-crl']),
  ];
}

/** node-opcua-pki, the authority on Node that comes nearest, with RSA keys; none where it is not in PATH. */
function opcuaPeers(directory: string): readonly Contender[] {
  const program = 'node-opcua-pki';
  if (!isInstalled(program)) return [];
  const cwd = join(directory, 'opcua');
  mkdirSync(cwd);
  const place = ['-r', join(cwd, 'PKI'), '-c', 'CA'];
  run(program, ['createCA', ...place], { cwd });
  run(program, ['createPKI', '-r', join(cwd, 'PKI')], { cwd });
  const peer = (command: string, argsOf: (run: number) => readonly string[]): Contender => ({
    name: `${program} ${command}`,
    command: program,
    args: [command, ...place],
    cwd,
    argsOf,
  });
  return [
    peer('certificate', (i) => [
      '-a',
      `urn:client-${i}`,
      '--subject',
      `/CN=client-${i}`,
      '-o',
      `client-${i}.pem`,
    ]),
    peer('revoke', (i) => [`client-${i}.pem`]),
  ];
}

/** An `openssl ca` directory with an empty index.txt. */
export function makeOpensslCa(cwd: string): void {
  mkdirSync(join(cwd, 'new'), { recursive: true });
  writeFileSync(join(cwd, 'index.txt'), '');
  writeFileSync(join(cwd, 'crlnumber'), '01\n');
  writeFileSync(
    join(cwd, 'ca.cnf'),
    [
      '[ca]',
      'default_ca = this',
      '[this]',
      'database = index.txt',
      'new_certs_dir = new',
      'certificate = ca.crt',
      'private_key = ca.key',
      'rand_serial = yes',
      'crlnumber = crlnumber',
      'default_md = sha256',
      'default_days = 90',
      'default_crl_days = 30',
      'policy = policy',
      'unique_subject = no',
      'crl_extensions = crl',
      '[policy]',
      'commonName = supplied',
      '[crl]',
      'authorityKeyIdentifier = keyid',
      '',
    ].join('\n'),
  );
  run(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
      '-subj',
      '/CN=Bench CA',
      '-days',
      '3650',
    ],
    { cwd },
  );
}

function need(timing: Timing | undefined): Timing {
  if (!timing) throw new Error('a contender was not timed');
  return timing;
}
