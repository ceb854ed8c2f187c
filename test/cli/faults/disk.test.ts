import { generateKeyPairSync } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodePem } from '../../../src/x509/pem.ts';
import { FaultField } from '../../support/fault-field.ts';
import { handmadeCsr } from '../../support/handmade-csr.ts';
import { canMount, makeReadOnly, onSmallDisk } from '../../support/small-disk.ts';

const field = FaultField.withAuthority('--no-passphrase');
field.do('issue', 'billing');

/** A disk block of the small disks, in octets. */
const block = 4096;

/** Fills a disk but for so many blocks. */
function fill(directory: string, blocksLeft = 0): string {
  const filler = join(directory, 'filler');
  const content: Buffer[] = [];
  for (;;) {
    content.push(Buffer.alloc(block));
    try {
      writeFileSync(filler, Buffer.concat(content));
    } catch {
      writeFileSync(filler, Buffer.concat(content.slice(1 + blocksLeft)));
      return filler;
    }
  }
}

/** Puts a directory of the field on a small disk of its own while `work` runs. */
async function onDiskOfItsOwn(copy: FaultField, name: string, work: (path: string) => void): Promise<void> {
  const path = copy.path(name);
  const aside = copy.path('aside');
  if (existsSync(path)) renameSync(path, aside);
  else mkdirSync(aside);
  mkdirSync(path);
  await onSmallDisk(
    path,
    async () => {
      cpSync(aside, path, { recursive: true, verbatimSymlinks: true });
      rmSync(aside, { recursive: true });
      work(path);
    },
    '512k',
  );
}

