import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseClientName } from '../../src/core/client-name.ts';
import { serialFromOctets } from '../../src/core/serial.ts';
import { hashLine, linkEntries } from '../../src/ledger/chain.ts';
import type { EntryBody, Issued } from '../../src/ledger/entry.ts';
import { parseEntry } from '../../src/ledger/entry-codec.ts';
import { type Contender, peakMemory, race, run, type Timing } from './measure.ts';
import { makeOpensslCa } from './one-shot.ts';
import { atLeast, type Row } from './table.ts';

const node = process.execPath;

/**
 * A CRL with this many entries, as whole processes: `ca crl` from the ledger, `openssl ca -gencrl` from its index.txt. Of the
 * largest the memory is compared, too.
 */
export function benchCrl(
  ca: string,
  directory: string,
  entries: number,
  runs: number,
  target: number,
): readonly Row[] {
  const home = join(directory, `home-${entries}`);
  run(node, [ca, 'init', '--home', home, '--name', 'Bench CA', '--no-passphrase']);
  run(node, [ca, 'issue', 'sample', '--home', home]);
  const serials = Array.from({ length: entries }, (_, index) => serialOf(index));
  fillLedger(home, serials);
  const openssl = join(directory, `openssl-${entries}`);
  makeOpensslCa(openssl);
  writeFileSync(
    join(openssl, 'index.txt'),
    serials
      .map((serial) => `R\t370101000000Z\t270101000000Z\t${serial.toUpperCase()}\tunknown\t/CN=client\n`)
      .join(''),
  );

  const contenders: readonly Contender[] = [
    { name: 'ca crl', command: node, args: [ca, 'crl', '--home', home] },
    {
      name: 'openssl ca -gencrl',
      command: 'openssl',
      args: ['ca', '-config', 'ca.cnf', '-gencrl', '-out', 'ca.crl'],
      cwd: openssl,
    },
  ];
  const [ours, theirs] = race(contenders, runs) as [Timing, Timing];
  checkCount(join(home, 'crl', 'ca.crl'), join(home, 'ca.crt'), entries);
  const work = `ca crl, ${entries.toLocaleString('en')} entries`;
  const time = atLeast(work, ours.ms, theirs, target);
  if (entries < 1_000_000) return [time];
  const [ourMib, theirMib] = contenders.map((contender) => peakMemory(contender, runs + 1));
  if (ourMib === undefined || theirMib === undefined) return [time];
  const size = statSync(join(home, 'crl', 'ca.crl')).size / 2 ** 20;
  return [
    time,
    {
      work: `${work} of ${size.toFixed(0)} MiB, peak memory`,
      measured: `${ourMib.toFixed(0)} MiB`,
      against: `${theirs.name}: ${theirMib.toFixed(0)} MiB`,
      ratio: `${(ourMib / theirMib).toFixed(2)} × its memory`,
      target: '≤ 0.5 ×',
      met: ourMib <= theirMib / 2,
    },
  ];
}

/** Appends issued and revoked entries to the ledger of a new home, as the tool would have written them one by one. */
function fillLedger(home: string, serials: readonly string[]): void {
  const ledger = join(home, 'ledger');
  const segment = join(ledger, readdirSync(ledger).find((name) => name.endsWith('.jsonl')) ?? '');
  const lines = readFileSync(segment, 'utf8').trimEnd().split('\n');
  const entries = lines.map((line, index) => parseEntry(Buffer.from(line), `line ${index + 1}`));
  const sample = entries.find((entry) => entry.type === 'issued') as Issued;
  let head = { seq: lines.length, hash: hashLine(lines.at(-1) ?? '') };
  const time = entries.at(-1)?.time ?? new Date(0);
  const client = parseClientName('sample');
  for (let start = 0; start < serials.length; start += 1000) {
    const bodies = serials.slice(start, start + 1000).flatMap((text): EntryBody[] => {
      const serial = serialFromOctets(Buffer.from(text, 'hex'));
      const { notBefore, notAfter, key, profile, subject, certificate } = sample;
      return [
        { type: 'issued', client, serial, notBefore, notAfter, key, profile, subject, certificate },
        { type: 'revoked', client, serial, reason: 'keyCompromise' },
      ];
    });
    const links = linkEntries(head, time, bodies);
    appendFileSync(segment, links.map(({ line }) => `${Buffer.from(line).toString('utf8')}\n`).join(''));
    head = { seq: links.at(-1)?.entry.seq ?? 0, hash: links.at(-1)?.hash ?? '' };
  }
}

/** Serials that look random and are the same in every run. */
function serialOf(index: number): string {
  return `4${hashLine(`serial ${index}`).slice(0, 31)}`;
}

function checkCount(crl: string, ca: string, entries: number): void {
  const text = run('openssl', ['crl', '-inform', 'DER', '-in', crl, '-CAfile', ca, '-noout', '-text']);
  const found = text.split('Serial Number:').length - 1;
  if (found !== entries) throw new Error(`the CRL has ${found} entries instead of ${entries}`);
}
