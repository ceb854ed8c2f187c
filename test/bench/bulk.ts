import { generateKeyPairSync } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { encodePem } from '../../src/x509/pem.ts';
import { handmadeCsr, nameOf } from '../support/handmade-csr.ts';
import { isInstalled, run } from './measure.ts';
import { easyRsaPeers, makeOpensslCa } from './one-shot.ts';
import type { Row } from './table.ts';

const node = process.execPath;

/** How many certificates the loops of other programs make: enough for a rate, few enough to wait for. */
const loopLength = 40;

/** Many clients in one run, whole processes, every file synced: a second's worth of certificates, beside what others do. */
export async function benchBulk(ca: string, directory: string, clients: number): Promise<readonly Row[]> {
  const names = Array.from({ length: clients }, (_, index) => `client-${index}`);
  const home = newHome(ca, directory, 'home-keys');
  const list = join(directory, 'clients.csv');
  fs.writeFileSync(list, `client,dns\n${names.map((name) => `${name},${name}.example\n`).join('')}`);
  const fresh = rateOf(clients, () => run(node, [ca, 'issue', '--from', list, '--home', home, '--quiet']));
  const again = rateOf(clients, () => run(node, [ca, 'issue', '--from', list, '--home', home, '--quiet']));
  const renewed = rateOf(clients, () => run(node, [ca, 'renew', '--force', '--home', home, '--quiet']));
  const outcasts = join(directory, 'outcasts.txt');
  fs.writeFileSync(outcasts, names.map((name) => `${name}\n`).join(''));
  const revoked = rateOf(clients, () =>
    run(node, [ca, 'revoke', '--from', outcasts, '--home', home, '--quiet', '--yes']),
  );
  const bare = await bareFiles(join(directory, 'bare'), names);
  const loops = [opensslLoop(directory), ...certtoolLoop(directory), ...easyRsaLoop(directory)];

  const requests = writeRequests(join(directory, 'csr'), names);
  const csrHome = newHome(ca, directory, 'home-csr');
  const csrList = join(directory, 'csr', 'requests.csv');
  fs.writeFileSync(csrList, `client,csr\n${names.map((name) => `${name},${name}.csr\n`).join('')}`);
  const signed = rateOf(clients, () =>
    run(node, [ca, 'issue', '--from', csrList, '--home', csrHome, '--quiet']),
  );
  const openssl = join(directory, 'openssl-infiles');
  makeOpensslCa(openssl);
  const infiles = rateOf(clients, () =>
    run('openssl', ['ca', '-batch', '-notext', '-config', 'ca.cnf', '-infiles', ...requests], {
      cwd: openssl,
    }),
  );
  const count = clients.toLocaleString('en');
  return [
    absolute(`ca issue --from, ${count} clients, all files synced`, fresh, 2500),
    ...loops.map(({ name, rate, limit }) =>
      atLeast(`ca issue --from, ${count} clients`, fresh, `${name}, a loop`, rate, limit),
    ),
    share(`ca issue --from, ${count} clients`, fresh, 'the same files by bare node:fs, 16 at a time', bare),
    atLeast(`ca issue --from, ${count} requests`, signed, 'openssl ca -infiles, nothing synced', infiles, 1),
    absolute(`ca issue --from again, nothing missing`, again),
    absolute(`ca renew, ${count} due`, renewed),
    absolute(`ca revoke --from, ${count} clients, one CRL`, revoked),
  ];
}

function newHome(ca: string, directory: string, name: string): string {
  const home = join(directory, name);
  run(node, [ca, 'init', '--home', home, '--name', 'Bench CA', '--no-passphrase']);
  return home;
}

/** How many a second. */
function rateOf(count: number, work: () => unknown): number {
  const start = performance.now();
  work();
  return (count / (performance.now() - start)) * 1000;
}

/** The files, links and syncs of as many deliveries, with nothing in them that was worth a thought. */
async function bareFiles(directory: string, names: readonly string[]): Promise<number> {
  const sync = (path: string) =>
    new Promise<void>((resolve, reject) => {
      const fd = fs.openSync(path, 'r');
      fs.fsync(fd, (error) => {
        fs.closeSync(fd);
        if (error) reject(error);
        else resolve();
      });
    });
  const place = async (path: string, octets: number) => {
    fs.writeFileSync(`${path}.tmp`, 'x'.repeat(octets));
    await sync(`${path}.tmp`);
    fs.renameSync(`${path}.tmp`, path);
  };
  const deliver = async (name: string) => {
    const client = join(directory, name);
    const version = join(client, `.${name}`, '0a1b');
    fs.mkdirSync(version, { recursive: true });
    await place(join(version, 'key'), 240);
    await Promise.all([version, join(client, `.${name}`), client, directory].map(sync));
    await Promise.all(['crt', 'chain', 'ca', 'pem'].map((file) => place(join(version, file), 800)));
    for (const file of ['key', 'crt', 'chain', 'ca', 'pem'])
      fs.symlinkSync(`.${name}/current/${file}`, join(client, file));
    await Promise.all([version, client].map(sync));
    fs.symlinkSync('0a1b', join(client, `.${name}`, 'current'));
    await sync(join(client, `.${name}`));
  };
  fs.mkdirSync(directory);
  const start = performance.now();
  const pending = names.values();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (const name of pending) await deliver(name);
    }),
  );
  return (names.length / (performance.now() - start)) * 1000;
}

