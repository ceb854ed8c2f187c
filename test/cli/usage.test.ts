import { describe, expect, it } from 'vitest';
import { Sandbox } from './sandbox.ts';

const commands = [
  'init',
  'issue',
  'list',
  'show',
  'status',
  'revoke',
  'crl',
  'renew',
  'verify',
  'export',
  'ledger',
  'ledger verify',
  'ledger head',
  'ledger export',
  'ledger adopt',
  'backup',
  'restore',
  'passphrase',
  'completion',
];

describe('help', () => {
  it.each(commands)('of ca %s has examples and the global options', async (command) => {
    const { exitCode, stdout, stderr } = await new Sandbox().run(`${command} --help`);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain(`Usage: ca ${command}`);
    expect(stdout).toMatch(/Examples:\n {2}# .+\n {2}\$ /);
    expect(stdout).toContain('--home <directory>');
  });

  it('of ca renew has a line for crontab, as crontab takes it', async () => {
    const { stdout } = await new Sandbox().run('renew --help');
    expect(stdout).toMatch(/\n {2}17 3 \* \* \* ca renew --quiet .*\n$/);
  });

  it('lists the commands, without the hidden one', async () => {
    const { exitCode, stdout } = await new Sandbox().run('--help');
    expect(exitCode).toBe(0);
    for (const command of commands) expect(stdout).toContain(`  ${command.split(' ')[0]}`);
    for (const code of [0, 1, 2, 3, 70, 130]) expect(stdout).toMatch(new RegExp(`[ ,\n]${code} `));
    expect(stdout).not.toContain('__complete');
  });

  it('is given by ca help <command>, too', async () => {
    const sandbox = new Sandbox();
    expect(await sandbox.run('help revoke')).toEqual(await sandbox.run('revoke --help'));
    expect(await sandbox.run('help')).toEqual(await sandbox.run('--help'));
  });

  it('goes to stderr, with exit code 2, when no command is named', async () => {
    const { exitCode, stdout, stderr } = await new Sandbox().run([]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('Usage: ca [options] [command]');
  });

  it('is followed by the version', async () => {
    expect(await new Sandbox().run('--version')).toEqual({ exitCode: 0, stdout: '0.1.0\n', stderr: '' });
  });
});

describe('a wrong command line', () => {
  it.each([
    ['isue billing', "unknown command 'isue'", 'did you mean issue? see: ca --help'],
    ['issue billing --dsn x', "unknown option '--dsn'", 'did you mean --dns? see: ca issue --help'],
    ['issue', "missing required argument 'client'", 'see: ca issue --help'],
    ['list billing', "too many arguments for 'list'. Expected 0 arguments but got 1", 'see: ca list --help'],
    ['init', "required option '--name <name>' not specified", 'see: ca init --help'],
    ['issue billing --key', "option '--key <kind>' argument missing", 'see: ca issue --help'],
    [
      'list --status gone',
      "option '--status <status>' argument 'gone' is invalid. Allowed choices are active, superseded, revoked, expired",
      'see: ca list --help',
    ],
    ['ledger', 'no command was given', undefined],
    [
      'issue ../x',
      'client name "../x" holds "/"',
      'use 1 to 64 letters, digits and . _ - @ + inside, for example: acme-billing',
    ],
    [
      'issue billing --validity 90',
      '"90" is not a duration between 1s and 100y',
      'write a whole number and a unit: 30s, 10m, 12h, 90d, 2w, 10y',
    ],
    [
      'init --name A --key rsa2048',
      'key "rsa2048" is not offered',
      'use one of: p256, p384, ed25519, rsa3072, rsa4096',
    ],
    [
      'revoke billing --reason hold',
      '"hold" is not a reason for revocation',
      expect.stringContaining('use one of'),
    ],
  ])('ca %s', async (line, message, hint) => {
    const sandbox = new Sandbox();
    const { exitCode, stdout, stderr } = await sandbox.run(line);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    if (hint === undefined) expect(stderr).toContain('Usage: ca ledger');
    else if (typeof hint === 'string') expect(stderr).toBe(`ca: ${message}\n  hint: ${hint}\n`);
    else expect(stderr).toContain(`ca: ${message}\n`);
    const { error } = await sandbox.json<{ error: { message: string; hint: string } }>(line, 2);
    expect(error.message).toBe(message);
    if (hint !== undefined) expect(error.hint).toEqual(hint);
  });

  it.each([
    ['issue billing --csr x.csr --key p256', '--key and --csr exclude each other'],
    ['issue billing --csr x.csr --p12', '--p12 and --csr exclude each other'],
    ['issue billing --out - --p12', '--p12 and --out - exclude each other'],
    ['issue billing --out - --hook true', '--hook and --out - exclude each other'],
    ['renew --force --within 30d', '--force and --within exclude each other'],
    ['restore x --check --dry-run', "option '--check' cannot be used with option '--dry-run'"],
    ['renew --rekey --same-key', "option '--rekey' cannot be used with option '--same-key'"],
    [
      'passphrase --new-passphrase-file new --no-passphrase',
      "option '--no-passphrase' cannot be used with option '--new-passphrase-file <file>'",
    ],
    [
      'init --name B --no-passphrase --passphrase-file file',
      "option '--no-passphrase' cannot be used with option '--passphrase-file <file>'",
    ],
    [
      'init --name B --two-tier --no-passphrase --root-passphrase-file file',
      "option '--no-passphrase' cannot be used with option '--root-passphrase-file <file>'",
    ],
    [
      'init --name B --passphrase-file file --root-passphrase-file file',
      '--root-passphrase-file is for --two-tier alone',
    ],
  ])('ca %s', async (line, message) => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { exitCode, stderr } = await sandbox.run(line);
    expect({ exitCode, stderr: stderr.split('\n')[0] }).toEqual({ exitCode: 2, stderr: `ca: ${message}` });
  });

  it.each([
    ['--home', ['list', '--home', '']],
    ['--out', ['issue', 'billing', '--out', '']],
    ['--csr', ['issue', 'billing', '--csr', '']],
    ['--p12-password-file', ['issue', 'billing', '--p12-password-file', '']],
    ['--out', ['crl', '--out', '']],
    ['--out', ['export', 'billing', '--format', 'pem', '--out', '']],
    ['--passphrase-file', ['renew', '--passphrase-file', '']],
    ['--root-passphrase-file', ['init', '--name', 'B', '--two-tier', '--root-passphrase-file', '']],
    ['--backup-passphrase-file', ['backup', 'x', '--backup-passphrase-file', '']],
    ['--backup-passphrase-file', ['restore', 'x', '--backup-passphrase-file', '']],
    ['--new-passphrase-file', ['passphrase', '--new-passphrase-file', '']],
    ['--name', ['init', '--name', '   ']],
  ])('refuses an empty %s, as an unset variable gives', async (option, line) => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { exitCode, stderr } = await sandbox.run(line);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      new RegExp(`^ca: option '${option} <[a-z]+>' argument ' *' is invalid. It is empty\\n  hint: see: ca `),
    );
  });

  it('takes spaces as part of a value', async () => {
    const { exitCode, stderr } = await new Sandbox().run(['issue', 'billing', '--ip', ' 1.1.1.1']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('" 1.1.1.1"');
  });

  it('refuses a CRL that is fetched by TLS (RFC 5280 §8)', async () => {
    const sandbox = new Sandbox();
    const { exitCode, stderr } = await sandbox.run(
      'init --name A --no-passphrase --crl-url https://acme.example/ca.crl',
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr:
        "ca: option '--crl-url <url>' argument 'https://acme.example/ca.crl' is invalid. It is not an http:// URL (https would need the certificate that it is to check)\n" +
        '  hint: see: ca init --help\n',
    });
  });

  it('shows control characters in what was typed instead of sending them to the terminal', async () => {
    const { stderr } = await new Sandbox().run(['issue', '\u001b[31mred']);
    expect(stderr).not.toContain('\u001b');
    expect(stderr).toContain('\\u{1b}[31mred');
  });
});

