import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseSerial } from '../../../src/core/serial.ts';
import type { Entry } from '../../../src/ledger/entry.ts';
import { type Disk, realDisk } from '../../../src/store/disk.ts';
import type { FileLedger } from '../../../src/store/file-ledger.ts';
import { Journal } from '../../../src/store/journal.ts';
import { createLedger } from '../../../src/store/ledger-create.ts';
import { LedgerIndex } from '../../../src/store/ledger-index.ts';
import { append, useLedgerDirectory } from '../../support/ledger-directory.ts';
import { added, created, delivered, issued } from '../../support/ledger-entries.ts';

const clock = () => new Date('2026-11-22T00:00:00.000Z');
const place = useLedgerDirectory(clock);
const { begin, open } = place;
const segment = () => join(place.path, '00000001.jsonl');

async function readAll(ledger: FileLedger): Promise<Entry[]> {
  const all: Entry[] = [];
  for await (const page of ledger.entries()) all.push(...page);
  return all;
}

function lines(path = segment()): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

it.runIf(process.geteuid?.() === 0)("leaves root's files to the directory's owner (needs root)", async () => {
  begin();
  for (const path of [place.path, segment()]) chownSync(path, 12345, 12346);
  appendFileSync(segment(), 'torn');
  const ledger = open({ segmentOctets: 500, tailEntries: 2 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) await append(ledger, added(name));
  const files = readdirSync(place.path, { recursive: true }) as string[];
  expect(files).toEqual(
    expect.arrayContaining(['00000002.jsonl', 'torn-2-1.bin', 'lock', 'index', 'index/manifest']),
  );
  for (const name of files) {
    const { uid, gid } = statSync(join(place.path, name));
    expect({ name, uid, gid }).toEqual({ name, uid: 12345, gid: 12346 });
  }
});

it('lets the transactions of one process take turns, and tells nobody to wait for itself', async () => {
  begin();
  const waits: unknown[] = [];
  const ledger = open({ onWait: (holder) => waits.push(holder) });
  let inside = 0;
  const names = ['a', 'b', 'c', 'd'];
  const done = await Promise.allSettled(
    names.map((name) =>
      ledger.transact(async (transaction) => {
        expect(++inside).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 2));
        inside--;
        if (name === 'b') throw new Error('no');
        await transaction.append([added(name)]);
      }),
    ),
  );
  expect(done.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(lines()).toHaveLength(4);
  expect(waits).toEqual([]);
});

describe('createLedger', () => {
  it('writes the first entries and never replaces a ledger', () => {
    const head = createLedger(place.path, [created(), added('billing')], { clock });
    expect(head.seq).toBe(2);
    expect(lines()).toHaveLength(2);
    expect(statSync(place.path).mode & 0o777).toBe(0o700);
    expect(() => begin()).toThrow(expect.objectContaining({ code: 'store/occupied' }));
    expect(lines()).toHaveLength(2);
  });

  it('refuses to begin with anything but the authority', () => {
    expect(() => createLedger(place.path, [added('billing')], { clock })).toThrow('is of type client-added');
    expect(existsSync(place.path)).toBe(false);
  });
});

