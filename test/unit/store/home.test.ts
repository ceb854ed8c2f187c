import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CrlPaths, Home, NamedFile, NewAuthority, PublishedCrl } from '../../../src/authority/ports.ts';
import { createDurably } from '../../../src/store/durable-file.ts';
import { openHome } from '../../../src/store/home.ts';
import { withLock } from '../../../src/store/lock.ts';
import { canMount, makeReadOnly, onSmallDisk } from '../../support/small-disk.ts';

let base: string;
let path: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'ca-home-'));
  path = join(base, 'ca');
});
afterEach(() => rmSync(base, { recursive: true }));

const isRoot = process.geteuid?.() === 0;

const crlOf = (issuer: 'root' | 'issuing', version = 1) => ({
  issuer,
  der: [Buffer.from(`${issuer} der ${version}`)],
  pem: [Buffer.from(`${issuer} pem `), Buffer.from(`${version}\n`)],
});

const oneTier: NewAuthority = {
  settings: '{}\n',
  settingsSchema: '{"title":"x"}\n',
  keys: [{ issuer: 'root', pem: 'root key' }],
  certificates: [{ name: 'ca.crt', content: 'root certificate', secret: false }],
  crls: [crlOf('root')],
  entries: [{ type: 'authority-created', version: 1, name: 'Acme', root: 'AA==' }],
  signHead: ({ seq }) => `head ${seq}\n`,
};

const twoTiers: NewAuthority = {
  ...oneTier,
  keys: [...oneTier.keys, { issuer: 'issuing', pem: 'issuing key' }],
  certificates: [
    ...oneTier.certificates,
    { name: 'chain.crt', content: 'issuing certificate', secret: false },
  ],
  crls: [crlOf('root'), crlOf('issuing')],
};

const open = (at = path) =>
  openHome(at, (directory, entries) => {
    createDurably(join(directory, '00000001.jsonl'), JSON.stringify(entries), { mode: 0o644 });
    return { seq: entries.length, hash: '00'.repeat(32), time: new Date(0) };
  });

describe.skipIf(process.platform === 'win32')('what others may write to', () => {
  beforeEach(() => open().create(twoTiers));

  it.each([
    ['the home directory', '.', 0o777, '0777'],
    ['the home directory', '.', 0o770, '0770'],
    ['the settings file', 'ca.json', 0o666, '0666'],
    ['the settings file', 'ca.json', 0o664, '0664'],
  ])('is refused: %s, %s, of mode %o', async (what, name, mode, shown) => {
    const place = join(path, name);
    chmodSync(place, mode);
    await expect(open().checkClosed()).rejects.toMatchObject({
      code: 'store/insecure-mode',
      message: `${what} ${place} has mode ${shown}: others than its owner may write to it`,
      hint: `close it with: chmod -R go-w ${place}; then look whether ca.json is as you left it`,
    });
  });

  it('is not what servers may read', async () => {
    chmodSync(path, 0o711);
    await expect(open().checkClosed()).resolves.toBeUndefined();
    chmodSync(path, 0o755);
    await expect(open().checkClosed()).resolves.toBeUndefined();
    await expect(open().findOpen()).resolves.toEqual([]);
  });

  it('is found in all that the authority keeps', async () => {
    const wide = [
      'keys',
      'clients',
      'ledger',
      'crl',
      'ca.crt',
      'chain.crt',
      'ledger/00000001.jsonl',
      'crl/ca.crl',
    ];
    for (const name of wide) chmodSync(join(path, name), 0o777);
    expect(await open().findOpen()).toEqual(wide.map((name) => join(path, name)));
  });

  it('is not what is missing', async () => {
    for (const name of ['keys', 'crl', 'ca.crt', 'ca.json']) rmSync(join(path, name), { recursive: true });
    await expect(open().checkClosed()).resolves.toBeUndefined();
    await expect(open().findOpen()).resolves.toEqual([]);
  });
});

