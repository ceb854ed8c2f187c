import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPassphraseSource, readPasswordFile } from '../../../src/store/passphrase.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ca-passphrase-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('createPassphraseSource', () => {
  it('looks in its sources in their order', async () => {
    const environment: Record<string, string | undefined> = {
      CA_PASSPHRASE_FILE: secret('named', 'from the named file'),
      CREDENTIALS_DIRECTORY: directory,
      CA_PASSPHRASE: 'from the environment',
    };
    secret('ca-passphrase', 'from the service manager');
    const prompt = async () => 'from a person';
    const file = secret('flag', 'from the flag');
    const ask = (more: object = {}) => createPassphraseSource({ environment, prompt, ...more })('issuing');
    expect(await ask({ file })).toBe('from the flag');
    expect(await ask()).toBe('from the named file');
    delete environment['CA_PASSPHRASE_FILE'];
    expect(await ask()).toBe('from the service manager');
    rmSync(join(directory, 'ca-passphrase'));
    expect(await ask()).toBe('from the environment');
    delete environment['CA_PASSPHRASE'];
    expect(await ask()).toBe('from a person');
  });

  it("looks for the root's own passphrase first, then for the common one", async () => {
    const environment: Record<string, string | undefined> = {
      CA_ROOT_PASSPHRASE_FILE: secret('named', 'named for the root'),
      CREDENTIALS_DIRECTORY: directory,
      CA_ROOT_PASSPHRASE: 'in the environment for the root',
      CA_PASSPHRASE: 'common',
    };
    secret('ca-root-passphrase', 'by the service manager for the root');
    const rootFile = secret('flag', 'flag for the root');
    const ask = (more: object = {}) => createPassphraseSource({ environment, ...more })('root');
    expect(await ask({ rootFile })).toBe('flag for the root');
    expect(await ask()).toBe('named for the root');
    delete environment['CA_ROOT_PASSPHRASE_FILE'];
    expect(await ask()).toBe('by the service manager for the root');
    rmSync(join(directory, 'ca-root-passphrase'));
    expect(await ask()).toBe('in the environment for the root');
    delete environment['CA_ROOT_PASSPHRASE'];
    expect(await ask()).toBe('common');
  });

  it("never gives the root's passphrase for the issuing CA", async () => {
    const environment = { CA_ROOT_PASSPHRASE: 'for the root' };
    await expect(createPassphraseSource({ environment })('issuing')).rejects.toMatchObject({
      code: 'cli/no-terminal',
    });
  });

  it('tells the prompt whose passphrase it asks for', async () => {
    const prompt = async (issuer: string) => `of ${issuer}`;
    await expect(createPassphraseSource({ environment: {}, prompt })('root')).resolves.toBe('of root');
  });

  it('names the flag and the variables when there is no source and no terminal', async () => {
    await expect(createPassphraseSource({ environment: {} })('issuing')).rejects.toMatchObject({
      code: 'cli/no-terminal',
      message: 'the passphrase of the issuing CA key is needed, and there is no terminal',
      hint: 'give it with --passphrase-file FILE, CA_PASSPHRASE_FILE=FILE or CA_PASSPHRASE',
    });
  });

  it('does not go on to the next source when a named file is missing', async () => {
    const environment = { CA_PASSPHRASE_FILE: join(directory, 'no'), CA_PASSPHRASE: 'x' };
    await expect(createPassphraseSource({ environment })('root')).rejects.toMatchObject({
      code: 'store/not-found',
    });
  });

  it('refuses an empty variable', async () => {
    await expect(
      createPassphraseSource({ environment: { CA_PASSPHRASE: '' } })('root'),
    ).rejects.toMatchObject({
      code: 'authority/weak-passphrase',
      message: 'CA_PASSPHRASE is empty',
    });
  });

  it("takes systemd's credential, whose mode shows its ACL, and no passphrase file of that mode", async () => {
    const environment = { CREDENTIALS_DIRECTORY: directory };
    chmodSync(secret('ca-passphrase', 'x'), 0o440);
    await expect(createPassphraseSource({ environment })('root')).resolves.toBe('x');
    const file = join(directory, 'ca-passphrase');
    await expect(createPassphraseSource({ environment, file })('root')).rejects.toMatchObject({
      code: 'store/insecure-mode',
      message: `the passphrase file ${file} has mode 0440 > 0600 allowed`,
    });
  });

  it('gives the same passphrase for both Unicode forms of what was typed', async () => {
    const environment = { CA_PASSPHRASE: 'Schlu\u0308ssel' };
    await expect(createPassphraseSource({ environment })('root')).resolves.toBe('Schlüssel');
  });
});

describe('readPasswordFile', () => {
  it.each([
    ['without a line end', 'secret', 'secret'],
    ['with LF', 'secret\n', 'secret'],
    ['with CRLF', 'secret\r\n', 'secret'],
    ['with spaces that belong to it', ' secret \n', ' secret '],
    ['with the byte order mark of Windows editors', '\uFEFFsecret\r\n', 'secret'],
  ])('reads a line %s', async (_, content, password) => {
    await expect(readPasswordFile(secret('f', content))).resolves.toBe(password);
  });

  it.each([
    ['an empty file', '', 'is empty'],
    ['an empty line', '\n', 'is empty'],
    ['two lines', 'a\nb\n', 'holds more than one line'],
    ['binary', Buffer.from([0xff, 0xfe, 0x41]), 'is not UTF-8 text'],
  ])('refuses %s', async (_, content, message) => {
    const path = secret('f', content);
    await expect(readPasswordFile(path)).rejects.toMatchObject({
      code: 'authority/weak-passphrase',
      message: `the password file ${path} ${message}`,
    });
  });

  it.skipIf(process.platform === 'win32')('refuses a file that others can read', async () => {
    const path = secret('f', 'x');
    chmodSync(path, 0o644);
    await expect(readPasswordFile(path)).rejects.toMatchObject({ code: 'store/insecure-mode' });
  });

  it('shows nothing of the passphrase in its messages', async () => {
    const error = await readPasswordFile(secret('f', 'topsecret\nmore')).catch((each: unknown) => each);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('topsecret');
  });
});

function secret(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}