describe.skipIf(!canMount)('a full disk (needs root and mount)', () => {
  it('under the record: nothing is delivered, and after some room was made it goes on', async () => {
    const copy = field.copy();
    await onDiskOfItsOwn(copy, 'home/ledger', (ledger) => {
      const filler = fill(ledger);
      // What fits into the last block may be written: fill the record's own block, too.
      const record = join(ledger, '00000001.jsonl');
      const free = (block - (readFileSync(record).length % block)) % block;
      const large = ['--hook', `true ${'x'.repeat(free)}`];
      expect(copy.refusal(['issue', 'orders', ...large])).toMatchInlineSnapshot(`
        "exit 3, store/disk-full
        cannot write <work>/home/ledger/00000001.jsonl: the disk is full
        hint: free some space, then run the same command again"
      `);
      expect(copy.refusal(['issue', 'orders', '--out', 'delivery', ...large])).toMatchInlineSnapshot(`
        "exit 3, store/disk-full
        cannot write <work>/home/ledger/00000001.jsonl: the disk is full
        hint: free some space, then run the same command again"
      `);
      const names = ['a', 'b', 'c'].flatMap((name) => ['--uri', `urn:${name}:${'x'.repeat(1500)}`]);
      expect(copy.refusal(['issue', 'orders', '--out', '-', ...names])).toContain('store/disk-full');
      expect(copy.run(['list']).exitCode).toBe(0);
      rmSync(filler);
      copy.do('issue', 'orders', ...large);
      copy.do('ledger', 'verify');
    });
  });

  it('under the record: whatever else would be recorded is not, and changes nothing', async () => {
    const copy = field.copy();
    writeFileSync(copy.path('clients.csv'), 'client\nfirst\nsecond\n');
    writeFileSync(copy.path('leavers.txt'), 'billing\n');
    await onDiskOfItsOwn(copy, 'home/ledger', (ledger) => {
      const record = join(ledger, '00000001.jsonl');
      const freeInBlock = () => (block - (readFileSync(record).length % block)) % block;
      // Fills the record's last block but for fewer octets than the shortest entry has.
      const before = readFileSync(record).length;
      copy.do('issue', 'pad-1', '--hook', 'true');
      const ofOne = readFileSync(record).length - before + 60;
      const padding = (freeInBlock() - ofOne + 2 * block) % block;
      copy.do('issue', 'pad-2', '--hook', `true ${'x'.repeat(padding)}`);
      expect(freeInBlock()).toBeLessThan(120);
      const filler = fill(ledger);
      for (const command of ['revoke billing', 'revoke --from leavers.txt', 'crl'])
        expect(copy.refusal(command.split(' '))).toMatch(
          /^exit 3, store\/disk-full\n.*\nhint: free some space/s,
        );
      for (const command of ['renew billing --force', 'issue --from clients.csv']) {
        const files = copy.files();
        const { exitCode, stdout } = copy.run([...command.split(' '), '--json']);
        const { failed } = JSON.parse(stdout);
        expect(failed.length).toBeGreaterThan(0);
        for (const each of failed)
          expect(each).toMatchObject({
            code: 'store/disk-full',
            hint: expect.stringContaining('free some space'),
          });
        expect(exitCode).toBe(1);
        expect(copy.files()).toEqual(files);
      }
      rmSync(filler);
      copy.do('renew', 'billing', '--force');
      expect(copy.do('revoke', 'billing').revoked).toHaveLength(2);
      copy.do('ledger', 'verify');
    });
  });

  it('under the CRL: revoke, crl and renew change nothing, and do it all after some room was made', async () => {
    const copy = field.copy();
    await onDiskOfItsOwn(copy, 'home/crl', (crl) => {
      rmSync(join(crl, 'ca.crl.pem')); // so that renew, too, has one to publish
      const filler = fill(crl);
      expect(copy.refusal(['revoke', 'billing'])).toMatchInlineSnapshot(`
        "exit 3, store/disk-full
        nothing was revoked: cannot write <work>/home/crl/ca.crl.pem: the disk is full
        hint: free some space, then run the same command again"
      `);
      expect(copy.refusal(['crl'])).toMatchInlineSnapshot(`
        "exit 3, store/disk-full
        cannot write <work>/home/crl/ca.crl.pem: the disk is full
        hint: free some space, then run the same command again"
      `);
      const before = copy.files();
      const { exitCode, stdout } = copy.run(['renew', '--json']);
      expect([exitCode, JSON.parse(stdout).failed]).toMatchObject([1, [{ code: 'store/disk-full' }]]);
      expect(copy.files()).toEqual(before);
      rmSync(filler);
      expect(copy.do('revoke', 'billing').crl.entries).toBe(1);
      copy.do('ledger', 'verify');
    });
  });

  it('under a delivery, with no room for all of it: nothing happens', async () => {
    const copy = field.copy();
    const request = copy.path('request.pem');
    writeFileSync(request, encodePem('CERTIFICATE REQUEST', handmadeCsr()));
    await onDiskOfItsOwn(copy, 'delivery', (delivery) => {
      for (const blocks of [1, 2, 6, 11]) {
        const filler = fill(delivery, blocks);
        for (const more of [[], ['--csr', request]])
          expect(copy.refusal(['issue', 'orders', '--out', 'delivery', ...more])).toContain(
            'store/disk-full',
          );
        rmSync(filler);
      }
      const filler = fill(delivery);
      expect(copy.refusal(['issue', 'orders', '--out', 'delivery'])).toMatchInlineSnapshot(`
        "exit 3, store/disk-full
        cannot write <work>/delivery/.orders/<serial>/orders.key: the disk is full
        hint: free some space, then run the same command again"
      `);
      rmSync(filler);
      copy.do('issue', 'orders', '--out', 'delivery');
    });
  });

  it('under the renewal of many, or a list of them, with room for some files alone: nothing happens', async () => {
    const copy = field.copy();
    const clients = ['a', 'b', 'c', 'd', 'e', 'f'];
    const list = copy.path('list.csv');
    writeFileSync(list, ['client,out', ...clients.map((client) => `new-${client},delivery`)].join('\n'));
    const requests = copy.path('requests.csv');
    const lines = clients.map((client) => {
      const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
      writeFileSync(copy.path(`${client}.csr`), encodePem('CERTIFICATE REQUEST', handmadeCsr({ key })));
      return `own-${client},delivery,${client}.csr`;
    });
    writeFileSync(requests, ['client,out,csr', ...lines].join('\n'));
    await onDiskOfItsOwn(copy, 'delivery', (delivery) => {
      for (const client of clients) copy.do('issue', client, '--out', 'delivery');
      for (const blocks of [0, clients.length, 15]) {
        const filler = fill(delivery, blocks);
        const before = copy.files();
        for (const args of [
          ['renew', ...clients, '--force'],
          ['issue', '--from', list],
          ['issue', '--from', requests],
        ]) {
          const { exitCode, stdout } = copy.run([...args, '--json']);
          expect(JSON.parse(stdout).failed).toMatchObject(
            clients.map(() => ({
              code: 'store/disk-full',
              message: expect.stringMatching(
                /^cannot deliver: the disk of .*\/delivery has \d+ KiB left, and \d+ files take \d+ KiB at least$/,
              ),
              hint: 'free some space, then run the same command again',
            })),
          );
          expect(exitCode).toBe(1);
          expect(copy.files()).toEqual(before);
        }
        rmSync(filler);
      }
      expect(copy.do('renew', ...clients, '--force').renewed).toHaveLength(clients.length);
      copy.do('ledger', 'verify');
    });
  });

  it('under a renewal: the old files stay in place together, and the next run renews', async () => {
    const copy = field.copy();
    await onDiskOfItsOwn(copy, 'delivery', (delivery) => {
      copy.do('issue', 'orders', '--out', 'delivery');
      const before = readFileSync(join(delivery, 'orders.pem'), 'utf8');
      for (const blocks of [0, 2, 6, 11]) {
        const filler = fill(delivery, blocks);
        const files = copy.files();
        const { exitCode, stdout } = copy.run(['renew', 'orders', '--force', '--json']);
        expect(exitCode).toBe(1);
        expect(JSON.parse(stdout).failed).toMatchObject([
          { client: 'orders', code: 'store/disk-full', hint: expect.any(String) },
        ]);
        expect(copy.files()).toEqual(files);
        rmSync(filler);
      }
      expect(copy.do('renew', 'orders', '--force').renewed).toMatchObject([{ client: 'orders' }]);
      expect(readFileSync(join(delivery, 'orders.pem'), 'utf8')).not.toBe(before);
    });
  });

  it('under a CA key whose passphrase is changed: the old one opens it', async () => {
    const copy = field.copy();
    const passphrase = copy.path('passphrase');
    writeFileSync(passphrase, 'correct horse battery\n', { mode: 0o600 });
    await onDiskOfItsOwn(copy, 'home/keys', (keys) => {
      const filler = fill(keys);
      expect(copy.refusal(['passphrase', '--new-passphrase-file', passphrase])).toMatchInlineSnapshot(`
        "exit 3, store/disk-full
        cannot write <work>/home/keys/root.key: the disk is full
        hint: free some space, then run the same command again"
      `);
      rmSync(filler);
      copy.do('crl');
      copy.do('passphrase', '--new-passphrase-file', passphrase);
      copy.do('crl', '--passphrase-file', passphrase);
    });
  });

  it('under ca init: nothing is made', async () => {
    const copy = new FaultField();
    mkdirSync(copy.path('small'));
    await onSmallDisk(copy.path('small'), async () => {
      const filler = fill(copy.path('small'), 2);
      const env = { CA_HOME: copy.path('small/home') };
      expect(
        copy.refusal(['init', '--name', 'Acme API CA', '--no-passphrase'], { env }),
      ).toMatchInlineSnapshot(`
        "exit 3, store/disk-full
        cannot write <work>/small/.home.<new>/ca.json: the disk is full
        hint: free some space, then run the same command again"
      `);
      expect(readdirSync(copy.path('small'))).toEqual(['filler']);
      rmSync(filler);
    });
  });
});

