import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { childLimits, shippedCli } from '../support/run-cli.ts';

const isRoot = process.geteuid?.() === 0;
const service = { uid: 65_534, gid: 65_534 };
const root = { uid: 0, gid: 0 };

describe.runIf(isRoot)("root at work on a service's authority (needs root)", () => {
  let base: string;
  let home: string;
  /** Copies of Node and of the program, which the service may reach wherever the checkout lies. */
  let installed: string;

  beforeAll(() => {
    base = mkdtempSync(join(tmpdir(), 'ca-service-'));
    chownSync(base, service.uid, service.gid);
    home = join(base, 'ca');
    installed = mkdtempSync(join(tmpdir(), 'ca-installed-'));
    chmodSync(installed, 0o755);
    copyFileSync(process.execPath, join(installed, 'node'));
    cpSync(dirname(shippedCli), join(installed, 'dist'), { recursive: true });
    const addon = join('node_modules', 'fs-native-extensions');
    cpSync(join(dirname(shippedCli), '..', addon), join(installed, addon), { recursive: true });
  });
  afterAll(() => {
    for (const directory of [base, installed]) rmSync(directory, { recursive: true });
  });

  const run = (user: typeof service, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      join(installed, 'node'),
      [join(installed, 'dist', 'ca.cjs'), '--home', home, ...args],
      {
        ...childLimits,
        ...user,
        cwd: '/',
        env: { PATH: process.env['PATH'], NODE_EXTRA_CA_CERTS: '' },
        encoding: 'utf8',
      },
    );
    if (status !== 0) throw new Error(`ca ${args.join(' ')} exited ${status}: ${stdout}${stderr}`);
    return stdout;
  };

  const foreign = () =>
    (readdirSync(base, { recursive: true }) as string[]).filter((name) => {
      const { uid, gid } = lstatSync(join(base, name));
      return uid !== service.uid || gid !== service.gid;
    });

  it('leaves every file to the service, which goes on as if it had been alone', () => {
    run(service, 'init', '--name', 'Acme', '--no-passphrase', '--two-tier');
    run(root, 'issue', 'billing');
    run(root, 'issue', 'other', '--out', join(base, 'outside', 'other'));
    run(root, 'renew', 'billing', '--force');
    run(root, 'revoke', 'other');
    run(root, 'crl', '--out', join(base, 'copies'));
    run(root, 'export', 'billing', '--format', 'pem', '--out', join(base, 'billing.pem'));
    expect(foreign()).toEqual([]);

    run(service, 'renew', 'billing', '--force');
    run(service, 'issue', 'third');
    run(service, 'revoke', 'billing');
    run(service, 'crl', '--out', join(base, 'copies'));
    expect(run(service, 'ledger', 'verify')).toContain('whole');
  });

  it('leaves it what it makes in an empty directory of the service', () => {
    home = join(base, 'empty');
    mkdirSync(home);
    chownSync(home, service.uid, service.gid);
    run(root, 'init', '--name', 'Acme', '--no-passphrase');
    expect(foreign()).toEqual([]);
    run(service, 'issue', 'billing');
  });
});