describe('create', () => {
  it('makes everything, closed to others but for what servers read', async () => {
    const umask = process.umask(0o077);
    await open()
      .create(oneTier)
      .finally(() => process.umask(umask));
    expect(tree(path)).toEqual({
      '': '700',
      'ca.json': '644 {}\n',
      'ca.schema.json': '644 {"title":"x"}\n',
      'ca.crt': '644 root certificate',
      keys: '700',
      'keys/root.key': '600 root key',
      ledger: '700',
      'ledger.head': '644 head 1\n',
      'ledger/00000001.jsonl': expect.stringContaining('authority-created'),
      crl: '755',
      'crl/ca.crl': '644 root der 1',
      'crl/ca.crl.pem': '644 root pem 1\n',
      'crl/ledger.head': '644 head 1\n',
      clients: '700',
    });
    expect(readdirSync(base)).toEqual(['ca']);
  });

  it.skipIf(process.platform === 'win32').each([0o000, 0o002])(
    'makes nothing that others may write to under umask %o',
    async (mask) => {
      const umask = process.umask(mask);
      await open()
        .create(twoTiers)
        .finally(() => process.umask(umask));
      for (const name of ['.', ...(readdirSync(path, { recursive: true }) as string[])]) {
        expect(statSync(join(path, name)).mode & 0o022, name).toBe(0);
      }
      await expect(open().checkClosed()).resolves.toBeUndefined();
      await expect(open().findOpen()).resolves.toEqual([]);
    },
  );

  it('lays the CRLs of two tiers side by side, and all of them in one PEM', async () => {
    await open().create(twoTiers);
    expect(crlFilesIn(join(path, 'crl'))).toEqual({
      'ca.crl': 'issuing der 1',
      'ca.crl.pem': 'issuing pem 1\n',
      'root.crl': 'root der 1',
      'root.crl.pem': 'root pem 1\n',
      'all.crl.pem': 'issuing pem 1\nroot pem 1\n',
    });
    expect(readdirSync(join(path, 'keys')).sort()).toEqual(['issuing.key', 'root.key']);
  });

  it('makes the directories above, closed to others', async () => {
    const deep = join(base, 'a', 'b', 'ca');
    await open(deep).create(oneTier);
    expect(modeOf(join(base, 'a'))).toBe('700');
    expect(existsSync(join(deep, 'ca.json'))).toBe(true);
  });

  it('takes the place of an empty directory, and of one that a link leads to', async () => {
    mkdirSync(join(base, 'real'));
    symlinkSync(join(base, 'real'), path);
    await open().create(oneTier);
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(existsSync(join(base, 'real', 'ca.json'))).toBe(true);
  });

  it('refuses a second authority and leaves the first as it is', async () => {
    await open().create(oneTier);
    const before = tree(path);
    await expect(open().create(twoTiers)).rejects.toMatchObject({
      code: 'authority/exists',
      message: `there is an authority in ${path}`,
    });
    expect(tree(path)).toEqual(before);
    expect(readdirSync(base)).toEqual(['ca']);
  });

  it('refuses where only the record of an authority is left', async () => {
    mkdirSync(join(path, 'ledger'), { recursive: true });
    await expect(open().create(oneTier)).rejects.toMatchObject({ code: 'authority/exists' });
  });

  it('refuses a directory that holds something else', async () => {
    mkdirSync(path);
    for (const name of ['a', 'b', 'c', 'd']) writeFileSync(join(path, name), '');
    await expect(open().create(oneTier)).rejects.toMatchObject({
      code: 'store/occupied',
      message: `${path} is not empty: it holds a, b, c and more`,
      hint: `use a directory of its own: --home ${path}/ca`,
    });
    expect(readdirSync(path)).toEqual(['a', 'b', 'c', 'd']);
    expect(readdirSync(base)).toEqual(['ca']);
  });

  it('refuses a file, and a directory below a file', async () => {
    writeFileSync(path, 'x');
    await expect(open().create(oneTier)).rejects.toMatchObject({
      code: 'store/occupied',
      message: `${path} is a file`,
    });
    await expect(open(join(path, 'x')).create(oneTier)).rejects.toMatchObject({ code: 'store/occupied' });
    expect(readFileSync(path, 'utf8')).toBe('x');
  });

  it('lets exactly one of several at once win', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => open().create(oneTier)));
    const lost = results.filter((result) => result.status === 'rejected');
    expect(lost).toHaveLength(7);
    for (const { reason } of lost) expect(reason).toMatchObject({ code: 'authority/exists' });
    expect(readdirSync(base)).toEqual(['ca']);
  });

  it('leaves nothing when it fails half-way, not even the directories above', async () => {
    const home = openHome(join(base, 'a', 'b', 'ca'), () => {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
    });
    await expect(home.create(oneTier)).rejects.toMatchObject({ code: 'store/disk-full' });
    expect(readdirSync(base)).toEqual([]);
  });

  it.runIf(canMount)('leaves nothing on a full disk (needs mount)', async () => {
    await onSmallDisk(base, async () => {
      const schema = 'x'.repeat(100_000);
      await expect(open().create({ ...oneTier, settingsSchema: schema })).rejects.toMatchObject({
        code: 'store/disk-full',
      });
      expect(readdirSync(base)).toEqual([]);
    });
  });

  it.runIf(canMount)('refuses a mount point and names a directory in it (needs mount)', async () => {
    mkdirSync(path);
    await onSmallDisk(path, async () => {
      await expect(open().create(oneTier)).rejects.toMatchObject({
        code: 'store/unsupported',
        message: `cannot put the authority in place of ${path} in one step: it is a mount point`,
        hint: `use a directory in it: --home ${path}/ca`,
      });
      expect(readdirSync(base)).toEqual(['ca']);
      await open(join(path, 'ca')).create(oneTier);
    });
  });

  it.runIf(canMount)('refuses a read-only disk (needs mount)', async () => {
    await onSmallDisk(base, async () => {
      makeReadOnly(base);
      await expect(open().create(oneTier)).rejects.toMatchObject({ code: 'store/read-only' });
    });
  });

  describe('after another was killed while it made one', () => {
    const left = (name: string, ...files: string[]) => {
      const directory = join(base, name);
      mkdirSync(join(directory, 'keys'), { recursive: true });
      for (const file of ['keys/root.key', ...files]) writeFileSync(join(directory, file), '');
      return directory;
    };

    it('removes what that left', async () => {
      left('.ca.AbC123', '.unfinished');
      left('.ca.zzzzzz', '.unfinished', 'ca.json');
      await open().create(oneTier);
      expect(readdirSync(base)).toEqual(['ca']);
    });

    it('leaves everything else that is called so, such as an authority that was moved aside', async () => {
      left('.ca.backup', 'ca.json');
      left('.ca.longer-name', '.unfinished');
      left('.other.AbC123', '.unfinished');
      await open().create(oneTier);
      expect(readdirSync(base).sort()).toEqual(['.ca.backup', '.ca.longer-name', '.other.AbC123', 'ca']);
      expect(readdirSync(join(base, '.ca.backup')).sort()).toEqual(['ca.json', 'keys']);
    });

    it('leaves what somebody is at work in', async () => {
      const mark = join(left('.ca.AbC123'), '.unfinished');
      const lock = { what: 'it', waitMs: 0, clock: () => new Date(0) };
      await withLock(mark, lock, () => open().create(oneTier));
      expect(readdirSync(join(base, '.ca.AbC123')).sort()).toEqual(['.unfinished', 'keys']);
    });

    it.runIf(isRoot)("leaves what is another user's (needs root)", async () => {
      chownSync(left('.ca.AbC123', '.unfinished'), 12345, 12346);
      await open().create(oneTier);
      expect(existsSync(join(base, '.ca.AbC123', 'keys', 'root.key'))).toBe(true);
    });
  });

  it('is marked while it is made', async () => {
    const seen: string[] = [];
    const home = openHome(path, () => {
      const [directory = ''] = readdirSync(base);
      seen.push(...readdirSync(join(base, directory)).filter((name) => name.startsWith('.')));
      return { seq: 1, hash: '00'.repeat(32), time: new Date(0) };
    });
    await home.create(oneTier);
    expect(seen).toEqual(['.unfinished']);
  });

  it.runIf(isRoot)('belongs to the service whose empty directory root fills (needs root)', async () => {
    mkdirSync(path);
    chownSync(path, 12345, 12346);
    await open().create(oneTier);
    for (const name of ['', 'keys', 'keys/root.key', 'ledger/00000001.jsonl', 'crl/ca.crl', 'ca.json']) {
      expect(statSync(join(path, name))).toMatchObject({ uid: 12345, gid: 12346 });
    }
  });
});