describe('a transaction', () => {
  it('shows what it holds, and writes it with the next entries alone', async () => {
    begin();
    const ledger = open();
    await ledger.transact(async (transaction) => {
      const held = await transaction.hold([added('billing')]);
      const again = await transaction.hold([issued('billing', '0a1b')]);
      expect([held.seq, again.seq, transaction.view().head]).toEqual([2, 3, again]);
      expect(await transaction.view().certificate(parseSerial('0a1b'))).toMatchObject({ client: 'billing' });
      expect([lines().length, transaction.recorded().head.seq]).toEqual([1, 1]);
      expect(await (await open().view()).clientCount()).toBe(0);
      const head = await transaction.append([added('orders')]);
      expect([head.seq, lines().length, transaction.recorded().head]).toEqual([4, 4, head]);
      expect((await transaction.hold([])).hash).toBe(head.hash);
    });
    expect((await open().view()).head.seq).toBe(4);
  });

  it('forgets at its end what it holds', async () => {
    begin();
    const ledger = open();
    await ledger.transact(async (transaction) => void (await transaction.hold([added('billing')])));
    expect(await (await ledger.view()).clientCount()).toBe(0);
    await append(ledger, added('orders'));
    expect((await ledger.view()).head.seq).toBe(2);
    expect(lines()).toHaveLength(2);
  });

  it('still holds what it could not write', async () => {
    begin();
    const full = Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
    let isFull = true;
    const disk: Disk = {
      ...realDisk,
      writeSync: ((...parameters: Parameters<Disk['writeSync']>) => {
        if (isFull) throw full;
        return realDisk.writeSync(...parameters);
      }) as Disk['writeSync'],
    };
    await open({ disk }).transact(async (transaction) => {
      await transaction.hold([added('billing')]);
      await expect(transaction.append([added('orders')])).rejects.toMatchObject({ code: 'store/disk-full' });
      isFull = false;
      expect((await transaction.append([])).seq).toBe(2);
    });
    expect(lines()).toHaveLength(2);
  });

  it('refuses a serial that was issued before, and writes nothing of that append', async () => {
    begin(added('billing'), issued('billing', '0a1b'));
    await expect(append(open(), added('other'), issued('other', '0a1b'))).rejects.toMatchObject({
      code: 'ledger/duplicate-serial',
    });
    await expect(append(open(), issued('billing', '0c'), issued('billing', '0c'))).rejects.toMatchObject({
      code: 'ledger/duplicate-serial',
    });
    expect(lines()).toHaveLength(3);
  });

  it('names the holder of the lock when it waited too long', async () => {
    begin();
    await open().transact(async () => {
      await expect(append(open({ lockWaitMs: 10 }), added('x'))).rejects.toMatchObject({
        code: 'store/locked',
        message: `the ledger is locked by process ${process.pid} (since 00:00:00 UTC)`,
      });
    });
  });
});

describe('a run of many transactions', () => {
  const manifest = () => join(place.path, 'index', 'manifest');

  it('indexes what it wrote at its end, or when it has become long', async () => {
    begin();
    const ledger = open({ tailEntries: 2 });
    const seen = await ledger.inBulk(async () => {
      for (const name of ['a', 'b', 'c', 'd']) await append(ledger, added(name));
      const before = existsSync(manifest());
      await append(ledger, ...Array.from({ length: 40 }, (_, index) => added(`client-${index}`)));
      return [before, existsSync(manifest())];
    });
    expect(seen).toEqual([false, true]);
    expect(await (await ledger.view()).clientCount()).toBe(44);
  });

  it('indexes at its end what it left, also when it throws', async () => {
    begin();
    const ledger = open({ tailEntries: 2 });
    const bulk = ledger.inBulk(async () => {
      for (const name of ['a', 'b', 'c']) await append(ledger, added(name));
      throw new Error('no');
    });
    await expect(bulk).rejects.toThrow('no');
    expect(existsSync(manifest())).toBe(true);
  });

  it('extends the index that others have extended meanwhile, and merged', async () => {
    begin();
    const [ledger, other] = [open({ tailEntries: 2 }), open({ tailEntries: 2 })];
    const three = (name: string) => ['x', 'y', 'z'].map((each) => added(`${name}-${each}`));
    await append(other, ...three('first'));
    await ledger.inBulk(async () => {
      await append(ledger, added('a'));
      for (const name of ['b', 'c', 'd', 'e']) await append(other, ...three(name));
      await append(ledger, ...Array.from({ length: 40 }, (_, index) => added(`client-${index}`)));
    });
    const directory = join(place.path, 'index');
    const index = new LedgerIndex({
      directory,
      journal: new Journal(place.path, realDisk),
      disk: realDisk,
    }).open();
    expect(index?.point.seq).toBe(57);
    const files = index?.runs.map(({ id }) => `${id}.run`) ?? [];
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(files));
    expect(await (await open().view()).clientCount()).toBe(56);
  });

  it('knows what it has written after it was indexed, as another object does', async () => {
    begin();
    const ledger = open({ tailEntries: 2 });
    const serials = ['0a', '0b', '0c', '0d'];
    await append(ledger, added('billing'), ...serials.map((serial) => issued('billing', serial)));
    await append(ledger, ...['0a', '0b', '0c'].map((serial) => delivered('billing', serial)));
    await append(ledger, delivered('billing', '0d'));
    for (const view of [await ledger.view(), await open().view()]) {
      expect(await view.undelivered()).toEqual([]);
      for (const serial of serials.map(parseSerial))
        expect(await view.certificate(serial)).toMatchObject({ serial, deliveredAt: clock() });
    }
  });
});

