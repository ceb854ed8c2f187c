import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { describe, expect, it, vi } from 'vitest';
import { type CraftedMember, craftBackup } from '../../support/crafted-backup.ts';
import { FaultField } from '../../support/fault-field.ts';
import { runProgram } from '../../support/outside-program.ts';
import { cliEnvironment, shippedCli } from '../../support/run-cli.ts';
import { canMount, onSmallDisk } from '../../support/small-disk.ts';

const field = FaultField.withAuthority('--no-passphrase');
field.do('issue', 'billing');
writeFileSync(field.path('pass'), 'the passphrase of the backup\n', { mode: 0o600 });
writeFileSync(field.path('wrong'), 'another passphrase\n', { mode: 0o600 });
field.do('backup', 'plain.tar');
field.do('backup', 'secret.age', '--backup-passphrase-file', 'pass');

const place = ['--home', 'new'];
const restored = (copy: FaultField) => existsSync(copy.path('new'));

/** Both ways to look at a backup refuse it; the drill with a line of its own. */
function expectDamaged(copy: FaultField, file: string, what: RegExp, ...more: readonly string[]): void {
  const refused = copy.refusal(['restore', file, ...place, ...more]);
  expect(refused).toMatch(/^exit 3, store\/damaged-backup\n/);
  expect(refused).toMatch(what);
  const check = copy.run(['restore', '--check', file, '--json', ...more]);
  expect(check.exitCode).toBe(1);
  const { valid, checks } = JSON.parse(check.stdout);
  expect(valid).toBe(false);
  expect(checks.find(({ ok }: { ok: boolean }) => !ok).detail).toMatch(what);
  expect(restored(copy)).toBe(false);
}