describe('exists', () => {
  it('tells an authority from an empty or foreign directory', async () => {
    expect(await open().exists()).toBe(false);
    mkdirSync(path);
    expect(await open().exists()).toBe(false);
    rmSync(path, { recursive: true });
    await open().create(oneTier);
    expect(await open().exists()).toBe(true);
  });
});

describe('readSettings', () => {
  it('gives the text', async () => {
    await open().create(oneTier);
    await expect(open().readSettings()).resolves.toBe('{}\n');
  });

  it('says that there is no authority', async () => {
    await expect(open().readSettings()).rejects.toMatchObject({
      code: 'authority/missing',
      message: `there is no authority in ${path}`,
    });
  });

  it('says that the settings of an authority are missing', async () => {
    await open().create(oneTier);
    rmSync(join(path, 'ca.json'));
    await expect(open().readSettings()).rejects.toMatchObject({ code: 'store/not-found' });
  });
});

describe('stageCrl', () => {
  it('replaces DER and PEM', async () => {
    const home = open();
    await home.create(oneTier);
    const paths = await publish(home, crlOf('root', 2));
    expect(paths).toEqual({ der: join(path, 'crl/ca.crl'), pem: join(path, 'crl/ca.crl.pem') });
    expect(crlFilesIn(join(path, 'crl'))).toEqual({ 'ca.crl': 'root der 2', 'ca.crl.pem': 'root pem 2\n' });
    expect(modeOf(paths.der)).toBe('644');
    await expect(home.readCrl('root')).resolves.toEqual(Buffer.from('root der 2'));
  });

  it('changes nothing that is published before it is told to, and tells the sums', async () => {
    const home = open();
    await home.create(twoTiers);
    const before = crlFilesIn(join(path, 'crl'));
    const staged = await home.stageCrl(crlOf('issuing', 2));
    staged.addHead('head 2\n');
    await staged.sync();
    expect(crlFilesIn(join(path, 'crl'))).toMatchObject(before);
    staged.discard();
    expect(crlFilesIn(join(path, 'crl'))).toEqual(before);
    const sum = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(staged.sums).toEqual({ sha256: sum('issuing der 2'), pemSha256: sum('issuing pem 2\n') });
  });

  it('removes what one has left that was killed', async () => {
    const home = open();
    await home.create(oneTier);
    const names = readdirSync(join(path, 'crl'));
    const killed = await home.stageCrl(crlOf('root', 2));
    killed.add({ name: 'lost-1.head', content: 'head 1\n', secret: false });
    await killed.sync();
    expect(readdirSync(join(path, 'crl'))).toHaveLength(names.length + 3);
    await publish(home, crlOf('root', 3));
    expect(readdirSync(join(path, 'crl'))).toEqual(names);
  });

  it('tells the sums of what is there, without reading it as a whole', async () => {
    const home = open();
    await home.create(oneTier);
    const large = [Buffer.alloc(300_000, 1), Buffer.alloc(300_000, 2)];
    await publish(home, { ...crlOf('root', 2), der: large });
    const sum = (octets: Uint8Array) => createHash('sha256').update(octets).digest('hex');
    expect(await home.crlSum('root', 'der')).toBe(sum(Buffer.concat(large)));
    expect(await home.crlSum('root', 'pem')).toBe(sum(Buffer.from('root pem 2\n')));
    rmSync(join(path, 'crl/ca.crl'));
    expect(await home.crlSum('root', 'der')).toBeUndefined();
    rmSync(join(path, 'crl'), { recursive: true });
    expect(await home.crlSum('root', 'pem')).toBeUndefined();
  });

  it('keeps the file of all CRLs in step with either', async () => {
    const home = open();
    await home.create(twoTiers);
    await publish(home, crlOf('issuing', 2));
    await publish(home, crlOf('root', 3));
    expect(crlFilesIn(join(path, 'crl'))).toEqual({
      'ca.crl': 'issuing der 2',
      'ca.crl.pem': 'issuing pem 2\n',
      'root.crl': 'root der 3',
      'root.crl.pem': 'root pem 3\n',
      'all.crl.pem': 'issuing pem 2\nroot pem 3\n',
    });
    await expect(home.readCrl('issuing')).resolves.toEqual(Buffer.from('issuing der 2'));
  });

  it.each(['chain.crt', 'keys/issuing.key', 'crl/root.crl'])(
    "does not put the root's CRL in the place of the other when %s is lost",
    async (lost) => {
      await open().create(twoTiers);
      rmSync(join(path, lost));
      await publish(open(), crlOf('root', 2));
      expect(readFileSync(join(path, 'crl/ca.crl'), 'utf8')).toBe('issuing der 1');
    },
  );

  it('makes the directory again that was removed, as open as it was', async () => {
    await open().create(twoTiers);
    rmSync(join(path, 'crl'), { recursive: true });
    await publish(open(), crlOf('issuing', 2));
    expect(crlFilesIn(join(path, 'crl'))).toEqual({
      'ca.crl': 'issuing der 2',
      'ca.crl.pem': 'issuing pem 2\n',
      'all.crl.pem': 'issuing pem 2\n',
    });
    expect(modeOf(join(path, 'crl'))).toBe('755');
  });

  it.runIf(isRoot)('gives that directory to the service whose authority it is (needs root)', async () => {
    await open().create(oneTier);
    chownSync(path, 12345, 12346);
    rmSync(join(path, 'crl'), { recursive: true });
    await publish(open(), crlOf('root', 2));
    for (const name of ['crl', 'crl/ca.crl']) {
      expect(statSync(join(path, name))).toMatchObject({ uid: 12345, gid: 12346 });
    }
  });

  it('has no CRL to read when the file is lost', async () => {
    await open().create(oneTier);
    rmSync(join(path, 'crl/ca.crl'));
    await expect(open().readCrl('root')).resolves.toBeUndefined();
  });

  it.runIf(canMount)('keeps the published CRL when the disk is full (needs mount)', async () => {
    await onSmallDisk(base, async () => {
      await open().create(oneTier);
      const huge = { ...crlOf('root', 2), der: [Buffer.alloc(50_000), Buffer.alloc(50_000)] };
      await expect(publish(open(), huge)).rejects.toMatchObject({ code: 'store/disk-full' });
      expect(crlFilesIn(join(path, 'crl'))).toEqual({ 'ca.crl': 'root der 1', 'ca.crl.pem': 'root pem 1\n' });
    });
  });
});

