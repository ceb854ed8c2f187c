import { chmodSync, copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { writeSecret } from '../../support/built-cli.ts';
import { FaultField } from '../../support/fault-field.ts';

const field = new FaultField();
const right = writeSecret(field.directory, 'right', 'correct horse battery');
writeSecret(field.directory, 'wrong', 'incorrect horse battery');
writeSecret(field.directory, 'fresh', 'a passphrase that is new');
const env = { CA_PASSPHRASE_FILE: right };
field.do('init', '--name', 'Acme API CA', '--passphrase-file', right);
field.do('issue', 'billing', '--passphrase-file', right);

const refused = `exit 3, x509/wrong-passphrase
the passphrase does not open the private key
hint: type it again, or check that the passphrase file holds it alone; a damaged key file looks the same`;

describe('a wrong passphrase', () => {
  it.each([
    ['issue', 'orders'],
    ['issue', 'orders', '--out', 'delivery'],
    ['revoke', 'billing'],
    ['crl'],
    ['renew', '--force'],
    ['passphrase', '--new-passphrase-file', 'fresh'],
    ['passphrase', '--no-passphrase'],
  ])('is refused by ca %s', (...args) => {
    expect(field.refusal([...args, '--passphrase-file', 'wrong'])).toBe(refused);
  });

  it('is refused when it comes from the environment', () => {
    expect(field.refusal(['crl'], { env: { CA_PASSPHRASE: 'incorrect' } })).toBe(refused);
  });

  it('never stands in what is said', () => {
    const { stdout, stderr } = field.run(['crl', '--json'], { env: { CA_PASSPHRASE: 'hunter2-hunter2' } });
    expect(stdout + stderr).not.toContain('hunter2');
  });

  it('leaves a key that opens with the old one', () => {
    const copy = field.copy();
    expect(copy.refusal(['passphrase', '--passphrase-file', 'wrong', '--new-passphrase-file', 'fresh'])).toBe(
      refused,
    );
    copy.do('crl', '--passphrase-file', 'right');
  });
});

describe('ca passphrase', () => {
  it('changes it: the old one is refused then, and the new one opens', () => {
    const copy = field.copy();
    copy.do('passphrase', '--passphrase-file', 'right', '--new-passphrase-file', 'fresh');
    expect(copy.refusal(['crl', '--passphrase-file', 'right'])).toBe(refused);
    copy.do('crl', '--passphrase-file', 'fresh');
  });

  it('refuses a new one that is too short, and keeps the old', () => {
    writeSecret(field.directory, 'short', 'seven77');
    expect(field.refusal(['passphrase', '--new-passphrase-file', 'short'], { env })).toMatchInlineSnapshot(`
      "exit 3, authority/weak-passphrase
      the passphrase has 7 characters < 8 needed
      hint: make one with: openssl rand -base64 24"
    `);
  });

  it('refuses an empty new one', () => {
    writeSecret(field.directory, 'empty', '');
    expect(field.refusal(['passphrase', '--new-passphrase-file', 'empty'], { env })).toMatchInlineSnapshot(`
      "exit 3, authority/weak-passphrase
      the password file <work>/empty is empty
      hint: make one with: openssl rand -base64 24"
    `);
  });

  it('needs a new one when there is nobody to ask', () => {
    expect(field.refusal(['passphrase'], { env })).toMatchInlineSnapshot(`
      "exit 2, cli/no-terminal
      a new passphrase is needed, and there is no terminal to ask on
      hint: give --new-passphrase-file FILE, or --no-passphrase to leave the key unencrypted"
    `);
  });

  it('knows no issuing CA where there is one tier', () => {
    expect(
      field.refusal(['passphrase', '--key', 'issuing', '--no-passphrase'], { env }),
    ).toMatchInlineSnapshot(`
      "exit 3, authority/key-not-found
      the key of the issuing CA is not here
      hint: this authority has a root alone: use --key root"
    `);
  });
});

describe('without a passphrase and without a terminal', () => {
  it('ca issue names the flags', () => {
    expect(field.refusal(['issue', 'orders'])).toMatchInlineSnapshot(`
      "exit 2, cli/no-terminal
      the passphrase of the CA key is needed, and there is no terminal to ask on
      hint: give --passphrase-file FILE, or set CA_PASSPHRASE_FILE or CA_PASSPHRASE"
    `);
  });

  it('ca init names the flags, and makes nothing', () => {
    const empty = new FaultField();
    expect(empty.refusal(['init', '--name', 'Acme API CA'])).toMatchInlineSnapshot(`
      "exit 2, cli/no-terminal
      the passphrase of the CA key is needed, and there is no terminal to ask on
      hint: give --passphrase-file FILE (or CA_PASSPHRASE_FILE), or --no-passphrase to leave the key unencrypted"
    `);
    expect(empty.files()).toEqual({});
  });

  it('ca list and ca status need none', () => {
    expect(field.run(['list']).exitCode).toBe(0);
    expect(field.run(['status']).exitCode).toBe(0);
  });
});

describe.skipIf(process.platform === 'win32')('files that others can read', () => {
  it('are refused as passphrase files', () => {
    copyFileSync(right, field.path('open'));
    chmodSync(field.path('open'), 0o644);
    expect(field.refusal(['crl', '--passphrase-file', 'open'])).toMatchInlineSnapshot(`
      "exit 3, store/insecure-mode
      the passphrase file open has mode 0644 > 0600 allowed
      hint: close it with: chmod 600 open"
    `);
  });

  it('are refused as passphrase files of a group', () => {
    copyFileSync(right, field.path('group file'));
    chmodSync(field.path('group file'), 0o640);
    expect(
      field.refusal(['issue', 'orders'], { env: { CA_PASSPHRASE_FILE: field.path('group file') } }),
    ).toMatchInlineSnapshot(`
      "exit 3, store/insecure-mode
      the passphrase file <work>/group file has mode 0640 > 0600 allowed
      hint: close it with: chmod 600 '<work>/group file'"
    `);
  });

  it('are refused as key files', () => {
    const copy = field.copy();
    chmodSync(copy.path('home/keys/root.key'), 0o604);
    expect(copy.refusal(['issue', 'orders'], { env })).toMatchInlineSnapshot(`
      "exit 3, store/insecure-mode
      the key <work>/home/keys/root.key has mode 0604 > 0600 allowed
      hint: close it with: chmod 600 <work>/home/keys/root.key"
    `);
  });

  it('are refused as PKCS#12 password files', () => {
    writeFileSync(field.path('p12'), 'password of the file\n', { mode: 0o644 });
    chmodSync(field.path('p12'), 0o644);
    expect(field.refusal(['issue', 'orders', '--p12-password-file', 'p12'], { env })).toMatchInlineSnapshot(`
      "exit 3, store/insecure-mode
      the password file <work>/p12 has mode 0644 > 0600 allowed
      hint: close it with: chmod 600 <work>/p12"
    `);
  });
});

describe('a passphrase file that is none', () => {
  it('is missing', () => {
    expect(field.refusal(['crl', '--passphrase-file', 'nowhere'])).toMatchInlineSnapshot(`
      "exit 3, store/not-found
      cannot read the passphrase file nowhere: no such file or directory
      hint: check the path"
    `);
  });

  it('is a directory', () => {
    expect(field.refusal(['crl', '--passphrase-file', 'home'])).toMatchInlineSnapshot(`
      "exit 3, store/io
      cannot read the passphrase file home: it is a directory
      hint: put a file there, or name one"
    `);
  });

  it('has two lines', () => {
    writeSecret(field.directory, 'two', 'correct horse battery\nstaple');
    expect(field.refusal(['crl', '--passphrase-file', 'two'])).toMatchInlineSnapshot(`
      "exit 3, authority/weak-passphrase
      the passphrase file two holds more than one line
      hint: make one with: (umask 077; openssl rand -base64 24 > two)"
    `);
  });
});

describe('a key file', () => {
  it('that is away is asked for', () => {
    const copy = field.copy();
    rmSync(copy.path('home/keys/root.key'));
    expect(copy.refusal(['crl'], { env })).toMatchInlineSnapshot(`
      "exit 3, authority/key-not-found
      the key of the root CA is not here
      hint: bring it back as keys/root.key for this command"
    `);
  });

  it('that is empty is refused', () => {
    const copy = field.copy();
    writeFileSync(copy.path('home/keys/root.key'), '');
    expect(copy.refusal(['crl'], { env })).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-key
      keys/root.key: private key is malformed: text holds no PEM block
      hint: restore the key file from a backup of this authority"
    `);
  });

  it('that is another key is refused', () => {
    const copy = field.copy();
    copy.run(['init', '--name', 'Other CA', '--no-passphrase'], { env: { CA_HOME: copy.path('other') } });
    copyFileSync(copy.path('other/keys/root.key'), copy.path('home/keys/root.key'));
    expect(copy.refusal(['crl'], { env })).toMatchInlineSnapshot(`
      "exit 3, authority/key-mismatch
      keys/root.key is not the key of the root CA's certificate
      hint: restore the key file from a backup of this authority"
    `);
  });

  it('that is cut short is refused', () => {
    const copy = field.copy();
    writeFileSync(copy.path('home/keys/root.key'), '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIH', {
      mode: 0o600,
    });
    expect(copy.refusal(['crl'], { env })).toMatchInlineSnapshot(`
      "exit 3, x509/malformed-key
      keys/root.key: private key is malformed: PEM block ENCRYPTED PRIVATE KEY has no END line of its own (at offset 0)
      hint: restore the key file from a backup of this authority"
    `);
  });
});
