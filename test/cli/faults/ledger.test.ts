import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FaultField } from '../../support/fault-field.ts';

const field = FaultField.withAuthority('--no-passphrase');
for (const client of ['billing', 'orders', 'shipping']) field.do('issue', client);
field.do('revoke', 'orders');
const record = 'home/ledger/00000001.jsonl';
const lines = readFileSync(field.path(record), 'utf8').split('\n').slice(0, -1);

/** A copy of the authority with another record. */
function withRecord(...changed: readonly (string | undefined)[]): FaultField {
  const copy = field.copy();
  writeFileSync(copy.path(record), changed.map((line) => `${line}\n`).join(''));
  return copy;
}

/** What `ca ledger verify` finds; it says no, and changes nothing. */
function findings(copy: FaultField): string {
  const before = copy.files();
  const { exitCode, stdout } = copy.run(['ledger', 'verify', '--json']);
  expect([exitCode, copy.files()]).toEqual([1, before]);
  const found: { code: string; message: string }[] = JSON.parse(stdout).findings;
  return copy
    .normalize(found.map(({ code, message }) => `${code}: ${message}`).join('\n'))
    .replace(/[0-9a-f]{12}…/g, '<hash>…');
}

/** No command that would write goes on. */
function expectAllRefuse(copy: FaultField, code: string): void {
  for (const args of [
    ['issue', 'new'],
    ['revoke', 'billing'],
    ['crl'],
    ['renew'],
    ['list'],
    ['status'],
    ['ledger', 'export'],
  ]) {
    const said = copy.refusal(args);
    expect(said).toContain(`exit 3, ${code}\n`);
  }
}

describe('a torn last line', () => {
  it.each(['{"seq":', `${lines[5]}`, '\u0000\u0000\u0000\u0000'])(
    '%s is set aside by the next command that writes, which says so',
    (torn) => {
      const copy = field.copy();
      appendFileSync(copy.path(record), torn);
      const before = copy.files();
      expect(copy.run(['list']).stdout).toBe(field.run(['list']).stdout);
      expect(copy.files()).toEqual(before);
      const { exitCode, stderr, stdout } = copy.run(['issue', 'new', '--json']);
      expect(exitCode).toBe(0);
      const octets = Buffer.byteLength(torn);
      expect(stderr).toBe(
        `ca: the ledger's last line was torn, as by a power cut: its ${octets} octets are now in ledger/torn-${lines.length + 1}-1.bin\n`,
      );
      expect(readFileSync(copy.path(`home/ledger/torn-${lines.length + 1}-1.bin`), 'utf8')).toBe(torn);
      const entries = readFileSync(copy.path(record), 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      expect(entries[lines.length]).toMatchObject({
        type: 'tail-set-aside',
        file: `torn-${lines.length + 1}-1.bin`,
        octets,
      });
      expect(entries[lines.length + 2]).toMatchObject({ type: 'issued', serial: JSON.parse(stdout).serial });
      copy.do('ledger', 'verify');
      expect(copy.run(['crl']).stderr).not.toContain('torn');
    },
  );

  it('is set aside even with --quiet in cron', () => {
    const copy = field.copy();
    appendFileSync(copy.path(record), '{"seq":');
    const { exitCode, stderr } = copy.run(['crl', '--quiet']);
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('was torn')]);
  });

  it('is no reason to refuse the reading', () => {
    const copy = field.copy();
    truncateSync(copy.path(record), readFileSync(copy.path(record)).length - 10);
    expect(copy.run(['list']).exitCode).toBe(0);
    expect(copy.run(['status']).exitCode).toBe(1); // the CRL of the torn entry is in place
  });
});

