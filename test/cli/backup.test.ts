import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Sandbox, settle } from './sandbox.ts';

/** Text without the sizes that differ from key to key. */
function settled(text: string, sandbox: Sandbox): string {
  return settle(text, sandbox).replace(/[\d,]+ octets/, '<n> octets');
}

describe('ca backup', () => {
  it('says what is in it, what is not, and that it is as secret as the keys', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    await sandbox.run('issue orders --out orders');
    const { exitCode, stdout, stderr } = await sandbox.run('backup ca.tar');
    expect(exitCode).toBe(0);
    expect(sandbox.mode('ca.tar')).toBe('600');
    expect(settled(stdout, sandbox)).toMatchInlineSnapshot(`
      "backed up the authority "Acme API CA"
        file        /tmp/ca.tar
        size        <n> octets in 14 files
        encrypted   no, a plain tar
        ledger      8 entries, head <sha256>
        keys        root NOT encrypted
        deliveries  of 1 client, with their keys
        not in it   files of 1 client that went elsewhere (--out)
      "
    `);
    expect(settled(stderr, sandbox)).toMatchInlineSnapshot(`
      "the file is not encrypted and holds a CA key that is not encrypted and clients' keys: keep it as secret as them, or use --encrypt
      try it: ca restore --check /tmp/ca.tar
      "
    `);
  });

  it('asks twice for a passphrase, and the drill once', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const { stdout, stderr } = await sandbox.run('backup ca.age --encrypt', {
      keys: 'a long passphrase\ra long passphrase\r',
    });
    expect(stdout).toContain('encrypted   yes, in the age format');
    expect(stderr).toMatch(/^New passphrase for the backup: \nThe same again: \n/);
    expect(sandbox.read('ca.age')).toMatch(/^age-encryption\.org\/v1\n-> scrypt /);
    const drill = await sandbox.run('restore ca.age --check', { keys: 'a long passphrase\r' });
    expect(drill.exitCode).toBe(0);
    expect(drill.stderr).toMatch(/^Passphrase of the backup: \n/);
  });

  it('gives its facts as JSON, and in a dry run writes nothing', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    const facts = {
      file: sandbox.path('ca.tar'),
      encrypted: false,
      createdAt: '2026-11-22T09:30:00Z',
      authority: { name: 'Acme API CA', fingerprint: expect.any(String) },
      head: { seq: 2, hash: expect.any(String) },
      files: 9,
      keys: [{ issuer: 'root', state: 'plain' }],
      deliveries: 0,
      elsewhere: 0,
      missing: [],
    };
    expect(await sandbox.json('backup ca.tar --dry-run')).toEqual(facts);
    expect(existsSync(sandbox.path('ca.tar'))).toBe(false);
    expect(await sandbox.json('backup ca.tar')).toEqual({ ...facts, octets: expect.any(Number) });
  });
});

describe('ca restore', () => {
  it('makes the authority again, and says what the backup cannot know', async () => {
    const sandbox = new Sandbox();
    await sandbox.init('--two-tier');
    await sandbox.run('issue billing');
    await sandbox.run('backup ca.tar');
    const before = sandbox.read('home', 'ledger', '00000001.jsonl');
    rmSync(sandbox.home, { recursive: true });
    sandbox.now = new Date('2026-11-25T09:30:00Z');
    expect((await sandbox.run('restore ca.tar --dry-run')).stdout).toContain('would restore');
    expect(existsSync(sandbox.home)).toBe(false);
    const { exitCode, stdout, stderr } = await sandbox.run('restore ca.tar');
    expect(exitCode).toBe(0);
    expect(sandbox.read('home', 'ledger', '00000001.jsonl')).toBe(before);
    expect(settle(stdout, sandbox)).toMatchInlineSnapshot(`
      "restored the authority "Acme API CA"
        home         /tmp/home
        fingerprint  <sha256>
        as of        2026-11-22T09:30:00Z (3 days ago)
        ledger       6 entries, head <sha256>
        keys         root NOT encrypted, issuing NOT encrypted
        deliveries   of 1 client
      "
    `);
    expect(settle(stderr, sandbox)).toMatchInlineSnapshot(`
      "
      next, for what happened after the backup:
        keep what was revoked since then   put the newest ca.crl that a server has in /tmp/home/crl/ca.crl
        publish a list of today            ca crl
        take certificates back in          ca ledger adopt FILE
        never run the old one again        two copies of one authority know nothing of each other
      "
    `);
    expect((await sandbox.run('verify home/clients/billing/billing.crt')).exitCode).toBe(0);
  });

  it('answers each check of the drill as a line, and no with exit code 1', async () => {
    const sandbox = new Sandbox();
    sandbox.write('pass', 'a long passphrase\n');
    await sandbox.run(['init', '--name', 'Acme API CA', '--passphrase-file', sandbox.path('pass')]);
    await sandbox.run('backup ca.tar');
    rmSync(sandbox.path('home', 'crl', 'ca.crl'));
    await sandbox.run('backup bad.tar');
    const good = await sandbox.run([
      'restore',
      '--check',
      'ca.tar',
      '--passphrase-file',
      sandbox.path('pass'),
    ]);
    expect({ ...good, stdout: settle(good.stdout, sandbox) }).toMatchInlineSnapshot(`
      {
        "exitCode": 0,
        "stderr": "made now, with the deliveries of 0 clients; nothing was written
      ",
        "stdout": "yes, the authority "Acme API CA" can be restored from it and work
        ok  archive   9 files, each as it was on 2026-11-22T09:30:00Z
        ok  settings  ca.json is sound
        ok  chain     the root signed itself
        ok  ledger    unbroken to entry 2 of 2026-11-22T09:30:00Z, with 0 certificates
        ok  crl       ca.crl with number 1795339800000, as the ledger has it
        ok  keys      keys/root.key opens and fits its certificate
      ",
      }
    `);
    const bad = await sandbox.run('restore --check bad.tar', {
      environment: { CA_PASSPHRASE: 'another one' },
    });
    expect({ ...bad, stdout: settle(bad.stdout, sandbox) }).toMatchInlineSnapshot(`
      {
        "exitCode": 1,
        "stderr": "made now, with the deliveries of 0 clients; nothing was written
      ",
        "stdout": "no, the authority "Acme API CA" cannot be restored from it and work
        ok  archive   8 files, each as it was on 2026-11-22T09:30:00Z
        ok  settings  ca.json is sound
        ok  chain     the root signed itself
        ok  ledger    unbroken to entry 2 of 2026-11-22T09:30:00Z, with 0 certificates
        NO  crl       crl/ca.crl is not in it
        NO  keys      keys/root.key: the passphrase does not open the private key
      ",
      }
    `);
  });
});

