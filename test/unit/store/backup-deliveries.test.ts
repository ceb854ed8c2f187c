import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { RecordedDeliveries, Snapshot } from '../../../src/authority/backup-ports.ts';
import type { Serial } from '../../../src/core/serial.ts';
import { findDeliveries } from '../../../src/store/backup-deliveries.ts';

const directories: string[] = [];
afterAll(() => {
  for (const each of directories) rmSync(each, { recursive: true, force: true });
});

/** A home with these versions of the client `a`, each with a certificate and a key. */
function homeWith(versions: readonly string[], current?: string): string {
  const home = mkdtempSync(join(tmpdir(), 'private-ca-deliveries-'));
  directories.push(home);
  const place = join(home, 'clients', 'a', '.a');
  for (const version of versions) {
    mkdirSync(join(place, version), { recursive: true });
    for (const file of ['a.crt', 'a.key']) writeFileSync(join(place, version, file), version);
  }
  if (current) symlinkSync(current, join(place, 'current'));
  return home;
}

/** What the record says: these certificates in its order, the last delivered one being what the client lives by. */
function recordOf(
  certificates: readonly [string, 'done' | 'owed'][],
  knownByNow: readonly string[] = [],
): Snapshot {
  const all = certificates.map(([serial, state]) => ({ serial: serial as Serial, state }));
  const recorded: RecordedDeliveries = {
    certificates: all,
    inHome: all.findLast(({ state }) => state === 'done')?.serial,
    isLive: all.at(-1)?.state === 'done',
    withKey: all.at(-1)?.state === 'done',
  };
  return {
    deliveriesTo: async (client: string) => (client === 'a' ? recorded : undefined),
    isKnownByNow: async (serial: Serial) => knownByNow.includes(serial),
  } as unknown as Snapshot;
}

async function find(home: string, snapshot: Snapshot) {
  const found = [];
  for await (const each of findDeliveries(home, snapshot, () => undefined)) found.push(each);
  return found.map(({ paths, ...rest }) => ({
    ...rest,
    paths: paths.map((path) => path.slice('clients/a/.a/'.length)),
  }));
}

const whole = (serial: string) => [{ client: 'a', paths: [`${serial}/a.crt`, `${serial}/a.key`] }];

describe('the deliveries of a backup', () => {
  it('are of the version that was in place, and the keys of those owed', async () => {
    const home = homeWith(['0a01', '0b02', '0c03'], '0b02');
    const record = recordOf([
      ['0a01', 'done'],
      ['0b02', 'done'],
      ['0c03', 'owed'],
    ]);
    expect(await find(home, record)).toEqual([
      { client: 'a', paths: ['0b02/a.crt', '0b02/a.key', '0c03/a.key'] },
    ]);
  });

  it('are of the newest version by the record, whatever its serial, when a later one took its place', async () => {
    const home = homeWith(['0a01', '0f02', '0c03'], '0c03');
    const record = recordOf(
      [
        ['0f02', 'done'],
        ['0a01', 'done'],
      ],
      ['0c03'],
    );
    expect(await find(home, record)).toEqual(whole('0a01'));
    const other = recordOf(
      [
        ['0a01', 'done'],
        ['0f02', 'done'],
      ],
      ['0c03'],
    );
    expect(await find(home, other)).toEqual(whole('0f02'));
  });

  it('are refused when the client was renewed twice since, and its version is gone or going', async () => {
    const record = recordOf([['0a01', 'done']], ['0b02', '0c03']);
    for (const versions of [
      ['0b02', '0c03'],
      ['0a01', '0b02', '0c03'],
    ]) {
      await expect(find(homeWith(versions, '0c03'), record)).rejects.toMatchObject({ code: 'store/changed' });
    }
    expect(await find(homeWith(['0a01', '0b02'], '0b02'), record)).toEqual(whole('0a01'));
  });

  it('are told to be missing where the record has lost the renewals: running again would not help', async () => {
    const record = recordOf([['0a01', 'done']]);
    expect(await find(homeWith(['0b02', '0c03'], '0c03'), record)).toEqual([
      { client: 'a', paths: [], missing: 'files' },
    ]);
    expect(await find(homeWith(['0a01', '0b02', '0c03'], '0c03'), record)).toEqual(whole('0a01'));
  });

  it('never follow a link in place of a key, and tell that the key is missing', async () => {
    const home = homeWith(['0a01'], '0a01');
    const key = join(home, 'clients', 'a', '.a', '0a01', 'a.key');
    rmSync(key);
    symlinkSync('/etc/hostname', key);
    expect(await find(home, recordOf([['0a01', 'done']]))).toEqual([
      { client: 'a', paths: ['0a01/a.crt'], missing: 'key' },
    ]);
  });

  it('are none of a client that the record does not know', async () => {
    const home = homeWith(['0a01'], '0a01');
    const record = { ...recordOf([]), deliveriesTo: async () => undefined };
    expect(await find(home, record)).toEqual([]);
  });
});