describe.skipIf(!canMount)('a read-only disk (needs root and mount)', () => {
  it('under the record and the CRL: all is read, nothing written', async () => {
    const copy = field.copy();
    await onDiskOfItsOwn(copy, 'home/ledger', (ledger) => {
      makeReadOnly(ledger);
      for (const args of [['issue', 'orders'], ['revoke', 'billing'], ['crl']]) {
        expect(copy.refusal(args)).toMatch(/^exit 3, store\/read-only\n/);
      }
      expect(copy.refusal(['issue', 'orders'])).toMatchInlineSnapshot(`
        "exit 3, store/read-only
        cannot open the lock <work>/home/ledger/lock: the file system is read-only
        hint: remount it writable, or name another directory"
      `);
      expect(copy.run(['renew', '--force']).exitCode).toBe(1);
      for (const args of [['list'], ['show', 'billing'], ['status'], ['ledger', 'verify']])
        expect(copy.run(args).exitCode).toBe(0);
    });
  });

  it('under the whole home: nothing is written, and each command says so', async () => {
    const copy = field.copy();
    await onDiskOfItsOwn(copy, 'home', (home) => {
      makeReadOnly(home);
      for (const command of ['issue orders', 'revoke billing', 'crl', 'passphrase --no-passphrase'])
        expect(copy.refusal(command.split(' '))).toMatch(/^exit 3, store\/read-only\n.*\nhint: remount it/);
      const before = copy.files();
      const { exitCode, stdout } = copy.run(['renew', '--force', '--json']);
      expect([exitCode, JSON.parse(stdout).failed]).toMatchObject([
        1,
        [{ client: 'billing', code: 'store/read-only', hint: expect.stringContaining('remount it') }],
      ]);
      expect(copy.files()).toEqual(before);
    });
    mkdirSync(copy.path('empty'));
    await onSmallDisk(copy.path('empty'), async () => {
      makeReadOnly(copy.path('empty'));
      const env = { CA_HOME: copy.path('empty/home') };
      expect(copy.refusal(['init', '--name', 'Acme API CA', '--no-passphrase'], { env })).toMatch(
        /^exit 3, store\/read-only\n/,
      );
    });
  });

  it('under a delivery', async () => {
    const copy = field.copy();
    await onDiskOfItsOwn(copy, 'delivery', (delivery) => {
      makeReadOnly(delivery);
      expect(copy.refusal(['issue', 'orders', '--out', 'delivery'])).toMatchInlineSnapshot(`
        "exit 3, store/read-only
        cannot write to <work>/delivery: the file system is read-only
        hint: remount it writable, or name another directory"
      `);
      expect(copy.refusal(['issue', 'orders', '--out', 'delivery/below'])).toContain('store/read-only');
    });
  });
});

