import { execFile } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { FaultField } from '../../support/fault-field.ts';
import { childLimits, cliEnvironment, shippedCli } from '../../support/run-cli.ts';

/** An authority with a client that came after its last CRL: no CRL speaks for the last four lines. */
const field = FaultField.withAuthority('--no-passphrase');
field.do('issue', 'billing');
field.do('revoke', 'billing');
field.do('issue', 'orders');
const beforeHidden = readFileSync(field.path('home/ledger.head'));
field.do('issue', 'hidden');
const record = 'home/ledger/00000001.jsonl';
const lines = readFileSync(field.path(record), 'utf8').split('\n').slice(0, -1);
const last = lines.length;

function withLines(...changed: readonly string[]): FaultField {
  const copy = field.copy();
  writeFileSync(copy.path(record), changed.map((line) => `${line}\n`).join(''));
  return copy;
}

/** What a command says, who must change nothing. */
function look(copy: FaultField, ...args: readonly string[]): { exitCode: number | null; stdout: string } {
  const before = copy.files();
  const { exitCode, stdout } = copy.run(args);
  expect(copy.files()).toEqual(before);
  return { exitCode, stdout: copy.normalize(stdout) };
}

/** The finding of `ca ledger verify`, which `ca status` must have too, though it does not read as far back. */
function finding(copy: FaultField): string {
  const verify = look(copy, 'ledger', 'verify', '--json');
  const { findings } = JSON.parse(verify.stdout);
  expect([verify.exitCode, findings.length]).toEqual([1, 1]);
  const [{ code, message }] = findings;
  const { exitCode, stdout } = look(copy, 'status', '--json');
  const [problem] = JSON.parse(stdout).problems;
  expect([exitCode, problem]).toEqual([1, expect.stringContaining(message.split(': history')[0])]);
  expect(problem).toMatch(/; run: ca ledger verify$/);
  return `${code}: ${message}`;
}

/** Ends the process as SIGKILL does when the head is to be put in place: its entries are on record by then. */
const killAtHead = `
  const disk = require('node:fs');
  const { renameSync } = disk;
  disk.renameSync = (from, to) =>
    to.endsWith('home/ledger.head') ? process.kill(process.pid, 'SIGKILL') : renameSync(from, to);
`;

function notes(copy: FaultField): string[] {
  const { exitCode, stdout } = look(copy, 'ledger', 'verify', '--json');
  expect([exitCode, JSON.parse(stdout).findings]).toEqual([0, []]);
  return JSON.parse(stdout).notes ?? [];
}