describe('a record that was tampered with', () => {
  it('has a flipped bit in some line', () => {
    for (const index of [1, 3, lines.length - 2]) {
      const line = lines[index] ?? '';
      const changed = line.replace(
        /"time":"(\d{3})(\d)/,
        (_all, start, digit) => `"time":"${start}${Number(digit) ^ 1}`,
      );
      expect(changed).not.toBe(line);
      const copy = withRecord(...lines.with(index, changed));
      expect(findings(copy)).toMatch(
        new RegExp(
          `^ledger/broken-chain: line ${index + 2} of ledger/00000001.jsonl was changed, or the line before it: `,
        ),
      );
    }
  });

  it('has a flipped bit in a certificate', () => {
    const index = lines.findIndex((line) => line.includes('"type":"issued"'));
    const copy = withRecord(
      ...lines.with(index, (lines[index] ?? '').replace('"certificate":"MII', '"certificate":"MIJ')),
    );
    expect(findings(copy)).toMatch(new RegExp(`line ${index + 2} of`));
    expectAllRefuse(copy, 'ledger/broken-chain');
  });

  it('has another last line: no line follows that could tell, but the head beside the CRL does', () => {
    const copy = withRecord(...lines.with(-1, (lines.at(-1) ?? '').replace('"entries":1', '"entries":0')));
    expect(findings(copy)).toMatchInlineSnapshot(
      `"ledger/rewritten: entry 13 is not what it was when <work>/home/crl/ledger.head was signed over entry 13 at <time>: history was rewritten at or before that entry"`,
    );
  });

  it('lacks a line', () => {
    const copy = withRecord(...lines.toSpliced(4, 1));
    expect(findings(copy)).toMatchInlineSnapshot(
      `"ledger/broken-chain: line 5 of ledger/00000001.jsonl is entry 6 where entry 5 belongs: a line was removed, inserted or moved"`,
    );
    expectAllRefuse(copy, 'ledger/broken-chain');
  });

  it('lacks its last lines: the CRL in place is then a stranger, and the head beside it counts them', () => {
    expect(findings(withRecord(...lines.slice(0, -1)))).toMatchInlineSnapshot(
      `
      "ledger/malformed: the CRL in <work>/home/crl/ca.crl is not the one recorded last; run: ca crl
      ledger/rolled-back: the ledger ends at entry 12, and <work>/home/crl/ledger.head was signed over entry 13 at <time>: the entry after it is missing"
    `,
    );
  });

  it('has two lines swapped', () => {
    expect(
      findings(withRecord(...lines.with(3, `${lines[4]}`).with(4, `${lines[3]}`))),
    ).toMatchInlineSnapshot(
      `"ledger/broken-chain: line 4 of ledger/00000001.jsonl is entry 5 where entry 4 belongs: a line was removed, inserted or moved"`,
    );
  });

  it('has a line twice', () => {
    expect(findings(withRecord(...lines.toSpliced(4, 0, `${lines[4]}`)))).toMatchInlineSnapshot(
      `"ledger/broken-chain: line 6 of ledger/00000001.jsonl is entry 5 where entry 6 belongs: a line was removed, inserted or moved"`,
    );
  });

  it('has a line inserted with the right number', () => {
    const forged = (lines[4] ?? '').replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${'0'.repeat(64)}"`);
    expect(findings(withRecord(...lines.with(4, forged)))).toMatchInlineSnapshot(
      `"ledger/broken-chain: line 5 of ledger/00000001.jsonl was changed, or the line before it: its prev is <hash>…, the SHA-256 of the line before is <hash>…"`,
    );
  });

  it('has a line that is no JSON', () => {
    expect(findings(withRecord(...lines.with(4, 'not JSON\u001b[31m')))).toMatchInlineSnapshot(
      `"ledger/malformed: line 5 of ledger/00000001.jsonl is not JSON"`,
    );
  });

  it('has spaces in a line', () => {
    expect(
      findings(withRecord(...lines.with(-1, (lines.at(-1) ?? '').replace('{', '{ ')))),
    ).toMatchInlineSnapshot(
      `"ledger/malformed: line 13 of ledger/00000001.jsonl is not in canonical form (order of keys, spaces or escapes)"`,
    );
  });

  it('was rewritten from a line on, the chain mended: the forged certificate lacks the signature of the CA, the head its entry', () => {
    const index = lines.findIndex((line) => line.includes('"type":"issued"'));
    const { certificate } = JSON.parse(lines[index] ?? '');
    const forged = Buffer.from(certificate, 'base64');
    forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
    const copy = withRecord(
      ...relink(lines.with(index, (lines[index] ?? '').replace(certificate, forged.toString('base64')))),
    );
    expect(findings(copy)).toMatchInlineSnapshot(
      `
      "ledger/malformed: entry 4: the certificate does not bear the CA's signature
      ledger/rewritten: entry 13 is not what it was when <work>/home/crl/ledger.head was signed over entry 13 at <time>: history was rewritten at or before that entry"
    `,
    );
  });

  it('is of a version to come', () => {
    const copy = withRecord(...relink(lines.with(0, (lines[0] ?? '').replace('"version":1', '"version":2'))));
    expect(findings(copy)).toMatchInlineSnapshot(
      `"ledger/unknown-version: line 1 of ledger/00000001.jsonl begins a ledger of version 2; this program knows version 1"`,
    );
    expect(copy.refusal(['issue', 'new'])).toMatchInlineSnapshot(`
      "exit 3, ledger/unknown-version
      line 1 of ledger/00000001.jsonl begins a ledger of version 2; this program knows version 1
      hint: upgrade this program"
    `);
    expectAllRefuse(copy, 'ledger/unknown-version');
  });

  it('has an entry of a type to come', () => {
    const copy = withRecord(
      ...relink(lines.with(-1, (lines.at(-1) ?? '').replace('crl-published', 'crl-withdrawn'))),
    );
    expect(copy.refusal(['issue', 'new'])).toMatchInlineSnapshot(`
      "exit 3, ledger/malformed
      line 13 of ledger/00000001.jsonl has the unknown type "crl-withdrawn"
      hint: restore the ledger from a backup"
    `);
  });

  it('is empty', () => {
    const copy = withRecord();
    expect(copy.refusal(['issue', 'new'])).toMatchInlineSnapshot(`
      "exit 3, ledger/malformed
      <work>/home/ledger/00000001.jsonl holds no entry
      hint: restore the ledger from a backup"
    `);
  });
});