describe('the head beside the CRLs', () => {
  it('is replaced by the one that a CRL comes with, and stays when it comes with none', async () => {
    const home = open();
    await home.create(oneTier);
    const file = join(path, 'crl/ledger.head');
    await publish(home, crlOf('root', 2), 'head 2\n');
    await expect(home.readHead()).resolves.toEqual({ file, octets: Buffer.from('head 2\n') });
    expect(modeOf(file)).toBe('644');
    await publish(home, crlOf('root', 3));
    await expect(home.readHead()).resolves.toEqual({ file, octets: Buffer.from('head 2\n') });
  });

  it('is set aside when it is lost, and is not there to read before the first', async () => {
    const home = open();
    await home.create(oneTier);
    rmSync(join(path, 'crl/ledger.head'));
    await expect(home.readHead()).resolves.toBeUndefined();
    const lostHead = { name: 'lost-1.head', content: 'head 1\n', secret: false };
    await publish(home, crlOf('root', 2), 'head 2\n', lostHead);
    expect(readFileSync(join(path, 'crl/lost-1.head'), 'utf8')).toBe('head 1\n');
    expect(readFileSync(join(path, 'crl/ledger.head'), 'utf8')).toBe('head 2\n');
    await home.copyCrls(join(base, 'web'));
    expect(readdirSync(join(base, 'web')).sort()).toEqual(['ca.crl', 'ca.crl.pem', 'ledger.head']);
  });
});

