import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Sandbox, settle } from './sandbox.ts';

const ledger = 'home/ledger/00000001.jsonl';
const dayMs = 24 * 60 * 60 * 1000;

async function openSandbox(): Promise<Sandbox> {
  const sandbox = new Sandbox();
  await sandbox.init('--key', 'ed25519');
  await sandbox.run('issue billing');
  return sandbox;
}

/** Keeps today's head in a file beside the home. */
async function keep(sandbox: Sandbox, name: string): Promise<string> {
  const { exitCode } = await sandbox.run(['ledger', 'head', '--out', name]);
  expect(exitCode).toBe(0);
  return sandbox.read(name);
}

describe('ca ledger head', () => {
  it('prints seven lines that a person can read and a script can keep', async () => {
    const sandbox = await openSandbox();
    const { exitCode, stdout, stderr } = await sandbox.run('ledger head --quiet');
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(settle(stdout, sandbox).replace(/(key|signature): \S+/g, '$1: <$1>')).toMatchInlineSnapshot(`
      "private-ca ledger head v1
      authority: Acme API CA
      seq: 5
      hash: <sha256>
      time: 2026-11-22T09:30:00Z
      key: <key>
      signature: <signature>
      "
    `);
    const last = sandbox.read(ledger).trimEnd().split('\n').at(-1) ?? '';
    expect(stdout).toContain(createHash('sha256').update(last).digest('hex'));
  });

  it('writes the same octets into a new file, and replaces none', async () => {
    const sandbox = await openSandbox();
    const { stdout: printed } = await sandbox.run('ledger head');
    const { stdout } = await sandbox.run('ledger head --out kept/today.head');
    expect(settle(stdout, sandbox)).toBe(
      "wrote the head of the ledger's 5 entries to /tmp/kept/today.head\n",
    );
    expect(sandbox.read('kept/today.head')).toBe(printed);
    const again = await sandbox.run('ledger head --out kept/today.head');
    expect([again.exitCode, again.stdout]).toEqual([3, '']);
    expect(again.stderr).toContain('today.head exists already');
  });

  it('writes nothing in a dry run', async () => {
    const sandbox = await openSandbox();
    const { stdout, stderr } = await sandbox.run('ledger head --out it.head --dry-run');
    expect(settle(stdout, sandbox)).toBe("would write the head of the ledger's 5 entries to /tmp/it.head\n");
    expect([stderr, existsSync(sandbox.path('it.head'))]).toEqual(['nothing was done\n', false]);
  });

  it('gives its parts and its text as JSON', async () => {
    const sandbox = await openSandbox();
    const { stdout: text } = await sandbox.run('ledger head');
    expect(await sandbox.json('ledger head --out it.head')).toEqual({
      authority: 'Acme API CA',
      seq: 5,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      time: '2026-11-22T09:30:00Z',
      key: expect.stringMatching(/^[0-9a-f]{40}$/),
      signature: expect.stringMatching(/^[\w+/]+=*$/),
      text,
      file: sandbox.path('it.head'),
    });
  });

  it('needs the passphrase, and makes no file without it', async () => {
    const sandbox = new Sandbox();
    const passphrase = sandbox.write('passphrase', 'correct horse battery\n');
    await sandbox.run(['init', '--name', 'Acme API CA', '--passphrase-file', passphrase]);
    const { exitCode, stderr } = await sandbox.run('ledger head --out it.head');
    expect([exitCode, existsSync(sandbox.path('it.head'))]).toEqual([2, false]);
    expect(stderr).toContain('there is no terminal to ask on');
    expect((await sandbox.run(['ledger', 'head', '--passphrase-file', passphrase])).exitCode).toBe(0);
  });
});