describe('ca ledger adopt', () => {
  it('takes back what was issued after the backup, also on the way to revoke it', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('backup ca.tar');
    for (const client of ['billing', 'orders']) await sandbox.run(`issue ${client} --out out/${client}`);
    rmSync(sandbox.home, { recursive: true });
    await sandbox.run('restore ca.tar');
    const shown = await sandbox.json<{ error: object }>('show out/billing/billing.crt', 3);
    expect(shown.error).toMatchObject({ code: 'ledger/not-recorded' });
    const { stdout, stderr } = await sandbox.run('ledger adopt out/billing/billing.crt');
    expect(settle(stdout + stderr, sandbox)).toMatchInlineSnapshot(`
      "adopted <serial> of billing, a client that the ledger did not know, valid until 2027-02-20
      nobody knows where its files go: ca issue billing --again --out DIR, to have it renewed
      "
    `);
    expect(await sandbox.json('show billing')).toMatchObject({ certificates: [{ status: 'active' }] });
    const revoked = await sandbox.run('revoke out/orders/orders.crt --reason keyCompromise');
    expect(revoked.exitCode).toBe(0);
    expect(settle(revoked.stdout, sandbox).split('\n').slice(0, 2)).toMatchInlineSnapshot(`
      [
        "took <serial> of orders into the ledger, which did not know it: it is ours",
        "revoked <serial> of orders (keyCompromise)",
      ]
    `);
    expect((await sandbox.run('ledger verify')).exitCode).toBe(0);
  });

  it('takes back a revocation that the CRL in place carries, and says so', async () => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing --out out/first');
    await sandbox.run('backup ca.tar');
    await sandbox.run('issue billing --again --out out/billing');
    await sandbox.run('revoke ./out/billing/billing.crt --reason keyCompromise');
    const newest = readFileSync(join(sandbox.home, 'crl/ca.crl'));
    rmSync(sandbox.home, { recursive: true });
    await sandbox.run('restore ca.tar');
    writeFileSync(join(sandbox.home, 'crl/ca.crl'), newest);
    await sandbox.run('crl');
    const plan = await sandbox.run('revoke ./out/billing/billing.crt --dry-run');
    expect(settle(plan.stdout, sandbox)).toMatchInlineSnapshot(`
      "would take <serial> of billing into the ledger, which did not know it: it is ours; its revocation too (keyCompromise): the CRL lists it
      <serial> of billing was revoked already, now (keyCompromise)
      "
    `);
    expect(await sandbox.json('ledger adopt out/billing/billing.crt --dry-run')).toMatchObject({
      revoked: { reason: 'keyCompromise', because: 'on-crl' },
    });
    const { stdout, stderr } = await sandbox.run('ledger adopt out/billing/billing.crt');
    expect(settle(stdout + stderr, sandbox)).toMatchInlineSnapshot(`
      "adopted <serial> of billing, valid until 2027-02-20
      recorded its revocation too (keyCompromise): the CRL lists it
      "
    `);
    expect((await sandbox.run('ledger verify')).exitCode).toBe(0);
  });

  it.each([
    ['revoke billing --client billing', '--client needs the file of a certificate'],
    ['revoke --from list.txt --client billing', '--from and --client exclude each other'],
  ])('refuses %s', async (command, message) => {
    const sandbox = new Sandbox();
    await sandbox.init();
    await sandbox.run('issue billing');
    const { error } = await sandbox.json<{ error: object }>(command, 2);
    expect(error).toMatchObject({ code: 'cli/usage', message });
  });
});