/** Another program that is run for one client after the other. */
interface Loop {
  readonly name: string;
  readonly rate: number;
  /** How many times its rate ours is to be. */
  readonly limit: number;
}

function opensslLoop(directory: string): Loop {
  const cwd = join(directory, 'openssl-loop');
  makeOpensslCa(cwd);
  const script =
    'for i in $(seq "$0"); do openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $i.key -subj /CN=$i -out $i.csr 2>/dev/null && openssl ca -batch -config ca.cnf -in $i.csr -out $i.crt -notext 2>/dev/null || exit 1; done';
  const rate = rateOf(loopLength, () => run('sh', ['-c', script, `${loopLength}`], { cwd }));
  return { name: 'openssl req + openssl ca', rate, limit: 15 };
}

/** It keeps no record, and syncs nothing. */
function certtoolLoop(directory: string): readonly Loop[] {
  if (!isInstalled('certtool')) return [];
  const cwd = join(directory, 'certtool-loop');
  fs.mkdirSync(cwd);
  fs.writeFileSync(join(cwd, 'ca.cfg'), 'cn = "Bench CA"\nca\ncert_signing_key\nexpiration_days = 3650\n');
  fs.writeFileSync(join(cwd, 'client.cfg'), 'cn = "client"\ntls_www_client\nexpiration_days = 90\n');
  const makeKey = 'certtool --generate-privkey --key-type=ecdsa --curve=secp256r1 --no-text';
  const script = `exec 2>/dev/null
    ${makeKey} --outfile ca.key && certtool --generate-self-signed --load-privkey ca.key --template ca.cfg --outfile ca.crt`;
  const loop = `exec 2>/dev/null
    for i in $(seq "$0"); do ${makeKey} --outfile $i.key && certtool --generate-certificate --load-privkey $i.key --load-ca-certificate ca.crt --load-ca-privkey ca.key --template client.cfg --outfile $i.crt || exit 1; done`;
  run('sh', ['-c', script], { cwd });
  const rate = rateOf(loopLength, () => run('sh', ['-c', loop, `${loopLength}`], { cwd }));
  return [{ name: 'certtool, no record kept', rate, limit: 15 }];
}

function easyRsaLoop(directory: string): readonly Loop[] {
  const [issue] = easyRsaPeers(join(directory, 'easyrsa-loop'));
  if (!issue) return [];
  const { command, args, argsOf, cwd = '', env = {} } = issue;
  const rate = rateOf(loopLength, () => {
    for (let i = 0; i < loopLength; i++) run(command, [...args, ...(argsOf?.(i) ?? [])], { cwd, env });
  });
  return [{ name: 'easyrsa build-client-full', rate, limit: 300 }];
}

function writeRequests(directory: string, names: readonly string[]): readonly string[] {
  fs.mkdirSync(directory);
  return names.map((name) => {
    const path = join(directory, `${name}.csr`);
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    fs.writeFileSync(path, encodePem('CERTIFICATE REQUEST', handmadeCsr({ key, subject: nameOf(name) })));
    return path;
  });
}

function absolute(work: string, rate: number, target?: number): Row {
  return {
    work,
    measured: perSecond(rate),
    against: '',
    ratio: '',
    target: target === undefined ? 'none' : `≥ ${perSecond(target)}`,
    met: target === undefined ? undefined : rate >= target,
  };
}

function atLeast(work: string, rate: number, name: string, other: number, limit: number): Row {
  const ratio = rate / other;
  return {
    work,
    measured: perSecond(rate),
    against: `${name}: ${perSecond(other)}`,
    ratio: `${ratio.toFixed(1)} × its rate`,
    target: `≥ ${limit} ×`,
    met: ratio >= limit,
  };
}

function share(work: string, rate: number, name: string, other: number): Row {
  return { ...atLeast(work, rate, name, other, 0), target: 'none: what the disk gives', met: undefined };
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en')} a second`;
}