describe('global options', () => {
  it('are taken before and after the command', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    expect(await sandbox.run('--json list')).toEqual(await sandbox.run('list --json'));
  });

  it.each([
    ['--home', ['--home', 'option'], { CA_HOME: 'variable' }, 'option'],
    ['CA_HOME', [], { CA_HOME: 'variable', XDG_DATA_HOME: '/nowhere' }, 'variable'],
    ['the data directory of the person', [], { CA_HOME: '' }, '.local/share/ca'],
    [
      'a relative XDG_DATA_HOME, which is ignored',
      [],
      { CA_HOME: '', XDG_DATA_HOME: 'data' },
      '.local/share/ca',
    ],
  ] as const)('find the home by %s', async (_name, argv, environment, home) => {
    const sandbox = new Sandbox();
    const { error } = await sandbox.json<{ error: { code: string; message: string } }>([...argv, 'list'], 3, {
      environment,
    });
    expect(error).toMatchObject({
      code: 'authority/missing',
      message: `there is no authority in ${sandbox.path(home)}`,
    });
  });

  it('find the home by XDG_DATA_HOME', async () => {
    const sandbox = new Sandbox();
    const environment = { CA_HOME: '', XDG_DATA_HOME: sandbox.path('data') };
    const { stderr } = await sandbox.run('list', { environment });
    expect(stderr).toContain(
      `there is no authority in ${sandbox.path('data', 'ca')}\n  hint: make one with: ca init`,
    );
  });
});