describe('a removed directory of CRLs', () => {
  it.each(['crl', 'renew', 'revoke billing'])('is made again by ca %s', (command) => {
    const copy = field.copy();
    rmSync(copy.path('home/crl'), { recursive: true });
    expect(copy.run(['status']).exitCode).toBe(1);
    copy.do(...command.split(' '));
    expect(statSync(copy.path('home/crl')).mode & 0o777).toBe(0o755);
    expect(readdirSync(copy.path('home/crl'))).toEqual(expect.arrayContaining(['ca.crl', 'ca.crl.pem']));
    expect(copy.do('status')).toMatchObject({ crl: { state: 'fresh' }, problems: [] });
    copy.do('ledger', 'verify');
  });
});

describe('a place for a delivery that is refused', () => {
  const copy = field.copy();
  const issue = (out: string) => copy.refusal(['issue', 'orders', '--out', out]);

  it('is a file', () => {
    writeFileSync(copy.path('file'), '');
    expect(issue('file')).toMatchInlineSnapshot(`
      "exit 3, store/occupied
      <work>/file is not a directory
      hint: name another directory with ca issue --out"
    `);
  });

  it('is below a file', () => {
    writeFileSync(copy.path('file'), '');
    expect(issue('file/below')).toMatchInlineSnapshot(`
      "exit 3, store/occupied
      <work>/file is not a directory
      hint: name another directory with ca issue --out"
    `);
  });

  it('holds a file of somebody else under a name that is needed', () => {
    mkdirSync(copy.path('taken'));
    writeFileSync(copy.path('taken/orders.crt'), 'somebody else’s');
    expect(issue('taken')).toMatchInlineSnapshot(`
      "exit 3, store/occupied
      <work>/taken/orders.crt exists already and is not ours
      hint: move it away, or name another directory with ca issue --out"
    `);
  });

  it('holds a link to elsewhere under a name that is needed', () => {
    mkdirSync(copy.path('linked'));
    writeFileSync(copy.path('victim'), 'victim');
    symlinkSync('../victim', copy.path('linked/orders.key'));
    expect(issue('linked')).toMatchInlineSnapshot(`
      "exit 3, store/occupied
      <work>/linked/orders.key exists already and is not ours
      hint: move it away, or name another directory with ca issue --out"
    `);
    expect(readFileSync(copy.path('victim'), 'utf8')).toBe('victim');
  });

  it('is a link to nowhere', () => {
    symlinkSync('nowhere', copy.path('dangling'));
    expect(issue('dangling')).toMatchInlineSnapshot(`
      "exit 3, store/occupied
      <work>/dangling is not a directory
      hint: name another directory with ca issue --out"
    `);
  });

  it('is inside the home directory', () => {
    expect(issue('home/keys')).toMatchInlineSnapshot(`
      "exit 3, store/occupied
      <work>/home/keys is inside the authority's own directory
      hint: name a directory outside, or leave --out away: the files then go to clients/ there"
    `);
    expect(issue('home')).toContain('store/occupied');
  });

  it('is inside the home directory through a link', () => {
    symlinkSync('home/ledger', copy.path('sly'));
    expect(issue('sly')).toContain('exit 3, store/occupied');
  });
});

