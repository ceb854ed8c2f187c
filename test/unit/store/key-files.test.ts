import {
  chmodSync,
  chownSync,
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
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openKeyStore } from '../../../src/store/key-files.ts';

let home: string;
let path: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ca-keys-'));
  mkdirSync(join(home, 'keys'), { mode: 0o700 });
  path = join(home, 'keys', 'root.key');
  writeFileSync(path, 'PEM', { mode: 0o600 });
});
afterEach(() => rmSync(home, { recursive: true }));

const isRoot = process.geteuid?.() === 0;

describe('readKey', () => {
  it('gives the key', async () => {
    await expect(openKeyStore(home).readKey('root')).resolves.toBe('PEM');
  });

  it('gives nothing for a key that is kept elsewhere', async () => {
    await expect(openKeyStore(home).readKey('issuing')).resolves.toBeUndefined();
  });

  it('gives nothing for a link to a medium that is away', async () => {
    symlinkSync('/nowhere/issuing.key', join(home, 'keys', 'issuing.key'));
    await expect(openKeyStore(home).readKey('issuing')).resolves.toBeUndefined();
  });

  it.skipIf(process.platform === 'win32').each([
    [0o644, '0644'],
    [0o640, '0640'],
    [0o604, '0604'],
    [0o620, '0620'],
    [0o677, '0677'],
  ])('refuses a key file of mode %o', async (mode, shown) => {
    chmodSync(path, mode);
    await expect(openKeyStore(home).readKey('root')).rejects.toMatchObject({
      code: 'store/insecure-mode',
      message: `the key ${path} has mode ${shown} > 0600 allowed`,
      hint: `close it with: chmod 600 ${path}`,
    });
  });

  it('takes a key file that its owner cannot write either', async () => {
    chmodSync(path, 0o400);
    await expect(openKeyStore(home).readKey('root')).resolves.toBe('PEM');
  });

  it('refuses a file too large to be a key', async () => {
    writeFileSync(path, Buffer.alloc(65_537, 'x'));
    await expect(openKeyStore(home).readKey('root')).rejects.toMatchObject({ code: 'x509/malformed-key' });
  });
});

describe('hasKey', () => {
  it('says whether the key is here, or on a medium that a link leads to', async () => {
    const keys = openKeyStore(home);
    expect([await keys.hasKey('root'), await keys.hasKey('issuing')]).toEqual([true, false]);
    symlinkSync('/nowhere/issuing.key', join(home, 'keys', 'issuing.key'));
    expect(await keys.hasKey('issuing')).toBe(false);
    rmSync(join(home, 'keys'), { recursive: true });
    expect(await keys.hasKey('root')).toBe(false);
  });

  it.skipIf(process.platform === 'win32')('refuses a key file that others can read', async () => {
    chmodSync(path, 0o644);
    await expect(openKeyStore(home).hasKey('root')).rejects.toMatchObject({ code: 'store/insecure-mode' });
  });
});

describe('replaceKey', () => {
  it('puts the new key in place with mode 0600 and leaves nothing else', async () => {
    chmodSync(path, 0o400);
    await openKeyStore(home).replaceKey('root', 'NEW');
    expect(readFileSync(path, 'utf8')).toBe('NEW');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(home, 'keys'))).toEqual(['root.key']);
  });

  it('refuses to put a key where there was none', async () => {
    await expect(openKeyStore(home).replaceKey('issuing', 'NEW')).rejects.toMatchObject({
      code: 'store/not-found',
    });
    expect(readdirSync(join(home, 'keys'))).toEqual(['root.key']);
  });

  it('replaces the key on the other medium, not the link to it', async () => {
    const medium = join(home, 'usb');
    mkdirSync(medium);
    writeFileSync(join(medium, 'issuing.key'), 'OLD', { mode: 0o600 });
    const link = join(home, 'keys', 'issuing.key');
    symlinkSync(join(medium, 'issuing.key'), link);
    await openKeyStore(home).replaceKey('issuing', 'NEW');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(medium, 'issuing.key'), 'utf8')).toBe('NEW');
  });

  it.runIf(isRoot)("leaves a service's key with the service when root replaces it (needs root)", async () => {
    chownSync(path, 12345, 12346);
    await openKeyStore(home).replaceKey('root', 'NEW');
    expect(statSync(path)).toMatchObject({ uid: 12345, gid: 12346 });
  });
});
