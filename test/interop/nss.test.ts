import { beforeAll, expect, it } from 'vitest';
import { writeSecret } from '../support/built-cli.ts';
import {
  describeWith,
  judge,
  runProgram,
  sharedDirectory,
  temporaryDirectory,
} from '../support/outside-program.ts';
import {
  authorities,
  goodLeaves,
  leaves,
  type SampleAuthority,
  sampleOf,
  unreadable,
} from '../support/sample-authority.ts';

const isReadable = ({ key }: { readonly key: string }) => !Object.hasOwn(unreadable.nss, key);
const readable = authorities.filter(isReadable);
const leafNames = goodLeaves.filter((name) => isReadable(leaves[name]));

describeWith('certutil', 'crlutil', 'pk12util').each(readable)('NSS certutil: a CA of $name', (authority) => {
  const { twoTier } = authority;
  let sample: SampleAuthority;
  let database: readonly string[];
  beforeAll(async () => {
    sample = await sampleOf(authority);
    database = newDatabase();
    add('root', sample.root, 'CT,,');
    if (twoTier) add('issuing', sample.issuer, ',,');
    for (const name of [...leafNames, 'lost'] as const) add(name, sample.leaves[name].certificate, ',,');
  });

  it('knows nothing of the revocation before the CRLs are imported, and takes them', () => {
    expect(verify('lost', 'C')).toMatchObject({ exitCode: 0 });
    const { crl, rootCrl } = sample.init.files;
    for (const file of [crl, ...(rootCrl === undefined ? [] : [rootCrl])]) {
      expect(judge('crlutil', ['-I', ...database, '-i', file, '-t', '1'])).toEqual({
        exitCode: 0,
        text: '',
      });
    }
  });

  it('reads the CRL, with the number and the entry that `ca revoke` printed', () => {
    const { crl, revoked } = sample.revoked;
    const { text } = judge('crlutil', ['-L', ...database, '-n', twoTier ? 'issuing' : 'root']);
    const octets = /Name: CRL Number\s+Data:\s+([0-9a-f:]+)/.exec(text)?.[1]?.replaceAll(':', '');
    expect(BigInt(`0x${octets}`)).toBe(BigInt(crl?.number ?? 0));
    const serials = [...text.matchAll(/Serial Number:\s+([0-9a-f:]+)/g)].map(([, serial]) =>
      serial?.replaceAll(':', ''),
    );
    expect(serials).toEqual(revoked.map(({ serial }) => serial));
  });

  it.each(leafNames)('reads the end of %s', (name) => {
    const text = runProgram('certutil', ['-L', ...database, '-n', name]);
    expect(new Date(`${/Not After : (.*)/.exec(text)?.[1]} UTC`)).toEqual(sample.leaves[name].notAfter);
  });

  it('refuses the revoked certificate', () => {
    expect(verify('lost', 'C')).toMatchObject({
      exitCode: 255,
      text: expect.stringContaining('has been revoked'),
    });
  });

  it.each(leafNames)('verifies %s for the usages of its profile alone', (name) => {
    for (const [profile, usage] of [
      ['client', 'C'],
      ['server', 'V'],
    ] as const) {
      if ([profile, 'peer'].includes(leaves[name].profile)) {
        expect(verify(name, usage)).toEqual({ exitCode: 0, text: 'certutil: certificate is valid\n' });
      } else {
        expect(verify(name, usage)).toMatchObject({
          exitCode: 255,
          text: expect.stringContaining('not approved'),
        });
      }
    }
  });

  it.each(['plain', 'person'] as const)('imports the PKCS#12 of %s with its key', (name) => {
    const { pkcs12, password } = sample.leaves[name];
    const passwordFile = writeSecret(temporaryDirectory(), 'password', password);
    const imported = judge('pk12util', ['-i', pkcs12, ...database, '-w', passwordFile]);
    expect(imported.text).toContain('PKCS12 IMPORT SUCCESSFUL');
    expect(runProgram('certutil', ['-K', ...database])).toMatch(new RegExp(`\\b${name}$`, 'm'));
    const wrong = writeSecret(temporaryDirectory(), 'password', 'wrong');
    expect(judge('pk12util', ['-l', pkcs12, '-w', wrong]).exitCode).not.toBe(0);
  });

  function add(name: string, file: string, trust: string): void {
    runProgram('certutil', ['-A', ...database, '-n', name, '-t', trust, '-i', file]);
  }

  /** Usages are C for a TLS client and V for a server; -e checks signatures too. */
  function verify(name: string, usage: 'C' | 'V') {
    return judge('certutil', ['-V', ...database, '-n', name, '-u', usage, '-e']);
  }
});

describeWith('certutil')('NSS certutil cannot read what the matrix says that it cannot', () => {
  it.each(Object.entries(unreadable.nss))('%s: %s', async (key) => {
    const database = newDatabase();
    const authority = authorities.find((each) => each.key === key);
    const leaf = goodLeaves.find((name) => leaves[name].key === key);
    if (!authority || !leaf) throw new Error(`no sample has a key of ${key}`);
    const { root } = await sampleOf(authority);
    const [readableAuthority] = readable;
    const sample = readableAuthority && (await sampleOf(readableAuthority));
    for (const file of [root, sample?.leaves[leaf].certificate ?? '']) {
      expect(judge('certutil', ['-A', ...database, '-n', 'x', '-t', 'CT,,', '-i', file])).toMatchObject({
        exitCode: 255,
        text: expect.stringContaining('SEC_ERROR_ADDING_CERT'),
      });
    }
  });
});

/** The options that name a new, empty database. */
function newDatabase(): readonly string[] {
  const database = ['-d', `sql:${sharedDirectory()}`];
  runProgram('certutil', ['-N', ...database, '--empty-password']);
  return database;
}