describe('a home directory that is refused', () => {
  it.each([
    'issue billing',
    'list',
    'status',
    'renew',
    'crl',
    'revoke billing',
    'ledger verify',
    'show billing',
    'passphrase --no-passphrase',
  ])('is missing: ca %s', (command) => {
    const empty = new FaultField();
    expect(empty.refusal(command.split(' '))).toBe(
      'exit 3, authority/missing\nthere is no authority in <work>/home\nhint: make one with: ca init --name "Acme API CA"; or say where it is with --home or CA_HOME',
    );
  });

  it('is a file', () => {
    const copy = new FaultField();
    writeFileSync(copy.path('home'), '');
    expect(copy.refusal(['list'])).toContain('exit 3, authority/missing');
    expect(copy.refusal(['init', '--name', 'Acme API CA', '--no-passphrase'])).toMatchInlineSnapshot(`
      "exit 3, store/occupied
      <work>/home is a file
      hint: name another directory with --home"
    `);
  });

  it('has an authority already', () => {
    expect(field.refusal(['init', '--name', 'Other CA', '--no-passphrase'])).toMatchInlineSnapshot(`
      "exit 3, authority/exists
      there is an authority in <work>/home
      hint: see it with: ca status, and the same --home; make another with: ca init --home DIR"
    `);
    expect(field.refusal(['init', '--name', 'Other CA', '--no-passphrase', '--dry-run'])).toContain(
      'authority/exists',
    );
  });

  it('has an authority that lost its settings', () => {
    const copy = field.copy();
    rmSync(copy.path('home/ca.json'));
    expect(copy.refusal(['init', '--name', 'Other CA', '--no-passphrase'])).toContain('authority/exists');
  });

  it('holds other files', () => {
    const copy = new FaultField();
    mkdirSync(copy.path('home'));
    writeFileSync(copy.path('home/letter'), '');
    expect(copy.refusal(['init', '--name', 'Acme API CA', '--no-passphrase'])).toMatchInlineSnapshot(`
      "exit 3, store/occupied
      <work>/home is not empty: it holds letter
      hint: use a directory of its own: --home <work>/home/ca"
    `);
  });

  it('lost its record', () => {
    const copy = field.copy();
    rmSync(copy.path('home/ledger'), { recursive: true });
    expect(copy.refusal(['list'])).toMatchInlineSnapshot(`
      "exit 3, authority/missing
      there is no authority here: <work>/home/ledger holds no ledger
      hint: restore the ledger from a backup; if there never was one, name another directory with --home"
    `);
    expect(copy.refusal(['issue', 'orders'])).toMatchInlineSnapshot(`
      "exit 3, authority/missing
      there is no authority here: <work>/home/ledger holds no ledger
      hint: restore the ledger from a backup; if there never was one, name another directory with --home"
    `);
  });
});
