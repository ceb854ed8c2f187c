import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EntryBody } from '../../../src/ledger/entry.ts';
import { type Disk, realDisk } from '../../../src/store/disk.ts';
import { createLedger } from '../../../src/store/ledger-create.ts';
import { append, useLedgerDirectory } from '../../support/ledger-directory.ts';
import { added, created, crlPublished, delivered, issued, revoked } from '../../support/ledger-entries.ts';
import { askEverything, foldBodies } from '../../support/ledger-histories.ts';

const clock = () => new Date('2026-01-20T00:00:00.000Z');
const place = useLedgerDirectory(clock);
const { open } = place;
const index = () => join(place.path, 'index');

/** A history of that many certificates, the serials random, counted up, or counted down. */
function history(count: number, serialAt: (position: number) => string): EntryBody[] {
  const bodies: EntryBody[] = [created()];
  for (let position = 0; position < count; position++) {
    const client = `client-${position % 97}`;
    if (position < 97) bodies.push(added(client));
    const notBefore = new Date(Date.parse('2026-01-01T00:00:00Z') + (position % 50) * 86_400_000);
    bodies.push(
      issued(client, serialAt(position), {
        notBefore,
        notAfter: new Date(notBefore.getTime() + (position % 7) * 10 * 86_400_000),
        key: String(position % 8).padStart(64, 'ab'),
        ...(position >= 97 && { supersedes: issued(client, serialAt(position - 97)).serial }),
      }),
    );
    if (position % 13 !== 0) bodies.push(delivered(client, serialAt(position)));
    if (position % 10 === 3) bodies.push(revoked(client, serialAt(position)));
    if (position % 100 === 99) bodies.push(crlPublished(position, new Date(notBefore.getTime() + 1000)));
  }
  return bodies;
}

const fold = (bodies: readonly EntryBody[]) => foldBodies(bodies, clock());