describe('ca ledger verify --head', () => {
  it('proves that the ledger goes on from each head', async () => {
    const sandbox = await openSandbox();
    await keep(sandbox, 'one.head');
    await sandbox.run('issue shipping');
    await keep(sandbox, 'two, or more.head');
    await sandbox.run('revoke billing');
    const { exitCode, stdout } = await sandbox.run([
      'ledger',
      'verify',
      '--head',
      sandbox.path('one.head'),
      sandbox.path('two, or more.head'),
    ]);
    expect(exitCode).toBe(0);
    expect(settle(stdout, sandbox)).toMatchInlineSnapshot(`
      "the ledger is whole
        entries       10
        certificates  2
        revocations   1
        head          <sha256>
        kept heads    3 of 3 extended
      "
    `);
  });

  it('finds that the whole home was rolled back to an old copy and went on (issue 3)', async () => {
    const sandbox = await openSandbox();
    cpSync(sandbox.home, sandbox.path('copy'), { recursive: true, verbatimSymlinks: true });
    sandbox.now = new Date(sandbox.now.getTime() + dayMs);
    await sandbox.run('issue shipping');
    await sandbox.run('revoke billing');
    await keep(sandbox, 'kept.head');
    cpSync(sandbox.path('home/crl/ledger.head'), sandbox.path('beside-the-crl.head'));

    rmSync(sandbox.home, { recursive: true });
    cpSync(sandbox.path('copy'), sandbox.home, { recursive: true, verbatimSymlinks: true });
    const heads = ['--head', sandbox.path('kept.head'), '--head', sandbox.path('beside-the-crl.head')];
    expect((await sandbox.run('ledger verify')).exitCode).toBe(0);
    const shorter = await sandbox.run(['ledger', 'verify', ...heads]);
    expect(shorter.exitCode).toBe(1);
    expect(shorter.stdout).toContain(
      'the ledger ends at entry 5, and ' +
        `${sandbox.path('kept.head')} was signed over entry 10 at 2026-11-23T09:30:00Z: the 5 entries after it are missing`,
    );

    sandbox.now = new Date(sandbox.now.getTime() + dayMs);
    for (const client of ['thief', 'thieves']) await sandbox.run(`issue ${client}`);
    await sandbox.run('crl');
    expect((await sandbox.run('ledger verify')).exitCode).toBe(0);
    expect((await sandbox.run('status')).exitCode).toBe(0);
    const { exitCode, stdout } = await sandbox.run(['ledger', 'verify', ...heads]);
    expect(exitCode).toBe(1);
    expect(settle(stdout, sandbox)).toMatchInlineSnapshot(`
      "the ledger is not whole: 2 findings
        entry 10 is not what it was when /tmp/kept.head was signed over entry 10 at 2026-11-23T09:30:00Z: history was rewritten at or before that entry; from entry 6 on the ledger is younger than that head: an older copy was put back, and went on (ledger/rewritten)
        entry 10 is not what it was when /tmp/beside-the-crl.head was signed over entry 10 at 2026-11-23T09:30:00Z: history was rewritten at or before that entry; from entry 6 on the ledger is younger than that head: an older copy was put back, and went on (ledger/rewritten)
        entries       12
        certificates  3
        revocations   0
        head          <sha256>
        kept heads    1 of 3 extended
      "
    `);
  });

  it('finds a ledger whose end was cut off, also by the head beside the CRL alone', async () => {
    const sandbox = await openSandbox();
    await sandbox.run('revoke billing');
    const lines = sandbox.read(ledger).split('\n');
    sandbox.write(ledger, `${lines.slice(0, 5).join('\n')}\n`);
    for (const command of ['ledger verify', 'status']) {
      const { exitCode, stdout } = await sandbox.run(command);
      expect(exitCode).toBe(1);
      expect(settle(stdout, sandbox)).toContain(
        'the ledger ends at entry 5, and /tmp/home/crl/ledger.head was signed over entry 7 at 2026-11-22T09:30:00Z: the 2 entries after it are missing',
      );
    }
  });

  it('finds an entry that was rewritten although the chain was closed again (issue 3)', async () => {
    const sandbox = await openSandbox();
    await keep(sandbox, 'kept.head');
    let prev = '';
    const rewritten = sandbox
      .read(ledger)
      .trimEnd()
      .split('\n')
      .map((line) => {
        const entry = JSON.parse(line);
        if (entry.type === 'client-added') entry.time = '2026-11-21T09:30:00.000Z';
        const text = JSON.stringify(prev === '' ? entry : { ...entry, prev });
        prev = createHash('sha256').update(text).digest('hex');
        return text;
      });
    sandbox.write(ledger, `${rewritten.join('\n')}\n`);
    expect((await sandbox.run('ledger verify')).stdout).toContain(
      `entry 5 is not what it was when ${sandbox.path('home/ledger.head')} was signed over entry 5`,
    );
    // Who may do that may put an older head there, or none.
    rmSync(sandbox.path('home/ledger.head'));
    expect((await sandbox.run('ledger verify')).exitCode).toBe(0);
    const { exitCode, stdout } = await sandbox.run('ledger verify --head kept.head');
    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      'entry 5 is not what it was when kept.head was signed over entry 5 at 2026-11-22T09:30:00Z: ' +
        'history was rewritten after entry 2, and at or before that entry (ledger/rewritten)',
    );
  });

  it('finds a head of another authority', async () => {
    const [sandbox, other] = [await openSandbox(), await openSandbox()];
    sandbox.write('other.head', await keep(other, 'it.head'));
    const { findings } = await sandbox.json<{ findings: { code: string }[] }>(
      'ledger verify --head other.head',
      1,
    );
    expect(findings).toMatchObject([{ code: 'ledger/foreign-head' }]);
  });

  it.each([
    ['ledger verify --head nowhere.head', 3, 'there is no file nowhere.head'],
    ['ledger verify --head home', 3, 'there is no file home'],
    ['ledger verify --head home/ca.crt', 3, 'home/ca.crt is not the signed head of a ledger'],
    ['ledger verify --head', 2, "option '--head <files...>' argument missing"],
  ])('refuses: ca %s', async (words, exitCode, message) => {
    const sandbox = await openSandbox();
    const outcome = await sandbox.run(words);
    expect([outcome.exitCode, outcome.stdout]).toEqual([exitCode, '']);
    expect(outcome.stderr).toContain(message);
  });
});