describe('restore refuses', () => {
  it('a file that is no backup', () => {
    for (const [name, content] of [
      ['text', 'hello'],
      ['empty', ''],
      ['long', 'x'.repeat(2000)],
    ] as const) {
      writeFileSync(field.path(name), content);
      expect(field.refusal(['restore', name, ...place])).toMatch(
        /^exit 3, store\/not-a-backup\nthe file is /,
      );
      expect(field.refusal(['restore', '--check', name])).toMatch(/^exit 3, store\/not-a-backup\n/);
    }
    runProgram('tar', ['-cf', field.path('other.tar'), '-C', field.home, 'ca.json']);
    expect(field.refusal(['restore', 'other.tar', ...place])).toContain('does not begin with manifest.json');
    expect(field.refusal(['restore', 'nowhere', ...place])).toMatch(/^exit 3, store\/not-found\n/);
    expect(field.refusal(['restore', 'home', ...place])).toMatch(
      /^exit 3, store\/not-a-backup\nthe file is no file/,
    );
  });

  it('a truncated one, wherever it was cut', () => {
    const copy = field.copy();
    const { size } = statSync(copy.path('plain.tar'));
    for (const length of [600, size - 3000, size - 1024]) {
      copyFileSync(field.path('plain.tar'), copy.path('plain.tar'));
      truncateSync(copy.path('plain.tar'), length);
      expectDamaged(copy, 'plain.tar', /it is cut off/);
    }
    const { size: sealed } = statSync(copy.path('secret.age'));
    truncateSync(copy.path('secret.age'), sealed - 1);
    expectDamaged(copy, 'secret.age', /it was changed or cut off/, '--backup-passphrase-file', 'pass');
  });

  it.each(['plain.tar', 'secret.age'])('a bit that was flipped in %s', (file) => {
    const copy = field.copy();
    const good = readFileSync(copy.path(file));
    for (const share of [0.3, 0.9]) {
      const bad = Buffer.from(good);
      const at = Math.floor(good.length * share);
      bad[at] = (bad[at] ?? 0) ^ 4;
      writeFileSync(copy.path(file), bad);
      expectDamaged(copy, file, /./, '--backup-passphrase-file', 'pass');
    }
  });

  it('the wrong passphrase, none, and one that others can read', () => {
    const wrong = field.refusal(['restore', 'secret.age', ...place, '--backup-passphrase-file', 'wrong']);
    expect(wrong).toMatch(/^exit 3, x509\/wrong-passphrase\nthe passphrase does not open the backup\n/);
    expect(field.refusal(['restore', 'secret.age', ...place])).toMatch(/^exit 2, cli\/no-terminal\n/);
    expect(field.refusal(['backup', 'x', '--encrypt'])).toMatch(/^exit 2, cli\/no-terminal\n/);
    writeFileSync(field.path('short'), 'short\n', { mode: 0o600 });
    expect(field.refusal(['backup', 'x', '--backup-passphrase-file', 'short'])).toMatch(
      /^exit 3, authority\/weak-passphrase\n/,
    );
    writeFileSync(field.path('open'), 'the passphrase of the backup\n', { mode: 0o644 });
    expect(field.refusal(['restore', 'secret.age', ...place, '--backup-passphrase-file', 'open'])).toMatch(
      /^exit 3, store\/insecure-mode\n/,
    );
  });

  it('to put an authority over another, or into a directory with something in it', () => {
    expect(field.refusal(['restore', 'plain.tar'])).toMatch(/^exit 3, authority\/exists\n/);
    mkdirSync(field.path('full'));
    writeFileSync(field.path('full', 'file'), '');
    expect(field.refusal(['restore', 'plain.tar', '--home', 'full'])).toMatch(/^exit 3, store\/occupied\n/);
  });

  const evil: Record<string, readonly CraftedMember[]> = {
    'a path that leads out': [{ path: '../evil', content: 'x' }],
    'a path that leads out behind a good beginning': [{ path: 'clients/a/../../../evil', content: 'x' }],
    'an absolute path': [{ path: '/tmp/private-ca-evil', content: 'x' }],
    'a file that no authority has': [{ path: 'evil', content: 'x' }],
    'a hidden file of the ledger': [{ path: 'ledger/lock', content: 'x' }],
    'an index': [{ path: 'ledger/index/manifest', content: 'x' }],
    'a file twice': [
      { path: 'ca.crt', content: 'x' },
      { path: 'ca.crt', content: 'y' },
    ],
    'files out of order': [
      { path: 'ca.json', content: 'x' },
      { path: 'ca.crt', content: 'y' },
    ],
    'a link': [{ type: 'link', path: 'ca.crt', target: '/etc/passwd' }],
    'a link where a directory belongs': [{ type: 'link', path: 'keys', target: '/etc' }],
    'a directory more': [{ type: 'directory', path: 'more/', mode: 0o777 }],
    'a client whose name leads out': [{ path: 'clients/../.../0a/x.key', content: 'x' }],
    'a delivery under another name': [{ path: 'clients/a/.b/0a1b/a.key', content: 'x' }],
  };
  it.each(Object.entries(evil))('an archive with %s', (_name, members) => {
    const copy = new FaultField();
    writeFileSync(copy.path('evil.tar'), craftBackup(members));
    expectDamaged(copy, 'evil.tar', /it lists|stands where|it holds/);
    expect(readdirSync(copy.directory)).toEqual(['evil.tar']);
  });

  it('a file with other permissions than it has, which it names', () => {
    const copy = new FaultField();
    writeFileSync(copy.path('mode.tar'), craftBackup([{ path: 'ca.crt', content: 'x', mode: 0o4755 }]));
    expectDamaged(copy, 'mode.tar', /"ca\.crt" has mode 4755 where 0644 belongs$/m);
  });

  const large: Record<string, readonly [CraftedMember, RegExp]> = {
    'a CRL': [{ path: 'crl/ca.crl', octets: 5 * 2 ** 30 }, /crl\/ca\.crl has \d+ octets > \d+ allowed/],
    settings: [{ path: 'ca.json', octets: 2 ** 21 }, /ca\.json has \d+ octets > \d+ allowed/],
    'a key': [{ path: 'keys/root.key', octets: 2 ** 21 }, /root\.key has \d+ octets > 65536 allowed/],
    'a line of the record': [
      { path: 'ledger/00000001.jsonl', octets: 2 ** 28 },
      /a line of ledger\/00000001\.jsonl is longer than \d+ octets/,
    ],
  };
  it.each(Object.entries(large))('%s that is far too long, without reading it', (_name, [member, what]) => {
    const copy = new FaultField();
    writeFileSync(copy.path('large.tar'), craftBackup([member]));
    truncateSync(copy.path('large.tar'), 2 ** 29);
    const started = Date.now();
    const { exitCode, stdout } = copy.run(['restore', '--check', 'large.tar', '--json']);
    expect([exitCode, JSON.parse(stdout).checks[0].detail]).toEqual([1, expect.stringMatching(what)]);
    expect(Date.now() - started).toBeLessThan(8000);
  });

  it('a list of hashes that is too long, or has a line that is', () => {
    const copy = new FaultField();
    for (const [octets, what] of [
      [2 ** 30, /SHA256SUMS has 1073741824 octets > \d+ allowed/],
      [2 ** 27, /SHA256SUMS is not as it was written/],
    ] as const) {
      writeFileSync(copy.path('sums.tar'), craftBackup([], {}, octets));
      truncateSync(copy.path('sums.tar'), octets + 2 ** 20);
      const { exitCode, stdout } = copy.run(['restore', '--check', 'sums.tar', '--json']);
      expect([exitCode, JSON.parse(stdout).checks[0].detail]).toEqual([1, expect.stringMatching(what)]);
    }
  });

  it('a changed header of age, and knows that it is encrypted', () => {
    const copy = field.copy();
    const octets = readFileSync(copy.path('secret.age'));
    const mac = octets.indexOf('\n--- ') + 5;
    octets[mac] = octets[mac] === 0x41 ? 0x42 : 0x41;
    writeFileSync(copy.path('secret.age'), octets);
    const own = ['--backup-passphrase-file', 'pass'];
    expectDamaged(copy, 'secret.age', /its header was changed/, ...own);
    const { stdout } = copy.run(['restore', '--check', 'secret.age', '--json', ...own]);
    expect(JSON.parse(stdout)).toMatchObject({ valid: false, encrypted: true });
  });

  it('a backup of a newer version', () => {
    const copy = new FaultField();
    writeFileSync(copy.path('new.tar'), craftBackup([], { backup: 2 }));
    expect(copy.refusal(['restore', 'new.tar'])).toBe(
      'exit 3, store/not-a-backup\nthe file is a backup of version 2; this program knows version 1\nhint: upgrade this program',
    );
  });
});