describe('a record in several files', () => {
  const split = () => {
    const copy = field.copy();
    const parts = [lines.slice(0, 3), lines.slice(3, 7), lines.slice(7)];
    parts.forEach((part, index) => {
      writeFileSync(
        copy.path(`home/ledger/0000000${index + 1}.jsonl`),
        part.map((line) => `${line}\n`).join(''),
      );
    });
    return copy;
  };

  it('is read as one', () => {
    const copy = split();
    expect(copy.do('ledger', 'verify')).toMatchObject({ entries: lines.length, findings: [] });
    copy.do('issue', 'new');
    copy.do('ledger', 'verify');
  });

  it.each([1, 2])('lacks file %i', (number) => {
    const copy = split();
    rmSync(copy.path(`home/ledger/0000000${number}.jsonl`));
    expect(findings(copy)).toBe(`ledger/missing-segment: ledger/0000000${number}.jsonl is missing`);
    expectAllRefuse(copy, 'ledger/missing-segment');
  });

  it('lacks its last file: the CRL in place is then a stranger, and the head beside it counts the lines', () => {
    const copy = split();
    rmSync(copy.path('home/ledger/00000003.jsonl'));
    expect(findings(copy)).toMatchInlineSnapshot(
      `
      "ledger/malformed: the CRL in <work>/home/crl/ca.crl is not the one recorded last; run: ca crl
      ledger/rolled-back: the ledger ends at entry 7, and <work>/home/crl/ledger.head was signed over entry 13 at <time>: the 6 entries after it are missing"
    `,
    );
  });

  it('has two files in each other’s place', () => {
    const copy = split();
    renameSync(copy.path('home/ledger/00000002.jsonl'), copy.path('home/ledger/x'));
    renameSync(copy.path('home/ledger/00000003.jsonl'), copy.path('home/ledger/00000002.jsonl'));
    renameSync(copy.path('home/ledger/x'), copy.path('home/ledger/00000003.jsonl'));
    expect(findings(copy)).toMatchInlineSnapshot(
      `"ledger/broken-chain: line 1 of ledger/00000002.jsonl is entry 8 where entry 4 belongs: a line was removed, inserted or moved"`,
    );
  });

  it('is torn in another than the last', () => {
    const copy = split();
    appendFileSync(copy.path('home/ledger/00000002.jsonl'), '{"seq":');
    expect(findings(copy)).toMatchInlineSnapshot(
      `"ledger/malformed: line 5 of ledger/00000002.jsonl is cut off, and the ledger goes on in the next file"`,
    );
  });
});

