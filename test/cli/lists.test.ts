import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { issueColumns } from '../../src/cli/list/issue-lines.ts';
import { FaultField } from '../support/fault-field.ts';
import { describeWith, judge } from '../support/outside-program.ts';
import { childLimits, cliEnvironment, shippedCli } from '../support/run-cli.ts';
import { Sandbox } from './sandbox.ts';

const clientsCsv = 'client,dns,validity,out\nnorth,n.example,30d,out\nsouth,,,\n';

describe('ca issue --from', () => {
  it('gives all clients of a list their certificates, wherever it is run from, and only what is missing again', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.write('clients.csv', clientsCsv);
    const { exitCode, stdout, stderr } = await sandbox.run('issue --from clients.csv');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout.replaceAll(sandbox.directory, '/tmp')).toBe(
      'issued a certificate to north, until 2026-12-22 (in 30 days), in /tmp/out\n' +
        'issued a certificate to south, until 2027-02-20 (in 90 days), in /tmp/home/clients/south\n' +
        'issued 2 certificates, delivered 0 of an earlier run, skipped 0, failed 0\n',
    );
    expect(sandbox.mode('out', '.north', 'current', 'north.key')).toBe('600');
    expect(await sandbox.json(['issue', '--from', sandbox.path('clients.csv')])).toMatchObject({
      issued: [],
      delivered: [],
      skipped: [
        { client: 'north', serial: expect.any(String), why: expect.any(String) },
        { client: 'south' },
      ],
      failed: [],
    });
  });

  it('takes JSON, JSON Lines and standard input', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.write('a.json', '[{"client":"a","dns":["a.example"]}]');
    sandbox.write('b.jsonl', '{"client":"b"}\n{"client":"c"}\n');
    const issued = async (words: string, input?: string) =>
      (
        await sandbox.json<{ issued: { client: string }[] }>(words, 0, {
          ...(input === undefined ? {} : { input: Buffer.from(input) }),
        })
      ).issued.map(({ client }) => client);
    expect(await issued('issue --from a.json')).toEqual(['a']);
    expect(await issued('issue --from b.jsonl')).toEqual(['b', 'c']);
    expect(await issued('issue --from - --format csv', 'client\nd\n')).toEqual(['d']);
    expect((await sandbox.run('issue --from -')).stderr).toBe(
      'ca: standard input has no name that tells its format\n  hint: add --format csv|json|jsonl\n',
    );
  });

  it('names every bad line, of whatever kind, and changes nothing', () => {
    const field = FaultField.withAuthority('--no-passphrase');
    field.do('issue', 'known');
    writeFileSync(
      field.path('clients.csv'),
      [
        'client,profile,dns,ip,email,uri,subject,validity,csr,out',
        'good,,,,,,,,,',
        '../evil,,,,,,,,,',
        'a,,-x-,,,,,,,',
        'b,,,1.2.3,,,,,,',
        'c,,,,nobody,,,,,',
        'd,,,,,spiffe://A/b,,,,',
        'e,,,,,,CN,,,',
        'f,,,,,,,9m0,,',
        'g,,,,,,,,-,',
        'h,,,,,,,,,-',
        'GOOD,,,,,,,,,',
        'i,"x"y,,,,,,,,',
        'known,peer,,,,,,,,',
        'j,,,,,,,,,/dev/null',
        'k,,,,,,,200y,,',
      ].join('\n'),
    );
    const before = field.files();
    const { exitCode, stdout } = field.run(['--json', 'issue', '--from', 'clients.csv']);
    expect(exitCode).toBe(3);
    const { error } = JSON.parse(stdout);
    expect(error).toMatchObject({
      code: 'core/invalid-list',
      message: '14 lines of the list are bad, and nothing was done',
      hint: 'mend what is named, and run the same command again',
    });
    expect(error.faults.map(({ line, code }: { line: number; code: string }) => `${line} ${code}`)).toEqual([
      '3 core/invalid-client-name',
      '4 core/invalid-san',
      '5 core/invalid-san',
      '6 core/invalid-san',
      '7 core/invalid-san',
      '8 core/invalid-name',
      '9 core/invalid-duration',
      '10 core/invalid-list',
      '11 core/invalid-list',
      '12 core/invalid-list',
      '13 core/invalid-list',
      '14 authority/client-exists',
      '15 store/occupied',
      '16 core/invalid-duration',
    ]);
    const told = field.run(['issue', '--from', 'clients.csv']);
    expect(told.exitCode).toBe(3);
    expect(told.stdout).toBe('');
    expect(told.stderr).toContain(
      'ca: 14 lines of the list are bad, and nothing was done\n  line 3 (../evil): client name',
    );
    expect(told.stderr).toContain('  line 12 (GOOD): line 2 names the same client\n    hint: keep one line');
    expect(field.run(['issue', '--from', 'clients.csv', '--dry-run']).exitCode).toBe(3);
    expect(field.files()).toEqual(before);
  });

  it('refuses two clients whose files would have one name', () => {
    const field = FaultField.withAuthority('--no-passphrase');
    writeFileSync(field.path('share.csv'), 'client,out\na,shared\na-chain,shared\n');
    const before = field.files();
    const { exitCode, stderr } = field.run(['issue', '--from', 'share.csv']);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^ {2}line 3 \(a-chain\): line 2 takes .*shared\/a-chain\.crt as well$/m);
    expect(field.files()).toEqual(before);
  });

  it('shows no more than the beginning of a cell that is far too long', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.write('long.csv', `client\n${'x'.repeat(1 << 20)}\n`);
    const { stderr } = await sandbox.run('issue --from long.csv');
    expect(stderr).toContain(`line 2 (${'x'.repeat(80)}…): `);
    expect(stderr.length).toBeLessThan(1000);
  });

  it('names in --help the columns that a list may have', async () => {
    const { stdout } = await new Sandbox().run('issue --help');
    expect(stdout).toContain(`Columns of a list: ${issueColumns.join(', ')};`);
  });

  it('shows a person the first twenty bad lines, and says how many more there are', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.write('many.csv', `client\n${Array.from({ length: 30 }, (_, i) => `x y${i}\n`).join('')}`);
    const { stderr } = await sandbox.run('issue --from many.csv');
    expect(stderr.match(/^ {2}line \d+/gm)).toHaveLength(20);
    expect(stderr).toContain('  and 10 more, which --json names\n');
  });

  it.each([
    ['issue billing --from c.csv', '--from and a client exclude each other'],
    ['issue --from c.csv --dns a.example', '--from and --dns exclude each other'],
    ['issue --from c.csv --again', '--from and --again exclude each other'],
    ['issue --from c.csv --p12-password-file x', '--from and --p12-password-file exclude each other'],
    ['issue billing --format csv', '--format needs --from'],
    ['issue --from c.xlsx', 'the name "c.xlsx" does not tell a format'],
    ['revoke billing --from c.csv', '--from and a target exclude each other'],
    ['revoke billing --format csv', '--format needs --from'],
  ])('refuses %s', async (line, message) => {
    const { exitCode, stderr } = await new Sandbox().run(line);
    expect({ exitCode, first: stderr.split('\n')[0] }).toEqual({ exitCode: 2, first: `ca: ${message}` });
  });

  it('does nothing in a dry run', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.write('clients.csv', clientsCsv);
    const { stdout, stderr } = await sandbox.run('issue --from clients.csv --dry-run');
    expect(stdout).toContain('would have issued a certificate to north, until 2026-12-22 (in 30 days)\n');
    expect(stderr).toBe('nothing was done\n');
    expect(existsSync(sandbox.path('home', 'clients', 'south'))).toBe(false);
  });
});

