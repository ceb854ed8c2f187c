import { describe, expect, it } from 'vitest';
import { type BackupRequest, backup } from '../../../src/authority/backup.ts';
import type { Backups, Snapshot } from '../../../src/authority/backup-ports.ts';
import { drill, restore } from '../../../src/authority/restore.ts';
import { CaError } from '../../../src/core/ca-error.ts';
import type { ClientName } from '../../../src/core/client-name.ts';
import type { Serial } from '../../../src/core/serial.ts';
import type { MemoryBackup, MemoryBackups } from '../../support/memory-backups.ts';
import { diskFull } from '../../support/memory-ports.ts';
import { openScene, refusalIn, type Scene } from './scene.ts';

const name = '/backup.tar';
const obtainPassphrase = async () => 'backup passphrase';

function keep({ world }: Scene, request: Partial<BackupRequest> = {}) {
  return backup({ target: name, dryRun: false, ...request }, world.ports);
}

function keptIn({ world }: Scene): MemoryBackup {
  const kept = (world.ports.backups as MemoryBackups).kept.get(name);
  if (!kept) throw new Error('there is no backup');
  return kept;
}

async function serialIn({ world }: Scene, client: string): Promise<Serial> {
  const [first] = await world.state.certificatesOf(client as ClientName);
  if (!first) throw new Error(`${client} has no certificate`);
  return first.serial;
}

/** Ports of a place without an authority, with the same backups. */
function emptyPlace({ world }: Scene) {
  return { ...world.ports, home: { ...world.ports.home, exists: async () => false } };
}

const restoreIt = (scene: Scene, dryRun = false) =>
  restore({ source: name, obtainPassphrase, dryRun }, emptyPlace(scene));
const drillIt = (scene: Scene) => drill({ source: name, obtainPassphrase }, scene.world.ports);