describe('a damaged index', () => {
  const large = field.copy();
  writeFileSync(
    large.path(record),
    relink([...lines, ...Array.from({ length: 300 }, (_, index) => clientAdded(`client-${index}`))])
      .map((line) => `${line}\n`)
      .join(''),
  );
  large.do('crl');
  const answers = (each: FaultField) =>
    [
      each.run(['list']).stdout,
      each.run(['show', 'billing']).stdout,
      each.run(['show', 'client-7']).stdout,
    ].map((text) => each.normalize(text));
  const files = (each: FaultField) =>
    readdirSync(each.path('home/ledger/index'), { recursive: true, encoding: 'utf8' });

  it('is there at all, in a record of this length', () => {
    expect(files(large).length).toBeGreaterThan(0);
  });

  it.each([
    ['emptied', () => ''],
    ['cut short', (content: Buffer) => content.subarray(0, content.length / 2)],
    ['changed in the middle', (content: Buffer) => flip(content, content.length >> 1)],
    ['changed at its beginning', (content: Buffer) => flip(content, 0)],
    ['changed at its end', (content: Buffer) => flip(content, content.length - 1)],
    ['garbage', () => 'garbage'],
  ])('is %s: answers stay right, and commands go on', (_what, damage) => {
    const right = answers(large);
    for (const name of files(large)) {
      const copy = large.copy();
      const path = copy.path('home/ledger/index', name);
      writeFileSync(path, damage(readFileSync(path)));
      expect(answers(copy), name).toEqual(right);
      copy.do('revoke', 'billing');
      copy.do('ledger', 'verify');
    }
  });

  it('is gone', () => {
    const copy = large.copy();
    rmSync(copy.path('home/ledger/index'), { recursive: true });
    expect(answers(copy)).toEqual(answers(large));
    copy.do('issue', 'new');
    expect(existsSync(copy.path('home/ledger/index'))).toBe(true);
  });

  it('is a file where a directory should be', () => {
    const copy = large.copy();
    rmSync(copy.path('home/ledger/index'), { recursive: true });
    writeFileSync(copy.path('home/ledger/index'), '');
    expect(answers(copy)).toEqual(answers(large));
    copy.do('issue', 'new');
  });

  it('is that of another record', () => {
    const copy = large.copy();
    rmSync(copy.path('home'), { recursive: true });
    copy.do('init', '--name', 'Another CA', '--no-passphrase');
    mkdirSync(copy.path('home/ledger/index'));
    for (const name of files(large))
      writeFileSync(
        copy.path('home/ledger/index', name),
        readFileSync(large.path('home/ledger/index', name)),
      );
    expect(copy.do('list')).toEqual([]);
    copy.do('issue', 'new');
    expect(copy.do('list')).toMatchObject([{ client: 'new' }]);
  });
});

function flip(content: Buffer, at: number): Buffer {
  const changed = Buffer.from(content);
  changed.writeUInt8(changed.readUInt8(at) ^ 0x01, at);
  return changed;
}

/** Lines with numbers and hashes made to fit, as one would who can write the record. */
function relink(chain: readonly string[]): string[] {
  let prev = '0'.repeat(64);
  return chain.map((line, index) => {
    const linked = line
      .replace(/^\{"seq":\d+/, `{"seq":${index + 1}`)
      .replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${prev}"`);
    prev = createHash('sha256').update(linked).digest('hex');
    return linked;
  });
}

function clientAdded(client: string): string {
  const policy = { profile: 'client', subjectAltNames: [], key: 'p256', delivery: { kind: 'home' } };
  const { time } = JSON.parse(lines.at(-1) ?? '');
  return JSON.stringify({ seq: 0, time, type: 'client-added', prev: '0'.repeat(64), client, policy });
}