describeWith('openssl')('ca issue --from, with openssl', () => {
  it('signs the requests of a list, which lie beside it', () => {
    const field = FaultField.withAuthority('--no-passphrase');
    const { status } = spawnSync(
      'openssl',
      [
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        'k',
        '-subj',
        '/CN=x',
        '-out',
        'x.csr',
      ],
      { ...childLimits, cwd: field.directory },
    );
    expect(status).toBe(0);
    writeFileSync(
      field.path('list.jsonl'),
      '{"client":"own","csr":"x.csr"}\n{"client":"lost","csr":"y.csr"}\n',
    );
    expect(field.run(['issue', '--from', 'list.jsonl'], { cwd: '/' }).exitCode).toBe(3);
    const { exitCode, stdout } = field.run(['--json', 'issue', '--from', field.path('list.jsonl')], {
      cwd: '/',
    });
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout).error.faults).toMatchObject([
      { line: 2, name: 'lost', code: 'store/not-found' },
    ]);
    writeFileSync(field.path('list.jsonl'), '{"client":"own","csr":"x.csr"}\n');
    const { issued } = field.do('issue', '--from', 'list.jsonl');
    expect(issued[0].files.privateKey).toBeUndefined();
  });

  it('is resumed with 2,000 clients after SIGKILL, has no certificate outside the record, and two for nobody', async () => {
    const field = FaultField.withAuthority('--no-passphrase');
    const clients = Array.from({ length: 2000 }, (_, index) => `client-${index}`);
    writeFileSync(
      field.path('clients.csv'),
      `client,dns\n${clients.map((name) => `${name},${name}.example\n`).join('')}`,
    );
    const args = [shippedCli, '--home', field.home, 'issue', '--from', field.path('clients.csv'), '--quiet'];
    const killed = spawn(process.execPath, args, { env: cliEnvironment(), stdio: 'ignore' });
    const ended = new Promise<NodeJS.Signals | null>((resolve) => {
      killed.on('exit', (_, signal) => resolve(signal));
    });
    // In the midst of the deliveries of a group.
    while (killed.exitCode === null && inPlace(field.home).length < 300)
      await new Promise((resolve) => setTimeout(resolve, 5));
    killed.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    const early = inPlace(field.home);
    expect(early.length).toBeLessThan(2000);
    const recorded = issuedIn(field.home);
    for (const client of early) expect([...recorded.keys()]).toContain(client);

    const { issued, delivered, skipped, failed } = field.do('issue', '--from', 'clients.csv');
    expect(failed).toEqual([]);
    expect(issued.length + delivered.length + skipped.length).toBe(2000);
    expect(delivered.length + skipped.length).toBe(recorded.size);
    const after = issuedIn(field.home);
    expect(new Set(after.keys())).toEqual(new Set(clients));
    expect([...after.values()].filter((count) => count !== 1)).toEqual([]);
    expect(inPlace(field.home)).toHaveLength(2000);
    for (const client of [clients[0], early.at(-1), clients[1999]]) {
      const place = join(field.home, 'clients', client ?? '');
      const { exitCode, text } = judge('openssl', [
        'verify',
        '-x509_strict',
        '-purpose',
        'sslclient',
        '-CAfile',
        join(field.home, 'ca.crt'),
        join(place, `${client}.crt`),
      ]);
      expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
      const spki = (...more: readonly string[]) => judge('openssl', more).text;
      expect(spki('pkey', '-in', join(place, `${client}.key`), '-pubout')).toBe(
        spki('x509', '-in', join(place, `${client}.crt`), '-noout', '-pubkey'),
      );
    }
    expect(field.do('ledger', 'verify').findings).toEqual([]);
    expect(field.do('status').undelivered).toEqual([]);
  }, 180_000);
});

