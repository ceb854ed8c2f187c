import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { issuedFiles, Sandbox } from './sandbox.ts';

describe('a dry run', () => {
  it.each([
    ['init', 'init --name Other --no-passphrase --home other', 'would make'],
    ['issue', 'issue new --out out', 'would issue'],
    ['issue to a client that has a certificate', 'issue billing --again --p12', 'would issue'],
    ['issue --from', 'issue --from clients.csv', 'would have issued'],
    ['revoke', 'revoke billing', 'would revoke'],
    ['revoke --from', 'revoke --from leavers.txt', 'would revoke'],
    ['crl', 'crl --out web', 'would publish'],
    ['renew, of what is due and `chain.crt`', 'renew --jitter 10m', 'would have renewed'],
    ['renew --force', 'renew billing --force', 'would have renewed'],
    ['export', 'export billing --format p12 --p12-password-file passphrase --out billing.p12', 'would write'],
    ['ledger head', 'ledger head --out it.head', 'would write'],
    ['ledger adopt', 'ledger adopt lost.crt', 'would adopt'],
    ['backup', 'backup ca.tar', 'would back up'],
    ['restore', 'restore old.tar --home other', 'would restore'],
    ['passphrase', 'passphrase --new-passphrase-file passphrase', 'would change'],
  ])('of ca %s leaves all files as they are, locks too', async (_, line, said) => {
    const sandbox = await makeSandbox();
    const before = files(sandbox.directory);
    const { exitCode, stdout, stderr } = await sandbox.run(`${line} --dry-run`);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(`${stdout}${stderr}`).toContain(said);
    expect(files(sandbox.directory)).toEqual(before);
  });
});

/** An authority in which much is to be done: a certificate is due, another is lost, `chain.crt` is gone, and a writer has died. */
async function makeSandbox(): Promise<Sandbox> {
  const sandbox = new Sandbox();
  await sandbox.init('--two-tier');
  await sandbox.run('issue billing');
  await sandbox.run('issue short --validity 10d');
  await sandbox.run('backup old.tar');
  cpSync(join(sandbox.home, 'ledger'), sandbox.path('ledger'), { recursive: true });
  await sandbox.run('issue lost --out lost');
  cpSync(sandbox.path('lost', 'lost.crt'), sandbox.path('lost.crt'));
  rmSync(join(sandbox.home, 'ledger'), { recursive: true });
  cpSync(sandbox.path('ledger'), join(sandbox.home, 'ledger'), { recursive: true });
  appendFileSync(join(sandbox.home, 'ledger', '00000001.jsonl'), '{"seq":');
  rmSync(join(sandbox.home, 'chain.crt'));
  sandbox.write('clients.csv', 'client\nbilling\na\nb\n');
  sandbox.write('leavers.txt', `billing\n./home/${issuedFiles.certificate.replaceAll('billing', 'short')}\n`);
  sandbox.write('passphrase', 'correct horse battery');
  sandbox.now = new Date('2026-11-30T09:30:00Z');
  return sandbox;
}

/** Everything in that directory: its mode, when it was written, and for files what they hold. */
function files(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(names.map((name) => [name, describeFile(join(directory, name))]));
}

function describeFile(path: string): string {
  const { mode, mtimeNs } = lstatSync(path, { bigint: true });
  const isFile = lstatSync(path).isFile();
  const content = isFile ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
  return `${mode.toString(8)} ${mtimeNs} ${content}`;
}