describe('after the last CRL, ca ledger verify and ca status find', () => {
  it('nothing in a whole record', () => {
    expect(last).toBe(13);
    expect(notes(field)).toEqual([]);
    expect(look(field, 'status').exitCode).toBe(0);
    expect(statSync(field.path('home/ledger.head')).mode & 0o777).toBe(0o644);
  });

  it('that the last line was removed', () => {
    expect(finding(withLines(...lines.slice(0, -1)))).toMatchInlineSnapshot(
      `"ledger/rolled-back: the ledger ends at entry 12, and <work>/home/ledger.head was signed over entry 13 at <time>: the entry after it is missing"`,
    );
  });

  it('that all lines of a client were removed, as of one that was issued in secret', () => {
    expect(finding(withLines(...lines.slice(0, -3)))).toMatchInlineSnapshot(
      `"ledger/rolled-back: the ledger ends at entry 10, and <work>/home/ledger.head was signed over entry 13 at <time>: the 3 entries after it are missing"`,
    );
  });

  it('that the last line was changed', () => {
    const changed = (lines.at(-1) ?? '').replace(/"time":"\d{4}/, '"time":"2016');
    expect(finding(withLines(...lines.with(-1, changed)))).toMatchInlineSnapshot(
      `"ledger/rewritten: entry 13 is not what it was when <work>/home/ledger.head was signed over entry 13 at <time>: history was rewritten after entry 7, and at or before that entry"`,
    );
  });

  it('that lines were removed and others written in their place', () => {
    const copy = withLines(...lines.slice(0, -3));
    copy.do('issue', 'innocent');
    copy.do('issue', 'another');
    expect(finding(copy)).toMatch(/^ledger\/rewritten: entry 13 is not what it was when .*ledger\.head/);
  });

  it('a head of another authority', () => {
    const [copy, other] = [field.copy(), FaultField.withAuthority('--no-passphrase')];
    copyFileSync(other.path('home/ledger.head'), copy.path('home/ledger.head'));
    expect(finding(copy)).toMatch(
      /^ledger\/foreign-head: <work>\/home\/ledger\.head is a head of "Acme API CA"/,
    );
  });

  it('nothing where an older head was put back with the older record: that takes heads that are kept elsewhere', () => {
    const copy = withLines(...lines.slice(0, -3));
    writeFileSync(copy.path('home/ledger.head'), beforeHidden);
    expect(notes(copy)).toEqual([]);
    copyFileSync(field.path('home/ledger.head'), copy.path('kept.head'));
    expect(copy.run(['ledger', 'verify', '--head', 'kept.head']).exitCode).toBe(1);
  });
});

describe('the latest head', () => {
  it('that the record does not go on from stays until the next CRL, which says so once and sets it aside', () => {
    const copy = withLines(...lines.slice(0, -1));
    const head = readFileSync(copy.path('home/ledger.head'), 'utf8');
    copy.do('issue', 'innocent');
    expect(readFileSync(copy.path('home/ledger.head'), 'utf8')).toBe(head);
    const { exitCode, stdout } = copy.run(['renew', '--json']);
    expect([exitCode, JSON.parse(stdout).failed]).toEqual([0, []]);
    const told = copy.run(['crl', '--json']);
    expect([told.exitCode, JSON.parse(told.stdout).rollback]).toMatchObject([
      1,
      { code: 'ledger/rewritten', head: expect.stringMatching(/crl\/lost-13-[0-9a-f]{8}\.head$/) },
    ]);
    expect(readFileSync(JSON.parse(told.stdout).rollback.head, 'utf8')).toBe(head);
    expect(notes(copy)).toEqual([]);
    expect(copy.run(['crl']).exitCode).toBe(0);
  });

  it('is missed by nobody, and made again by the next command that signs', () => {
    const copy = field.copy();
    rmSync(copy.path('home/ledger.head'));
    expect(look(copy, 'status').exitCode).toBe(0);
    expect(notes(copy)).toEqual([expect.stringContaining('after the last signed head, which is of entry 7')]);
    copy.do('issue', 'new');
    expect(notes(copy)).toEqual([]);
  });

  it.each(['', '\0'.repeat(300), 'private-ca ledger head v1\nauthority: Ac'])(
    'that a power cut has spoiled accuses nobody, and is made again (%j)',
    (octets) => {
      const copy = field.copy();
      writeFileSync(copy.path('home/ledger.head'), octets);
      expect(look(copy, 'status').exitCode).toBe(0);
      expect(notes(copy)[0]).toMatch(
        /home\/ledger\.head is not the signed head of a ledger, as after a power cut/,
      );
      copy.do('issue', 'new');
      expect(notes(copy)).toEqual([]);
    },
  );

  it('is restored with a backup, and speaks for what is in it', () => {
    const copy = field.copy();
    copy.do('backup', 'it.tar');
    copy.do('issue', 'later');
    rmSync(copy.home, { recursive: true });
    copy.do('restore', 'it.tar');
    expect(notes(copy)).toEqual([]);
    expect(look(copy, 'status').exitCode).toBe(0);
    copy.do('issue', 'later');
    expect(notes(copy)).toEqual([]);
  });

  it('is not owed by what takes no key: a delivery that is made up for', () => {
    const copy = field.copy();
    expect(copy.run(['issue', 'late', '--hook', 'test -e open']).exitCode).toBe(3);
    writeFileSync(copy.path('open'), '');
    copy.run(['renew']);
    expect(JSON.parse(copy.run(['status', '--json']).stdout).undelivered).toEqual([]);
    expect(notes(copy)).toEqual([]);
  });

  it('is of the last of two processes that wrote at once', async () => {
    const copy = field.copy();
    const env = { CA_HOME: copy.home };
    const names = ['one', 'two', 'three', 'four'];
    const run = promisify(execFile);
    await Promise.all(
      names.map((name) =>
        run(process.execPath, [shippedCli, 'issue', name], { env: cliEnvironment(env), ...childLimits }),
      ),
    );
    expect(readFileSync(copy.path('home/ledger.head'), 'utf8')).toContain(`\nseq: ${last + 12}\n`);
    expect(notes(copy)).toEqual([]);
  });
});

describe('a command that died', () => {
  it('between record and head leaves a record that is whole, with a note of what no head speaks for', () => {
    const copy = field.copy();
    writeFileSync(copy.path('home/ledger.head'), beforeHidden);
    writeFileSync(
      copy.path(record),
      lines
        .slice(0, -3)
        .map((line) => `${line}\n`)
        .join(''),
    );
    writeFileSync(copy.path('kill.cjs'), killAtHead);
    const env = { NODE_OPTIONS: `--require ${copy.path('kill.cjs')}` };
    expect(copy.run(['issue', 'unlucky'], { env }).exitCode).toBe(null);
    expect(notes(copy)).toMatchInlineSnapshot(`
      [
        "2 entries from entry 11 on (client-added, issued) came after the last signed head, which is of entry 10: a command died before it signed, or somebody else wrote there; look at them with ca ledger export, then have them signed with ca crl",
      ]
    `);
    expect(look(copy, 'ledger', 'verify').stdout).toContain(
      'the ledger is whole, with 1 note\n  note: 2 entries',
    );
    copy.do('crl');
    expect(notes(copy)).toEqual([]);
    expect(existsSync(copy.path('home/.ledger.head.new'))).toBe(false);
  });

  it('in the middle of keeping a head leaves one file, which the next one removes', () => {
    const copy = field.copy();
    writeFileSync(copy.path('home/.ledger.head.new'), 'private-ca');
    copy.do('issue', 'new');
    expect(existsSync(copy.path('home/.ledger.head.new'))).toBe(false);
  });

  it.each(['{"seq":14,"time"', `${lines.at(-1)}`, '\0\0\0\0'])(
    'in the middle of a line is told by ca ledger verify and ca status, and mended by ca renew: %j',
    (torn) => {
      const copy = field.copy();
      appendFileSync(copy.path(record), torn);
      const octets = Buffer.byteLength(torn);
      const message = `the ledger ends in ${octets} octets that are no whole line, as after a power cut`;
      expect(notes(copy)).toEqual([`${message}; the next command that writes sets them aside`]);
      const { exitCode, stdout } = look(copy, 'status', '--json');
      expect([exitCode, JSON.parse(stdout).problems]).toEqual([
        1,
        [`${message}; set it aside with: ca renew`],
      ]);
      expect(copy.run(['renew']).stderr).toContain('was torn');
      expect(readdirSync(copy.path('home/ledger'))).toContain('torn-14-1.bin');
      expect(notes(copy)).toEqual([]);
      expect(look(copy, 'status').exitCode).toBe(0);
    },
  );
});