describe('ca revoke --from', () => {
  it('revokes all that a list names on one CRL, and says what was revoked already', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.write('clients.csv', 'client\na\nb\nc\nd\n');
    const { issued } = await sandbox.json<{ issued: { serial: string; files: { certificate: string } }[] }>(
      'issue --from clients.csv',
    );
    await sandbox.run('revoke d');
    sandbox.write('c.crt', readFileSync(issued[2]?.files.certificate ?? ''));
    sandbox.write(
      'leavers.csv',
      `target,reason,compromised-at\na,keyCompromise,2026-11-20\n${issued[1]?.serial},,\n./c.crt,superseded,\nd,,\n`,
    );
    expect(await sandbox.json('revoke --from leavers.csv --reason affiliationChanged')).toMatchObject({
      revoked: [
        { client: 'a', reason: 'keyCompromise' },
        { client: 'b', reason: 'affiliationChanged' },
        { client: 'c', reason: 'superseded' },
      ],
      already: [{ client: 'd', reason: 'unspecified' }],
      crl: { entries: 4 },
    });
    const lines = readFileSync(sandbox.path('home', 'ledger', '00000001.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines.slice(-4).map((line) => JSON.parse(line).type)).toEqual([
      'revoked',
      'revoked',
      'revoked',
      'crl-published',
    ]);
    const { stdout } = await sandbox.run('revoke --from leavers.csv');
    expect(stdout).toContain('was revoked already, now (keyCompromise)\n');
  });

  it('quotes the beginning alone of a line that is a whole file by mistake', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.write('leavers.txt', `a\n${'x'.repeat(100_000)}\n`);
    const { exitCode, stderr } = await sandbox.run('revoke --from leavers.txt');
    expect(exitCode).toBe(3);
    expect(stderr).toContain(`there is no client, certificate or file "${'x'.repeat(80)}…"\n`);
    expect(stderr.length).toBeLessThan(1000);
  });

  it('takes certificates in that the ledger lost, and is told in the list whose they are', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('backup ca.tar');
    await sandbox.run(['issue', 'partner', '--subject', 'CN=Partner Ltd', '--out', 'out']);
    rmSync(sandbox.home, { recursive: true });
    await sandbox.run('restore ca.tar');
    sandbox.write('leavers.csv', 'target,client\nout/partner.crt,\n');
    expect(await sandbox.json<{ error: object }>('revoke --from leavers.csv', 3)).toMatchObject({
      error: { faults: [{ line: 2, name: 'out/partner.crt' }] },
    });
    sandbox.write('leavers.csv', 'target,client\nout/partner.crt,partner\n');
    expect(await sandbox.json('revoke --from leavers.csv')).toMatchObject({
      adopted: [{ client: 'partner' }],
      revoked: [{ client: 'partner' }],
    });
    sandbox.write('leavers.csv', 'target,client\npartner,partner\n');
    expect(await sandbox.json<{ error: object }>('revoke --from leavers.csv', 3)).toMatchObject({
      error: { faults: [{ message: 'client is for the file of a certificate that the ledger lost' }] },
    });
  });

  it('takes one name a line, as text', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue a');
    await sandbox.run('issue b');
    sandbox.write('leavers.txt', 'a\r\nb\r\n');
    expect((await sandbox.run('revoke --from leavers.txt --dry-run')).stdout).toContain('would revoke');
    expect(await sandbox.json('revoke --from leavers.txt')).toMatchObject({
      revoked: [{ client: 'a' }, { client: 'b' }],
    });
  });

  it('names every bad line, and changes nothing', () => {
    const field = FaultField.withAuthority('--no-passphrase');
    field.do('issue', 'a');
    field.do('issue', 'b');
    writeFileSync(
      field.path('leavers.jsonl'),
      [
        '{"target":"a"}',
        '{"target":"nobody"}',
        '{"target":"b","reason":"boredom"}',
        '{"target":"b","compromised-at":"soon"}',
        '{"target":"b","compromised-at":"2199-01-01"}',
        '{"target":"a","reason":"keyCompromise"}',
        '{"target":"0102030405060708090a"}',
      ].join('\n'),
    );
    writeFileSync(field.path('gaps.txt'), 'a\n\nb\n');
    const before = field.files();
    const faultsOf = (list: string) => {
      const { exitCode, stdout } = field.run(['--json', 'revoke', '--from', list]);
      expect(exitCode).toBe(3);
      return JSON.parse(stdout).error.faults.map((fault: { line: number; code: string }) => [
        fault.line,
        fault.code,
      ]);
    };
    expect(faultsOf('leavers.jsonl')).toEqual([
      [2, 'ledger/unknown-client'],
      [3, 'core/invalid-reason'],
      [4, 'core/invalid-instant'],
      [5, 'core/invalid-instant'],
      [6, 'core/invalid-list'],
      [7, 'ledger/unknown-serial'],
    ]);
    expect(faultsOf('gaps.txt')).toEqual([[2, 'core/invalid-list']]);
    expect(field.files()).toEqual(before);
  });

  it('is not kept from a client by a pipe or a huge file that is called like it', () => {
    const field = FaultField.withAuthority('--no-passphrase');
    for (const client of ['pipe', 'huge', 'listed']) field.do('issue', client);
    expect(judge('mkfifo', [field.path('pipe'), field.path('listed')]).exitCode).toBe(0);
    writeFileSync(field.path('huge'), Buffer.alloc(2 << 20));
    writeFileSync(field.path('list.txt'), 'listed\n');
    expect(field.run(['revoke', 'pipe', '--yes']).exitCode).toBe(0);
    expect(field.run(['revoke', 'huge', '--yes']).exitCode).toBe(0);
    expect(field.run(['revoke', '--from', 'list.txt', '--yes']).exitCode).toBe(0);
    const { exitCode, stderr } = field.run(['revoke', './huge', '--yes']);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('more than 1,048,576 octets');
  });

  it('names a line with a NUL', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.write('leavers.txt', 'a\0b\n');
    const { exitCode, stderr } = await sandbox.run('revoke --from leavers.txt');
    expect(exitCode).toBe(3);
    expect(stderr).toContain('line 1: "target" holds the control character U+0000');
  });

  it('asks a person once for all of them', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    sandbox.write('clients.csv', `client\n${Array.from({ length: 7 }, (_, i) => `c${i}\n`).join('')}`);
    await sandbox.run('issue --from clients.csv');
    sandbox.write('leavers.txt', Array.from({ length: 7 }, (_, i) => `c${i}\n`).join(''));
    const refused = await sandbox.run('revoke --from leavers.txt', { keys: 'n\r', terminal: true });
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain('Revoke 7 certificates of 7 clients? It cannot be undone.');
    expect((await sandbox.run('revoke --from leavers.txt', { keys: 'y\r', terminal: true })).exitCode).toBe(
      0,
    );
  });
});

/** The clients whose certificate is in place. */
function inPlace(home: string): string[] {
  const clients = join(home, 'clients');
  if (!existsSync(clients)) return [];
  return readdirSync(clients).filter((name) => existsSync(join(clients, name, `${name}.crt`)));
}

/** How many certificates each client has on record, read by hand. */
function issuedIn(home: string): Map<string, number> {
  const counts = new Map<string, number>();
  const text = readFileSync(join(home, 'ledger', '00000001.jsonl'), 'utf8');
  for (const line of text.slice(0, text.lastIndexOf('\n')).split('\n')) {
    const { type, client } = JSON.parse(line);
    if (type === 'issued') counts.set(client, (counts.get(client) ?? 0) + 1);
  }
  return counts;
}