describe('backup', () => {
  it('says what is in it and what is not', async () => {
    const scene = await openScene({ twoTier: true, encryptKeys: true });
    await scene.issue('billing', { delivery: { kind: 'directory', path: '/elsewhere' } });
    scene.world.caKeys.delete('root');
    const { head } = scene.world.state;
    expect(await keep(scene)).toMatchObject({
      file: name,
      encrypted: false,
      authority: { name: 'Acme API CA', fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) },
      head: { seq: head.seq, hash: head.hash },
      keys: [
        { issuer: 'root', state: 'absent' },
        { issuer: 'issuing', state: 'encrypted' },
      ],
      deliveries: 0,
      elsewhere: 1,
    });
  });

  it('holds the record up to one head, and the files of that moment, whatever happens meanwhile', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    const before = scene.world.state.head;
    const { backups } = scene.world.ports;
    const slow: Backups = {
      check: (each) => backups.check(each),
      open: (each, obtain) => backups.open(each, obtain),
      write: async (...all) => {
        scene.world.advance(1000);
        await scene.revoke('billing');
        await scene.issue('later');
        return backups.write(...all);
      },
    };
    await backup({ target: name, dryRun: false }, { ...scene.world.ports, backups: slow });
    expect(keptIn(scene).snapshot.manifest.head).toEqual(before);
    expect(keptIn(scene).lines).toHaveLength(before.seq);
    expect((await drillIt(scene)).checks.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('knows of each client what the record says of its deliveries, as it was', async () => {
    const scene = await openScene();
    const home = { delivery: { kind: 'home' } } as const;
    await scene.issue('billing', home);
    await scene.issue('out', { delivery: { kind: 'directory', path: '/elsewhere' } });
    scene.world.fail('deliver');
    await refusalIn(scene.issue('owed', home));
    await keep(scene);
    await scene.issue('later', home);
    await scene.revoke('billing');
    const { deliveriesTo, isKnownByNow } = keptIn(scene).snapshot as unknown as Snapshot;
    const of = async (client: string) => (await deliveriesTo(client as ClientName)) ?? 'unknown';
    const billing = await serialIn(scene, 'billing');
    expect([await of('billing'), await of('out'), await of('owed'), await of('later')]).toEqual([
      { certificates: [{ serial: billing, state: 'done' }], inHome: billing, isLive: true, withKey: true },
      {
        certificates: [expect.objectContaining({ state: 'done' })],
        inHome: undefined,
        isLive: false,
        withKey: false,
      },
      {
        certificates: [expect.objectContaining({ state: 'owed' })],
        inHome: undefined,
        isLive: false,
        withKey: false,
      },
      'unknown',
    ]);
    expect(await isKnownByNow(await serialIn(scene, 'later'))).toBe(true);
    expect(await isKnownByNow('0a0b' as Serial)).toBe(false);
  });

  it('begins again from a newer head when files went meanwhile, and gives up after five times', async () => {
    const scene = await openScene();
    const { backups } = scene.world.ports;
    const heads: number[] = [];
    const ports = (failures: number) => ({
      ...scene.world.ports,
      backups: {
        check: (each: string) => backups.check(each),
        open: backups.open.bind(backups),
        write: async (...all: Parameters<Backups['write']>) => {
          heads.push(all[1].manifest.head.seq);
          if (heads.length > failures) return backups.write(...all);
          await scene.issue(`${all[0].slice(1)}-${heads.length}`);
          throw new CaError('store/changed', 'it was changed');
        },
      },
    });
    const result = await backup({ target: name, dryRun: false }, ports(2));
    expect(new Set(heads).size).toBe(3);
    expect(result.head.seq).toBe(heads.at(-1));
    heads.length = 0;
    const never = backup({ target: '/never', dryRun: false }, ports(9));
    expect((await refusalIn(never)).code).toBe('store/changed');
    expect(heads).toHaveLength(5);
  });

  it('warns when the key of the CA that issues to clients is not there, and of no other', async () => {
    const scene = await openScene({ twoTier: true });
    scene.world.caKeys.delete('root');
    expect(await keep(scene)).not.toHaveProperty('warnings');
    expect(await restoreIt(scene)).not.toHaveProperty('warnings');
    scene.world.caKeys.delete('issuing');
    const warnings = ['keys/issuing.key is not in it: without that nothing can be signed'];
    expect((await keep(scene, { target: '/without' })).warnings).toEqual(warnings);
    const restored = restore({ source: '/without', obtainPassphrase, dryRun: true }, emptyPlace(scene));
    expect((await restored).warnings).toEqual(warnings);
  });

  it('warns when the CRL in place is not the one on record, to which the drill says no', async () => {
    const scene = await openScene();
    scene.world.fail('placeCrl');
    await refusalIn(scene.crl());
    expect((await keep(scene)).warnings).toEqual([
      'crl/ca.crl is not the one that the ledger recorded last: run ca renew, then back up again',
    ]);
    await scene.renew();
    expect(await keep(scene, { target: '/after' })).not.toHaveProperty('warnings');
  });

  it('goes without the lock where nobody can write: a failing disk is to be saved', async () => {
    const scene = await openScene();
    const refuse = async () => {
      throw new CaError('store/read-only', 'the file system is read-only');
    };
    const ledger = { ...scene.world.ports.ledger, transact: refuse };
    await backup({ target: name, dryRun: false }, { ...scene.world.ports, ledger });
    expect((await drillIt(scene)).valid).toBe(true);
    const full = { ...ledger, transact: () => Promise.reject(diskFull) };
    const other = backup({ target: '/other', dryRun: false }, { ...scene.world.ports, ledger: full });
    expect((await refusalIn(other)).code).toBe('store/disk-full');
  });

  it('asks for no passphrase where the name is taken', async () => {
    const scene = await openScene();
    await keep(scene);
    const asked = keep(scene, { obtainPassphrase: () => Promise.reject(new Error('asked')) });
    expect((await refusalIn(asked)).code).toBe('store/occupied');
  });
});

describe('the drill', () => {
  it('says yes to each check', async () => {
    const scene = await openScene({ twoTier: true, encryptKeys: true });
    await keep(scene, { obtainPassphrase });
    const result = await drillIt(scene);
    expect(result).toMatchObject({ valid: true, encrypted: true, authority: { name: 'Acme API CA' } });
    expect(result.checks.map(({ check, ok }) => `${check} ${ok}`)).toEqual([
      'archive true',
      'settings true',
      'chain true',
      'ledger true',
      'crl true',
      'keys true',
    ]);
    expect(scene.world.passphraseAsked.slice(-2)).toEqual(['root', 'issuing']);
  });

  const replaceFile = (backup: MemoryBackup, file: string, content: string | Uint8Array | undefined) => {
    const files = backup.snapshot.files.filter((each) => each.name !== file);
    if (content !== undefined) files.push({ name: file, content, secret: false });
    backup.snapshot = { ...backup.snapshot, files };
  };
  const fileOf = (backup: MemoryBackup, file: string) =>
    backup.snapshot.files.find((each) => each.name === file)?.content ?? '';

  it.each<[string, string, (kept: MemoryBackup, other: MemoryBackup) => void, string]>([
    [
      'settings are missing',
      'settings',
      (kept) => replaceFile(kept, 'ca.json', undefined),
      'ca.json is not in it',
    ],
    ['settings are wrong', 'settings', (kept) => replaceFile(kept, 'ca.json', '{'), 'ca.json is not JSON'],
    [
      'the root certificate is missing',
      'chain',
      (kept) => replaceFile(kept, 'ca.crt', undefined),
      'ca.crt is not in it',
    ],
    ['a certificate is none', 'chain', (kept) => replaceFile(kept, 'chain.crt', 'x'), 'chain.crt: '],
    [
      'a certificate is of another authority',
      'chain',
      (kept, other) => replaceFile(kept, 'chain.crt', fileOf(other, 'chain.crt')),
      'chain.crt is not the certificate that the ledger begins with',
    ],
    [
      'the manifest names another authority',
      'chain',
      (kept, other) => {
        const { authority } = other.snapshot.manifest;
        kept.snapshot = { ...kept.snapshot, manifest: { ...kept.snapshot.manifest, authority } };
      },
      'the manifest names another authority than the ledger',
    ],
    [
      'a CRL is missing',
      'crl',
      (kept) => replaceFile(kept, 'crl/root.crl', undefined),
      'crl/root.crl is not in it',
    ],
    ['a CRL is none', 'crl', (kept) => replaceFile(kept, 'crl/ca.crl', 'x'), 'crl/ca.crl: '],
    [
      'a CRL is of another authority',
      'crl',
      (kept, other) => replaceFile(kept, 'crl/ca.crl', fileOf(other, 'crl/ca.crl')),
      'crl/ca.crl is not signed by this authority',
    ],
    [
      'the key of daily work is missing',
      'keys',
      (kept) => {
        kept.snapshot = { ...kept.snapshot, keys: new Map([...kept.snapshot.keys].slice(0, 1)) };
      },
      'keys/issuing.key is not in it: without that nothing can be signed',
    ],
    [
      'a key is of another authority',
      'keys',
      (kept, other) => {
        kept.snapshot = { ...kept.snapshot, keys: other.snapshot.keys };
      },
      "keys/root.key is not the key of the root CA's certificate",
    ],
    [
      'a key is damaged',
      'keys',
      (kept) => {
        kept.snapshot = {
          ...kept.snapshot,
          keys: new Map([...kept.snapshot.keys].map(([role]) => [role, 'x'])),
        };
      },
      'keys/root.key: keys/root.key: ',
    ],
    [
      'the record begins with something else',
      'ledger',
      (kept) => {
        kept.lines = kept.lines.slice(1);
      },
      'its first entry is not that of an authority',
    ],
  ])('says no when %s', async (_name, check, damage, detail) => {
    const scene = await openScene({ twoTier: true });
    // The memory worlds draw from one seed: another key needs another kind.
    const other = await openScene({ twoTier: true, name: 'Other CA', key: 'ed25519' });
    await keep(scene);
    await keep(other);
    damage(keptIn(scene), keptIn(other));
    const result = await drillIt(scene);
    expect(result.valid).toBe(false);
    const failed = result.checks.filter(({ ok }) => !ok);
    expect(failed.map((each) => each.check)).toEqual([check]);
    expect(failed[0]?.detail.startsWith(detail), failed[0]?.detail).toBe(true);
  });

  it('says no under the wrong passphrase of a key, and refuses that of the backup', async () => {
    const scene = await openScene({ encryptKeys: true });
    await keep(scene, { obtainPassphrase });
    scene.world.passphrase = 'another passphrase';
    expect((await drillIt(scene)).checks.at(-1)).toEqual({
      check: 'keys',
      ok: false,
      detail: 'keys/root.key: the passphrase does not open the private key',
    });
    const wrong = drill({ source: name, obtainPassphrase: async () => 'no' }, scene.world.ports);
    expect((await refusalIn(wrong)).code).toBe('x509/wrong-passphrase');
  });
});

describe('restore', () => {
  const restoredTimes = ({ world }: Scene) => (world.ports.backups as MemoryBackups).restored;

  it('makes the authority, and in a dry run does not', async () => {
    const scene = await openScene();
    await keep(scene);
    expect(await restoreIt(scene, true)).toMatchObject({ authority: { name: 'Acme API CA' } });
    expect(restoredTimes(scene)).toBe(0);
    expect(await restoreIt(scene)).not.toHaveProperty('warnings');
    expect(restoredTimes(scene)).toBe(1);
  });

  it('never replaces an authority', async () => {
    const scene = await openScene();
    await keep(scene);
    const refused = restore({ source: name, obtainPassphrase, dryRun: false }, scene.world.ports);
    expect((await refusalIn(refused)).code).toBe('authority/exists');
    expect(restoredTimes(scene)).toBe(0);
  });

  it('does without the root key of two tiers, whose passphrase may be in a safe', async () => {
    const scene = await openScene({ twoTier: true, encryptKeys: true });
    await keep(scene);
    scene.world.passphraseAsked.length = 0;
    await restoreIt(scene);
    expect(scene.world.passphraseAsked).toEqual(['issuing']);
    scene.world.caKeys.clear();
    const other = { target: '/without', dryRun: false };
    await backup(other, scene.world.ports);
    await restore({ source: '/without', obtainPassphrase, dryRun: false }, emptyPlace(scene));
  });

  it('does without the passphrase of a key, and says that it was not opened; the drill does not', async () => {
    const scene = await openScene({ encryptKeys: true });
    await keep(scene);
    const unopened = (why: string) => [
      expect.stringMatching(new RegExp(`^keys/root.key was not opened, .*: ${why}`)),
    ];
    scene.world.passphrase = 'another passphrase';
    expect((await restoreIt(scene)).warnings).toEqual(unopened('the passphrase does not open'));
    const ports = {
      ...emptyPlace(scene),
      obtainPassphrase: async () => {
        throw new CaError('cli/no-terminal', 'there is no terminal');
      },
    };
    const request = { source: name, obtainPassphrase, dryRun: false };
    expect((await restore(request, ports)).warnings).toEqual(unopened('there is no terminal'));
    expect((await refusalIn(drill(request, ports))).code).toBe('cli/no-terminal');
    expect((await drillIt(scene)).valid).toBe(false);
  });

  it('warns of what can be mended afterwards, and refuses what cannot', async () => {
    const scene = await openScene();
    scene.world.settings = '{"version":2}';
    await keep(scene);
    expect((await restoreIt(scene)).warnings).toEqual([expect.stringContaining('ca.json')]);
    scene.world.certificates.delete('ca.crt');
    await backup({ target: '/bad', dryRun: false }, scene.world.ports);
    const bad = restore({ source: '/bad', obtainPassphrase, dryRun: false }, emptyPlace(scene));
    expect((await refusalIn(bad)).code).toBe('store/damaged-backup');
    expect(restoredTimes(scene)).toBe(1);
  });
});