describe('copyCrls', () => {
  it('writes all CRL files into another directory, which it makes, readable by servers', async () => {
    await open().create(twoTiers);
    const copy = join(base, 'web', 'pki');
    await open().copyCrls(copy);
    expect(crlFilesIn(copy)).toEqual(crlFilesIn(join(path, 'crl')));
    expect([modeOf(copy), modeOf(join(copy, 'ca.crl'))]).toEqual(['755', '644']);
  });

  it('leaves what else is there, and the mode of the directory', async () => {
    await open().create(oneTier);
    const copy = join(base, 'web');
    mkdirSync(copy);
    chmodSync(copy, 0o750);
    writeFileSync(join(copy, 'index.html'), '');
    await open().copyCrls(copy);
    expect(readdirSync(copy).sort()).toEqual(['ca.crl', 'ca.crl.pem', 'index.html', 'ledger.head']);
    expect(modeOf(copy)).toBe('750');
  });

  it('refuses a file in the place of the directory', async () => {
    await open().create(oneTier);
    await expect(open().copyCrls(join(path, 'ca.crt'))).rejects.toMatchObject({ code: 'store/occupied' });
  });
});

describe('hasCopies', () => {
  const head = 'head 2\n';

  it('is true of a directory that holds what is published, whatever else is there', async () => {
    const home = open();
    await home.create(twoTiers);
    const web = join(base, 'web');
    expect(await home.hasCopies(web)).toBe(false);
    await home.copyCrls(web);
    writeFileSync(join(web, 'index.html'), '');
    expect(await home.hasCopies(web)).toBe(true);
    await publish(home, crlOf('issuing', 2), head);
    expect(await home.hasCopies(web)).toBe(false);
  });

  it.each(['ca.crl', 'ca.crl.pem', 'root.crl', 'all.crl.pem', 'ledger.head'])(
    'is false when %s is gone, or cut short',
    async (name) => {
      const home = open();
      await home.create(twoTiers);
      await publish(home, crlOf('issuing', 2), head);
      const web = join(base, 'web');
      await home.copyCrls(web);
      expect(await home.hasCopies(web)).toBe(true);
      writeFileSync(join(web, name), 'x');
      expect(await home.hasCopies(web)).toBe(false);
      rmSync(join(web, name));
      expect(await home.hasCopies(web)).toBe(false);
    },
  );

  it('is false of a file, and of what cannot be looked at', async () => {
    const home = open();
    await home.create(oneTier);
    expect(await home.hasCopies(join(path, 'ca.crt'))).toBe(false);
    symlinkSync('loop', join(base, 'loop'));
    expect(await home.hasCopies(join(base, 'loop'))).toBe(false);
  });
});