describe('backup refuses', () => {
  it('to replace a file', () => {
    expect(field.refusal(['backup', 'plain.tar'])).toMatch(/^exit 3, store\/occupied\n/);
    expect(field.refusal(['backup', 'plain.tar', '--dry-run'])).toMatch(/^exit 3, store\/occupied\n/);
  });

  it('a record that was changed, and leaves no file', () => {
    const copy = field.copy();
    const record = copy.path('home/ledger/00000001.jsonl');
    const text = readFileSync(record, 'utf8');
    writeFileSync(record, text.replace('"Acme API CA"', '"Acme API Ca"'));
    expect(copy.refusal(['backup', 'new.tar'])).toMatch(/^exit 3, ledger\//);
    expect(existsSync(copy.path('new.tar'))).toBe(false);
  });

  it('a place where there is no authority', () => {
    expect(field.refusal(['backup', 'x', '--home', 'nowhere'])).toMatch(/^exit 3, authority\/missing\n/);
  });
});

describe('ca ledger adopt refuses', () => {
  it('a certificate of another CA, one on record, and what is none', () => {
    const other = FaultField.withAuthority('--no-passphrase');
    other.do('issue', 'billing');
    copyFileSync(other.path('home/clients/billing/billing.crt'), field.path('foreign.crt'));
    expect(field.refusal(['ledger', 'adopt', 'foreign.crt'])).toMatch(/^exit 3, ledger\/unknown-serial\n/);
    const own = field.path('home/clients/billing/billing.crt');
    expect(field.refusal(['ledger', 'adopt', own])).toMatch(/^exit 3, ledger\/duplicate-serial\n/);
    expect(field.refusal(['ledger', 'adopt', field.path('home/ca.crt')])).toMatch(
      /^exit 3, ledger\/unknown-serial\n/,
    );
    expect(field.refusal(['ledger', 'adopt', 'pass'])).toMatch(/^exit 3, x509\/malformed\n/);
    expect(field.refusal(['ledger', 'adopt', 'nowhere.crt'])).toMatch(/^exit 3, store\/not-found\n/);
    expect(field.refusal(['ledger', 'adopt', own, '--client', '../x'])).toMatch(
      /^exit 2, core\/invalid-client-name\n/,
    );
  });
});

describe.skipIf(!canMount)('a full disk (needs root and mount)', () => {
  it('leaves no part of a backup, and no part of an authority', async () => {
    const copy = field.copy();
    mkdirSync(copy.path('small'));
    await onSmallDisk(copy.path('small'), async () => {
      writeFileSync(copy.path('small', 'filler'), Buffer.alloc(40_000));
      const backup = copy.run(['backup', 'small/x.tar', '--json']);
      expect(JSON.parse(backup.stdout).error.code).toBe('store/disk-full');
      const restore = copy.run(['restore', 'plain.tar', '--home', 'small/home', '--json']);
      expect(JSON.parse(restore.stdout).error).toMatchObject({
        code: 'store/disk-full',
        hint: expect.any(String),
      });
      expect(readdirSync(copy.path('small'))).toEqual(['filler']);
    });
  });
});

/** Keeps a backup at work for ever, once all of it is written. */
const stayAtWork = `
  const disk = require('node:fs');
  const { openSync, fsyncSync } = disk;
  let backup;
  disk.openSync = (path, ...rest) => {
    const fd = openSync(path, ...rest);
    if (path.endsWith('.backup.tmp')) backup = fd;
    return fd;
  };
  disk.fsyncSync = (fd) =>
    fd === backup ? Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) : fsyncSync(fd);
`;

describe('a backup that is killed', () => {
  it('leaves a file with keys in it that the next one into that directory removes', async () => {
    const copy = field.copy();
    mkdirSync(copy.path('to'));
    writeFileSync(copy.path('stay.cjs'), stayAtWork);
    const child = spawn(process.execPath, [shippedCli, 'backup', 'to/killed.tar'], {
      cwd: copy.directory,
      stdio: 'ignore',
      env: cliEnvironment({ CA_HOME: copy.home, NODE_OPTIONS: `--require ${copy.path('stay.cjs')}` }),
    });
    const ended = once(child, 'exit');
    try {
      const atWork = () => {
        const path = copy.path('to', readdirSync(copy.path('to'))[0] ?? 'nothing');
        // Empty it is not locked yet, perhaps.
        expect(statSync(path).size).toBeGreaterThan(0);
        return path;
      };
      const fd = openSync(await vi.waitFor(atWork, { timeout: 60_000, interval: 5 }), 'r+');
      expect(tryLock(fd), 'its lock is free').toBe(false);
      closeSync(fd);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    expect(readdirSync(copy.path('to'))).toEqual([
      expect.stringMatching(/^\.killed\.tar\.[0-9a-f]{12}\.backup\.tmp$/),
    ]);
    copy.do('backup', 'to/new.tar');
    expect(readdirSync(copy.path('to'))).toEqual(['new.tar']);
  });

  it('is told from one that is at work by its lock, and from the files of others by its name', () => {
    const copy = field.copy();
    mkdirSync(copy.path('to'));
    const busy = copy.path('to', '.now.tar.0a1b2c3d4e5f.backup.tmp');
    const other = copy.path('to', '.old.tar.0a1b2c3d4e5f.tmp');
    for (const path of [busy, other]) writeFileSync(path, 'keys', { mode: 0o600 });
    const fd = openSync(busy, 'r+');
    try {
      expect(tryLock(fd)).toBe(true);
      copy.do('backup', 'to/new.tar');
    } finally {
      closeSync(fd);
    }
    expect(readdirSync(copy.path('to')).sort()).toEqual([basename(busy), basename(other), 'new.tar']);
  });

  it('is told from one that was opened just now, and is not locked yet, by what is in it, for a minute', () => {
    const copy = field.copy();
    mkdirSync(copy.path('to'));
    const opened = copy.path('to', '.now.tar.0a1b2c3d4e5f.backup.tmp');
    writeFileSync(opened, '', { mode: 0o600 });
    copy.do('backup', 'to/new.tar');
    expect(existsSync(opened)).toBe(true);
    const before = new Date(Date.now() - 61_000);
    utimesSync(opened, before, before);
    copy.do('backup', 'to/newer.tar');
    expect(existsSync(opened)).toBe(false);
  });
});

describe('a backup takes', () => {
  it('of crl/ only what is ours, and not what says where copies are', () => {
    const copy = field.copy();
    writeFileSync(copy.path('home/crl/.spread'), '1\n');
    writeFileSync(copy.path('home/crl/private'), 'a secret', { mode: 0o600 });
    writeFileSync(copy.path('home/crl/lost-3-0a1b2c3d.head'), 'a head');
    copy.do('backup', 'ours.tar');
    copy.do('restore', 'ours.tar', ...place);
    expect(readdirSync(copy.path('new/crl')).sort()).toEqual([
      'ca.crl',
      'ca.crl.pem',
      'ledger.head',
      'lost-3-0a1b2c3d.head',
    ]);
  });

  it('and tells the clients whose files or key are gone from the home directory', () => {
    const copy = field.copy();
    const key = copy.path('home/clients/billing/.billing');
    const serial = readdirSync(key).find((name) => name !== 'current') ?? '';
    copy.do('issue', 'taken');
    copy.do('issue', 'out', '--out', copy.path('elsewhere'));
    rmSync(copy.path('home/clients/taken'), { recursive: true });
    renameSync(`${key}/${serial}/billing.key`, copy.path('billing.key'));
    symlinkSync(copy.path('billing.key'), `${key}/${serial}/billing.key`);
    const { deliveries, elsewhere, missing } = copy.do('backup', 'some.tar');
    expect({ deliveries, elsewhere, missing }).toEqual({
      deliveries: 1,
      elsewhere: 1,
      missing: [
        { client: 'billing', what: 'key' },
        { client: 'taken', what: 'files' },
      ],
    });
    const { stdout, stderr } = copy.run(['backup', 'more.tar']);
    expect(stdout).toContain('(--out); files of taken: clients/ has them no more\n');
    expect(stderr).toContain('the key of billing is not in it');
  });
});

describe('while others write', () => {
  it('a backup is one whole state of the authority', async () => {
    const copy = field.copy();
    const writers = [0, 1].map((writer) => endless(copy, `client-${writer}`));
    try {
      for (let round = 0; round < 3; round++) {
        copy.do('backup', `${round}.tar`);
        const { checks } = copy.do('restore', '--check', `${round}.tar`);
        expect(checks.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([]);
        copy.do('restore', `${round}.tar`, '--home', copy.path(`home-${round}`));
        for (const command of [
          ['ledger', 'verify'],
          ['renew'],
          ['status'],
          ['export', 'billing', '--format', 'pem', '--out', '-'],
        ]) {
          const { exitCode, stdout } = copy.run([...command, '--home', copy.path(`home-${round}`)]);
          expect(exitCode, `ca ${command.join(' ')}: ${stdout}`).toBe(0);
        }
      }
    } finally {
      await Promise.all(writers.map((stop) => stop()));
    }
  });
});

/** Renews, revokes and issues until it is stopped. */
function endless(copy: FaultField, client: string): () => Promise<void> {
  const ca = `'${process.execPath}' '${shippedCli}'`;
  const script = `while :; do ${ca} issue ${client} --again; ${ca} renew --force billing; ${ca} revoke ${client}; done`;
  const child = spawn('sh', ['-c', script], {
    cwd: copy.directory,
    detached: true,
    stdio: 'ignore',
    env: cliEnvironment({ CA_HOME: copy.home }),
  });
  return () =>
    new Promise((resolve) => {
      child.once('exit', () => resolve());
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    });
}

describe('a restored authority', () => {
  it('has no lock and no index, keeps its modes, and gives each CRL a greater number (RFC 5280 §5.2.3)', () => {
    const copy = field.copy();
    copy.do('issue', 'many');
    mkdirSync(copy.path('home/ledger/index'));
    writeFileSync(copy.path('home/ledger/index/runs'), 'derived, and disposable');
    copy.do('backup', 'indexed.tar');
    const { crl } = copy.do('revoke', 'many');
    renameSync(copy.home, copy.path('gone'));
    copy.do('restore', 'indexed.tar');
    expect(readdirSync(copy.path('home/ledger'))).toEqual(['00000001.jsonl']);
    expect(readdirSync(copy.home).sort()).toEqual([
      'ca.crt',
      'ca.json',
      'ca.schema.json',
      'clients',
      'crl',
      'keys',
      'ledger',
      'ledger.head',
    ]);
    const modes = {
      '.': 0o700,
      keys: 0o700,
      'keys/root.key': 0o600,
      ledger: 0o700,
      crl: 0o755,
      'clients/many/.many': 0o700,
      'clients/many/many.key': 0o600,
    };
    for (const [name, mode] of Object.entries(modes)) {
      expect((statSync(copy.path('home', name)).mode & 0o7777).toString(8), name).toBe(mode.toString(8));
    }
    // The list of the lost home is what servers have: put back, it keeps revoked what the record forgot.
    copyFileSync(copy.path('gone/crl/ca.crl'), copy.path('home/crl/ca.crl'));
    const next = copy.do('crl');
    expect(BigInt(next.number)).toBeGreaterThan(BigInt(crl.number));
    expect(next.entries).toBe(crl.entries);
    rmSync(copy.path('home/crl/ca.crl'));
    expect(BigInt(copy.do('crl').number)).toBeGreaterThan(BigInt(next.number));
    expect(copy.run(['ledger', 'verify']).exitCode).toBe(0);
  });

  it('can be had with tar and sha256sum alone', () => {
    const copy = field.copy();
    mkdirSync(copy.path('by-hand'), { mode: 0o700 });
    runProgram('tar', ['-xpf', copy.path('plain.tar'), '-C', copy.path('by-hand')]);
    runProgram('sh', ['-c', 'cd "$1" && sha256sum --check --strict SHA256SUMS', 'sh', copy.path('by-hand')]);
    for (const name of ['manifest.json', 'SHA256SUMS']) rmSync(copy.path('by-hand', name));
    expect(copy.run(['status', '--home', 'by-hand']).exitCode).toBe(0);
    expect(copy.do('issue', 'orders', '--home', 'by-hand')).toMatchObject({ client: 'orders' });
  });
});