function randomSerial(position: number): string {
  const word = (salt: number) => (Math.imul(position + salt, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
  return `5${word(1).slice(1)}${word(77)}${word(1234)}`;
}

describe('an index of many blocks', () => {
  it.each([
    ['random', randomSerial],
    ['counted up', (position: number) => `0101010101${position.toString(16).padStart(4, '0')}`],
    ['counted down', (position: number) => `0101010101${(0xffff - position).toString(16).padStart(4, '0')}`],
  ])('answers like the fold, serials %s', async (_, serialAt) => {
    const bodies = history(1500, serialAt);
    createLedger(place.path, bodies, { clock });
    await append(open());
    expect(readdirSync(index())).toHaveLength(2);
    const expected = await askEverything(fold(bodies));
    expect(await askEverything(await open().view())).toEqual(expected);
  });

  it('answers like the fold when it was made bit by bit', async () => {
    const bodies = history(1200, randomSerial);
    createLedger(place.path, bodies.slice(0, 1), { clock });
    const ledger = open();
    await ledger.transact(async (transaction) => {
      for (let from = 1; from < bodies.length; from += 90)
        await transaction.append(bodies.slice(from, from + 90));
      expect(await askEverything(transaction.view())).toEqual(await askEverything(fold(bodies)));
    });
    expect(readdirSync(index()).length).toBeGreaterThan(2);
    expect(readdirSync(index()).length).toBeLessThan(12);
    expect(await askEverything(await open().view())).toEqual(await askEverything(fold(bodies)));
  });
});

describe('the index', () => {
  const bodies = history(200, randomSerial);

  it('is made by a writer when the record has grown long, and not before', async () => {
    createLedger(place.path, bodies.slice(0, 250), { clock });
    await append(open());
    expect(existsSync(index())).toBe(false);
    await append(open(), ...bodies.slice(250, 260));
    expect(readdirSync(index()).sort()).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.run$/), 'manifest']);
    expect(statSync(index()).mode & 0o777).toBe(0o700);
  });

  it('is dropped when an older ledger was put back', async () => {
    createLedger(place.path, bodies.slice(0, 260), { clock });
    const segment = join(place.path, '00000001.jsonl');
    const backup = statSync(segment).size;
    await open({ tailEntries: 10 }).transact((transaction) => transaction.append(bodies.slice(260, 400)));
    truncateSync(segment, backup);
    await append(open(), added('after-restore'));
    const expected = fold([...bodies.slice(0, 260), added('after-restore')]);
    expect(await askEverything(await open().view())).toEqual(await askEverything(expected));
  });

  it('is no reason for a command to fail when the disk is too full for it', async () => {
    createLedger(place.path, bodies, { clock });
    const disk: Disk = {
      ...realDisk,
      mkdirSync: (() => {
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'mkdir' });
      }) as Disk['mkdirSync'],
    };
    await open({ disk }).transact((transaction) => transaction.append([added('x')]));
    expect(existsSync(index())).toBe(false);
    expect(await askEverything(await open({ disk }).view())).toEqual(
      await askEverything(fold([...bodies, added('x')])),
    );
  });

  it('of a long record is made by a reader, in memory where it cannot be written', async () => {
    const long = history(4000, randomSerial);
    createLedger(place.path, long, { clock });
    const disk: Disk = {
      ...realDisk,
      mkdirSync: (() => {
        throw Object.assign(new Error('EROFS'), { code: 'EROFS', syscall: 'mkdir' });
      }) as Disk['mkdirSync'],
    };
    const counted: number[] = [];
    const view = await open({ disk, progress: (done, total) => counted.push(done / total) }).view();
    expect(existsSync(index())).toBe(false);
    expect(counted.at(-1)).toBe(1);
    expect(await view.counts(clock())).toEqual(await fold(long).counts(clock()));
    await open().view();
    expect(existsSync(join(index(), 'manifest'))).toBe(true);
  });

  it('is made anew where a good part of the record is missing from it', async () => {
    const long = history(4000, randomSerial);
    createLedger(place.path, long.slice(0, 300), { clock });
    await append(open(), ...long.slice(300, 301));
    const [made = ''] = readdirSync(index());
    await append(open(), ...long.slice(301));
    expect(readdirSync(index())).toHaveLength(2);
    expect(readdirSync(index())).not.toContain(made);
    expect(
      await open()
        .view()
        .then((view) => view.counts(clock())),
    ).toEqual(await fold(long).counts(clock()));
  });

  it('leaves no files of its older states behind', async () => {
    createLedger(place.path, bodies.slice(0, 1), { clock });
    for (let from = 1; from < bodies.length; from += 20) {
      const ledger = open({ tailEntries: 10 });
      await ledger.transact((transaction) => transaction.append(bodies.slice(from, from + 20)));
    }
    const manifest = readFileSync(join(index(), 'manifest'), 'utf8');
    for (const name of readdirSync(index())) {
      if (name.endsWith('.run')) expect(manifest).toContain(name.slice(0, 16));
      else expect(name).toBe('manifest');
    }
  });

  it('answers rightly or is made again, whichever of its octets was changed', async () => {
    const few = history(6, randomSerial);
    createLedger(place.path, few, { clock });
    await open({ tailEntries: 0 }).transact(async () => undefined);
    const expected = await askEverything(fold(few));
    const [run = '', manifest = ''] = readdirSync(index()).sort();
    for (const name of [run, manifest]) {
      const path = join(index(), name);
      const good = readFileSync(path);
      const whole = readFileSync(join(index(), manifest));
      // Most of a small index is zeros between tables.
      const full = [...good.keys()].filter((position) => good[position] !== 0);
      for (let at = 0; at < full.length; at += 11) {
        const bad = Buffer.from(good);
        const position = full[at] ?? 0;
        bad[position] = (bad[position] ?? 0) ^ (1 << (at & 7));
        writeFileSync(path, bad);
        expect(await askEverything(await open().view()), `octet ${position} of ${name}`).toEqual(expected);
        writeFileSync(join(index(), manifest), whole);
      }
      writeFileSync(path, good);
    }
  });

  it('is made anew by a writer that meets damage, and given up by a reader', async () => {
    createLedger(place.path, bodies.slice(0, 300), { clock });
    await append(open());
    const damage = () => {
      const path = join(index(), readdirSync(index()).find((name) => name.endsWith('.run')) ?? '');
      const octets = readFileSync(path);
      writeFileSync(
        path,
        octets.map((octet) => octet ^ 1),
      );
    };
    damage();
    const writer = open({ tailEntries: 0 });
    await writer.transact((transaction) => transaction.append(bodies.slice(300, 400)));
    expect(readdirSync(index())).toHaveLength(2);
    expect(await askEverything(await open().view())).toEqual(await askEverything(fold(bodies.slice(0, 400))));
    damage();
    expect(await askEverything(await open().view())).toEqual(await askEverything(fold(bodies.slice(0, 400))));
    expect(readdirSync(index())).not.toContain('manifest');
  });

  it('is not taken in by blocks that changed places', async () => {
    const few = history(6, randomSerial);
    createLedger(place.path, few, { clock });
    await open({ tailEntries: 0 }).transact(async () => undefined);
    const path = join(index(), readdirSync(index()).find((name) => name.endsWith('.run')) ?? '');
    const octets = readFileSync(path);
    writeFileSync(
      path,
      Buffer.concat([octets.subarray(4096, 8192), octets.subarray(0, 4096), octets.subarray(8192)]),
    );
    expect(await askEverything(await open().view())).toEqual(await askEverything(fold(few)));
  });

  it.each([
    ['short', 200],
    ['long', 4000],
  ])('is not made over a line that cannot be read, in a %s record', async (_, count) => {
    createLedger(place.path, history(count, randomSerial), { clock });
    const segment = join(place.path, '00000001.jsonl');
    const lines = readFileSync(segment, 'utf8').split('\n');
    lines[41] = (lines[41] ?? '').replace('"client":', '"klient":');
    writeFileSync(segment, lines.join('\n'));
    await expect(append(open())).rejects.toMatchObject({
      code: 'ledger/malformed',
      message: expect.stringContaining('line 42 of ledger/00000001.jsonl'),
    });
  });
});