describe('segments', () => {
  it('go on in a new file after the size limit, with one chain', async () => {
    begin();
    const ledger = open({ segmentOctets: 300 });
    for (const name of ['a', 'b', 'c', 'd']) await append(ledger, added(name));
    expect(readdirSync(place.path).sort()).toEqual([
      '00000001.jsonl',
      '00000002.jsonl',
      '00000003.jsonl',
      'lock',
    ]);
    expect((await readAll(open())).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(await (await open().view()).clientCount()).toBe(4);
  });

  it.each(['00000001.jsonl', '00000002.jsonl'])('missing: %s is named', async (name) => {
    begin();
    for (const client of ['a', 'b', 'c', 'd']) await append(open({ segmentOctets: 300 }), added(client));
    rmSync(join(place.path, name));
    await expect(open().view()).rejects.toMatchObject({
      code: 'ledger/missing-segment',
      message: `ledger/${name} is missing`,
    });
  });

  it('none: there is no authority', async () => {
    await expect(open().view()).rejects.toMatchObject({
      code: 'authority/missing',
      hint: expect.stringContaining('backup'),
    });
    await expect(append(open(), added('x'))).rejects.toMatchObject({ code: 'authority/missing' });
    expect(existsSync(place.path)).toBe(false);
  });

  it('cut off in the middle of the record are refused', async () => {
    begin();
    for (const client of ['a', 'b']) await append(open({ segmentOctets: 300 }), added(client));
    truncateSync(segment(), statSync(segment()).size - 1);
    await expect(open().view()).rejects.toMatchObject({
      code: 'ledger/malformed',
      message: 'line 2 of ledger/00000001.jsonl is cut off, and the ledger goes on in the next file',
    });
  });
});

describe('the hash of a line', () => {
  const hashOf = (line: string | undefined) => line && createHash('sha256').update(line).digest('hex');

  it('is found by its number, in whichever file it is', async () => {
    begin();
    const ledger = open({ segmentOctets: 400 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await append(ledger, added(name));
    const files = readdirSync(place.path).filter((name) => name.endsWith('.jsonl'));
    expect(files.length).toBeGreaterThan(2);
    const all = files.sort().flatMap((name) => lines(join(place.path, name)));
    writeFileSync(join(place.path, `0000000${files.length + 1}.jsonl`), '');
    for (const [index, line] of all.entries()) expect(await open().hashOf(index + 1)).toBe(hashOf(line));
    for (const seq of [0, all.length + 1]) expect(await open().hashOf(seq)).toBe(undefined);
  });

  it('is found far from the end of a long file, and with a torn line after it', async () => {
    begin(...Array.from({ length: 900 }, (_, index) => added(`client-${index}`)));
    appendFileSync(segment(), `{"seq":902,${'x'.repeat(70_000)}`);
    expect(statSync(segment()).size).toBeGreaterThan(1 << 17);
    const all = lines();
    for (const seq of [1, 2, 450, 899, 901]) expect(await open().hashOf(seq)).toBe(hashOf(all[seq - 1]));
    expect(await open().hashOf(902)).toBe(undefined);
  });

  it('is nowhere where the line is not what it should be', async () => {
    begin(added('a'), added('b'));
    writeFileSync(segment(), `${lines().toSpliced(1, 1).join('\n')}\n`);
    expect(await open().hashOf(2)).toBe(undefined);
    writeFileSync(segment(), 'no entries\n');
    expect(await open().hashOf(2)).toBe(undefined);
  });
});

describe('the chain names', () => {
  beforeEach(() => begin(added('a'), added('b'), added('c'), added('d')));

  function rewrite(change: (lines: string[]) => string[]): void {
    writeFileSync(
      segment(),
      change(lines())
        .map((line) => `${line}\n`)
        .join(''),
    );
  }

  it('a changed line', async () => {
    rewrite((all) => all.map((line, index) => (index === 2 ? line.replace('"b"', '"x"') : line)));
    await expect(readAll(open())).rejects.toMatchObject({
      code: 'ledger/broken-chain',
      message: expect.stringContaining('line 4 of ledger/00000001.jsonl was changed, or the line before it'),
    });
  });

  it('a changed line, after the sound ones before it', async () => {
    rewrite((all) => all.map((line, index) => (index === 2 ? line.replace('"b"', '"x"') : line)));
    const sound: number[] = [];
    const read = async () => {
      for await (const page of open().entries()) sound.push(...page.map(({ seq }) => seq));
    };
    await expect(read()).rejects.toMatchObject({ code: 'ledger/broken-chain' });
    expect(sound).toEqual([1, 2, 3]);
  });

  it('a removed line', async () => {
    rewrite((all) => all.filter((_, index) => index !== 2));
    await expect(readAll(open())).rejects.toMatchObject({
      code: 'ledger/broken-chain',
      message:
        'line 3 of ledger/00000001.jsonl is entry 4 where entry 3 belongs: a line was removed, inserted or moved',
    });
  });

  it('swapped lines', async () => {
    rewrite(([one = '', two = '', three = '', ...rest]) => [one, three, two, ...rest]);
    await expect(readAll(open())).rejects.toThrow('line 2 of ledger/00000001.jsonl is entry 3');
  });

  it('an inserted line', async () => {
    rewrite(([one = '', two = '', ...rest]) => [one, two, two, ...rest]);
    await expect(readAll(open())).rejects.toThrow('line 3 of ledger/00000001.jsonl is entry 2');
  });

  it('a flipped bit, wherever it is', async () => {
    const good = readFileSync(segment());
    for (let bit = 0; bit < (good.length - lines().slice(-1).join('').length - 1) * 8; bit += 61) {
      const bad = Buffer.from(good);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(segment(), bad);
      await expect(readAll(open()), `bit ${bit}`).rejects.toMatchObject({
        code: expect.stringMatching(/^ledger\//),
      });
    }
  });
});

describe('a torn tail', () => {
  it('is ignored by readers, and set aside by the next writer before anything else', async () => {
    begin(added('a'));
    appendFileSync(segment(), '{"seq":3,"time":"2026-');
    expect(await (await open().view()).clientCount()).toBe(1);
    expect(readdirSync(place.path)).toEqual(['00000001.jsonl']);

    await append(open(), added('b'));
    expect(readFileSync(join(place.path, 'torn-3-1.bin'), 'utf8')).toBe('{"seq":3,"time":"2026-');
    expect((await readAll(open())).slice(2)).toMatchObject([
      { seq: 3, type: 'tail-set-aside', file: 'torn-3-1.bin', octets: 22 },
      { seq: 4, type: 'client-added', client: 'b' },
    ]);
  });

  it('is set aside even if only its newline is missing, since it was never acknowledged', async () => {
    begin(added('a'));
    truncateSync(segment(), statSync(segment()).size - 1);
    await append(open(), added('b'));
    expect(await readAll(open())).toMatchObject([
      { type: 'authority-created' },
      { type: 'tail-set-aside' },
      { client: 'b' },
    ]);
  });

  it('is kept apart from one that was set aside before', async () => {
    begin();
    writeFileSync(join(place.path, 'torn-2-1.bin'), 'earlier');
    appendFileSync(segment(), 'x');
    await append(open());
    expect(readFileSync(join(place.path, 'torn-2-1.bin'), 'utf8')).toBe('earlier');
    expect(readFileSync(join(place.path, 'torn-2-2.bin'), 'utf8')).toBe('x');
  });

  it('is counted, but not while somebody writes, who has set aside what was there or is in the middle of it', async () => {
    begin(added('a'));
    expect(await open().unfinishedOctets()).toBe(0);
    appendFileSync(segment(), '{"seq":');
    const files = readdirSync(place.path);
    expect(await open().unfinishedOctets()).toBe(7);
    expect(readdirSync(place.path).filter((name) => name !== 'lock')).toEqual(files);
    await open().transact(async () => {
      appendFileSync(segment(), 'half a li');
      expect(await open({ lockWaitMs: 0 }).unfinishedOctets()).toBe(0);
    });
    expect(await open().unfinishedOctets()).toBe(9);
  });

  it('is no excuse for a complete line that does not parse', async () => {
    begin();
    appendFileSync(segment(), '{"seq":2\n');
    await expect(append(open(), added('b'))).rejects.toMatchObject({
      code: 'ledger/malformed',
      message: 'line 2 of ledger/00000001.jsonl is not JSON',
    });
    expect(readdirSync(place.path).sort()).toEqual(['00000001.jsonl', 'lock']);
  });
});

describe('a failing disk', () => {
  function failing(call: 'writeSync' | 'fdatasyncSync', code: string, times = 1): Disk {
    let left = times;
    const failOr =
      (works: (...args: never[]) => unknown) =>
      (...args: never[]) => {
        if (left-- > 0) throw Object.assign(new Error(code), { code, syscall: call });
        return works(...args);
      };
    return { ...realDisk, [call]: failOr(realDisk[call] as never) };
  }

  it('full: nothing happened, and the same object works once there is room', async () => {
    begin();
    const before = readFileSync(segment());
    const ledger = open({ disk: failing('writeSync', 'ENOSPC') });
    await expect(append(ledger, added('a'))).rejects.toMatchObject({ code: 'store/disk-full' });
    expect(readFileSync(segment())).toEqual(before);
    expect(await (await ledger.view()).clientCount()).toBe(0);
    await append(ledger, added('b'));
    expect(await readAll(open())).toHaveLength(2);
  });

  it('full after a part was written: the part is taken back', async () => {
    begin();
    const before = readFileSync(segment());
    let calls = 0;
    const writeSync = ((fd: number, octets: Uint8Array, offset: number, length: number, position: number) => {
      if (calls++ > 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
      return realDisk.writeSync(fd, octets, offset, Math.min(length, 10), position);
    }) as Disk['writeSync'];
    await expect(append(open({ disk: { ...realDisk, writeSync } }), added('a'))).rejects.toMatchObject({
      code: 'store/disk-full',
    });
    expect(readFileSync(segment())).toEqual(before);
  });

  it('failing to sync: nothing happened, and this object appends no more', async () => {
    begin();
    const before = readFileSync(segment());
    const ledger = open({ disk: failing('fdatasyncSync', 'EIO') });
    await expect(append(ledger, added('a'))).rejects.toMatchObject({ code: 'store/io' });
    await expect(append(ledger, added('a'))).rejects.toThrow('takes no more entries after a failed sync');
    expect(readFileSync(segment())).toEqual(before);
    await append(open(), added('a'));
  });

  it('failing to sync, and to take back: nobody knows what happened, and whoever comes next reads it', async () => {
    begin();
    const ftruncateSync = () => {
      throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'ftruncate' });
    };
    const ledger = open({ disk: { ...failing('fdatasyncSync', 'EIO'), ftruncateSync } });
    await expect(append(ledger, added('a'))).rejects.toMatchObject({
      code: 'store/uncertain',
      message: expect.stringMatching(/^cannot write .*: the disk reports an error \(EIO\); nor could/),
    });
    expect(await (await open().view()).clientCount()).toBe(1);
  });
});

describe('an index that cannot be read is as good as none', () => {
  const index = () => join(place.path, 'index');
  const run = () => readdirSync(index()).find((name) => name.endsWith('.run')) ?? '';

  /** A disk that fails to read the runs. */
  function blind(): Disk {
    const runs = new Set<number>();
    return {
      ...realDisk,
      openSync: (path, flags, mode) => {
        const fd = realDisk.openSync(path, flags, mode);
        if (String(path).endsWith('.run')) runs.add(fd);
        else runs.delete(fd);
        return fd;
      },
      readSync: ((fd: number, ...rest: [Uint8Array, number, number, number]) => {
        if (runs.has(fd)) throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'read' });
        return realDisk.readSync(fd, ...rest);
      }) as Disk['readSync'],
    };
  }

  it.each<readonly [string, () => Disk]>([
    ['when the disk fails there', blind],
    [
      'when a directory is in the place of a run',
      () => {
        const path = join(index(), run());
        rmSync(path);
        mkdirSync(path);
        return realDisk;
      },
    ],
    [
      'when one is in the place of the manifest',
      () => {
        rmSync(join(index(), 'manifest'));
        mkdirSync(join(index(), 'manifest'));
        return realDisk;
      },
    ],
  ])('%s', async (_, damage) => {
    begin(added('a'), issued('a', '0a'));
    await append(open({ tailEntries: 1 }), added('b'));
    const disk = damage();
    for (const options of [{ disk }, { disk, tailEntries: 1 }]) {
      const ledger = open(options);
      const view = await ledger.view();
      expect(await view.client(added('a').client)).toBeDefined();
      expect(await view.certificate(parseSerial('0a'))).toMatchObject({ client: 'a' });
      await append(ledger, delivered('a', '0a'));
      expect(await (await ledger.view()).undelivered()).toEqual([]);
    }
  });
});

describe('a view', () => {
  it('reads on from where it was, and starts over when lines were taken back', async () => {
    begin();
    const reader = open();
    await append(open(), added('a'));
    expect(await (await reader.view()).clientCount()).toBe(1);
    truncateSync(segment(), (lines()[0]?.length ?? 0) + 1);
    expect(await (await reader.view()).clientCount()).toBe(0);
    await append(open(), added('b'));
    expect(await (await reader.view()).client(added('b').client)).toBeDefined();
    expect(await (await reader.view()).client(added('a').client)).toBeUndefined();
  });

  it('remembers no line of a ledger in whose place another one stands', async () => {
    const reader = open();
    for (const profile of ['client', 'server']) {
      rmSync(place.path, { recursive: true, force: true });
      begin(added('a', { profile }));
      await append(open({ tailEntries: 1 }), added('b'));
      const known = await (await reader.view()).client(added('a').client);
      expect(known?.policy.profile).toBe(profile);
    }
  });

  it('refuses an empty ledger', async () => {
    begin();
    truncateSync(segment(), 0);
    await expect(open().view()).rejects.toMatchObject({ code: 'ledger/malformed' });
  });

  it('says so when the directory goes away', async () => {
    begin();
    const reader = open();
    await reader.view();
    renameSync(place.path, join(place.parent, 'away'));
    await expect(reader.view()).rejects.toMatchObject({ code: 'authority/missing' });
  });
});