describe('the head beside the CRL', () => {
  it('comes with each CRL, and is copied with it', async () => {
    const sandbox = await openSandbox();
    expect(sandbox.read('home/crl/ledger.head')).toContain('\nseq: 2\n');
    await sandbox.run('crl --out copy');
    expect(sandbox.read('home/crl/ledger.head')).toContain('\nseq: 6\n');
    expect(sandbox.read('copy/ledger.head')).toBe(sandbox.read('home/crl/ledger.head'));
    expect(sandbox.mode('home/crl/ledger.head')).toBe('644');
    expect((await sandbox.run('ledger verify --head copy/ledger.head')).exitCode).toBe(0);
  });

  it('is set aside when the ledger alone was put back from an old copy, and the next CRL says so', async () => {
    const sandbox = await openSandbox();
    const old = sandbox.read(ledger);
    await sandbox.run('revoke billing');
    const lost = sandbox.read('home/crl/ledger.head');
    sandbox.write(ledger, old);
    const { exitCode, stderr } = await sandbox.run('crl --quiet');
    expect(exitCode).toBe(1);
    const [name = ''] = readdirSync(sandbox.path('home/crl')).filter((each) => each.startsWith('lost-'));
    expect(settle(stderr, sandbox)).toBe(
      'ca: the ledger ends at entry 5, and /tmp/home/crl/ledger.head was signed over entry 7 at 2026-11-22T09:30:00Z: the 2 entries after it are missing\n' +
        `  hint: find out who put an older ledger there, and restore the newer one; the proof is in /tmp/home/crl/${name}\n`,
    );
    expect(sandbox.read('home/crl', name)).toBe(lost);
    expect((await sandbox.run('ledger verify')).exitCode).toBe(0);
    expect((await sandbox.run(`ledger verify --head home/crl/${name}`)).exitCode).toBe(1);
  });

  it.each(['crl', 'revoke billing'])('makes ca %s exit 1 once for that, when it is done', async (words) => {
    const sandbox = await openSandbox();
    const old = sandbox.read(ledger);
    await sandbox.run('revoke billing');
    sandbox.write(ledger, old);
    expect(await sandbox.json(words, 1)).toMatchObject(
      words === 'crl'
        ? { rollback: { code: 'ledger/rolled-back' }, entries: 1 }
        : { crl: { rollback: { code: 'ledger/rolled-back' }, entries: 1 } },
    );
    expect((await sandbox.run(words)).exitCode).toBe(0);
  });

  it('makes ca renew exit 1 once for that, and say it as JSON', async () => {
    const sandbox = await openSandbox();
    const old = sandbox.read(ledger);
    await sandbox.run('revoke billing');
    sandbox.write(ledger, old);
    const { failed, crl } = await sandbox.json<{ failed: object[]; crl: { rollback: object } }>('renew', 1);
    expect(failed).toMatchObject([{ code: 'ledger/rolled-back' }]);
    expect(crl.rollback).toEqual({
      code: 'ledger/rolled-back',
      message: expect.any(String),
      head: expect.stringMatching(/crl\/lost-7-[0-9a-f]{8}\.head$/),
      hint: expect.any(String),
    });
    expect((await sandbox.run('renew')).exitCode).toBe(0);
  });
});