describe('readCopy', () => {
  it("gives that issuer's CRL and the head, as far as they are there", async () => {
    const home = open();
    await home.create(twoTiers);
    const web = join(base, 'web');
    expect(await home.readCopy(web, 'root')).toEqual({});
    await home.copyCrls(web);
    const file = join(web, 'ledger.head');
    const head = { file, octets: readFileSync(file) };
    expect(await home.readCopy(web, 'root')).toEqual({ der: crlOf('root').der[0], head });
    expect(await home.readCopy(web, 'issuing')).toEqual({ der: crlOf('issuing').der[0], head });
  });
});

it('names its files by absolute paths', () => {
  const home = open(relative(process.cwd(), path));
  expect(home.path).toBe(path);
  expect(home.filePath('ca.crt')).toBe(join(path, 'ca.crt'));
});

function modeOf(file: string): string {
  return (statSync(file).mode & 0o777).toString(8);
}

/** Mode and content of each file, mode of each directory. */
function tree(root: string): Record<string, string> {
  const names = ['', ...(readdirSync(root, { recursive: true }) as string[])];
  return Object.fromEntries(
    names.map((name) => {
      const file = join(root, name);
      return [
        name,
        statSync(file).isDirectory() ? modeOf(file) : `${modeOf(file)} ${readFileSync(file, 'utf8')}`,
      ];
    }),
  );
}

/** Stages a CRL with a head and other files, and publishes it. */
async function publish(
  home: Home,
  crl: PublishedCrl,
  head?: string,
  ...beside: NamedFile[]
): Promise<CrlPaths> {
  const staged = await home.stageCrl(crl);
  if (head !== undefined) staged.addHead(head);
  for (const file of beside) staged.add(file);
  await staged.sync();
  return staged.publish();
}

function crlFilesIn(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory)
      .filter((name) => name.includes('crl'))
      .map((name) => [name, readFileSync(join(directory, name), 'utf8')]),
  );
}
