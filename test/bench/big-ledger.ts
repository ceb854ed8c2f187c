import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseClientName } from '../../src/core/client-name.ts';
import { addMs } from '../../src/core/instant.ts';
import { type Serial, serialFromOctets } from '../../src/core/serial.ts';
import type { EntryBody, Issued } from '../../src/ledger/entry.ts';
import { FileLedger } from '../../src/store/file-ledger.ts';
import { run } from './measure.ts';

const node = process.execPath;
const dayMs = 86_400_000;
const certificatesEach = 5;

/** A home directory with that many certificates, made today. */
export async function cachedHome(ca: string, size: number): Promise<string> {
  const home = join(tmpdir(), `private-ca-bench-ledger-at-home-${size}`);
  const made = statSync(join(home, 'made'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Date.now() - made < dayMs) return home;
  rmSync(home, { recursive: true, force: true });
  const draft = `${home}.${process.pid}`;
  run(node, [ca, 'init', '--home', draft, '--name', 'Bench CA', '--no-passphrase']);
  run(node, [ca, 'issue', 'sample', '--home', draft]);
  await fill(join(draft, 'ledger'), size);
  run(node, [ca, 'crl', '--home', draft]);
  writeFileSync(join(draft, 'made'), '');
  renameSync(draft, home);
  return home;
}

/**
 * Fills a ledger through the store's own code: five certificates a client, each the next one's predecessor, all but the last
 * expired; half of the clients' last ones are revoked. Nothing is due.
 */
async function fill(directory: string, size: number): Promise<void> {
  const ledger = new FileLedger({ directory, clock: () => new Date(), lockWaitMs: 60_000 });
  const now = new Date();
  let sample: Issued | undefined;
  for await (const page of ledger.entries()) {
    for (const entry of page) if (entry.type === 'issued') sample = entry;
  }
  if (!sample) throw new Error('nothing was issued');
  const {
    key: _,
    serial: _serial,
    client: _client,
    time: _time,
    ...common
  } = sample as Issued & {
    readonly time: Date;
  };
  const clients = Math.ceil(size / certificatesEach);
  for (let round = 0; round < certificatesEach; round++) {
    const isLast = round === certificatesEach - 1;
    const notBefore = addMs(now, -(certificatesEach - round) * 80 * dayMs);
    for (let start = 0; start < clients; start += 5000) {
      const bodies: EntryBody[] = [];
      for (let number = start; number < Math.min(start + 5000, clients); number++) {
        const client = parseClientName(`client-${number}`);
        const serial = serialOf(number, round);
        const validFrom = isLast ? addMs(now, -(number % 20) * dayMs - 60_000) : notBefore;
        if (round === 0) {
          // Their files are gone, as if all had been handed to the clients: `ca status` looks for them.
          const delivery = { kind: 'home' } as const;
          const policy = { profile: 'client', subjectAltNames: [], key: 'p256', delivery } as const;
          bodies.push({ type: 'client-added', client, policy });
        }
        bodies.push({
          type: 'issued',
          client,
          serial,
          notBefore: wholeSeconds(validFrom),
          notAfter: wholeSeconds(addMs(validFrom, 90 * dayMs)),
          key: createHash('sha256').update(`key of ${serial}`).digest('hex'),
          profile: 'client',
          subject: `CN=client-${number}`,
          ...(round === 0 ? {} : { supersedes: serialOf(number, round - 1) }),
          certificate: common.certificate,
        });
        bodies.push({ type: 'delivered', client, serial });
        if (isLast && number % 2 === 0)
          bodies.push({ type: 'revoked', client, serial, reason: 'keyCompromise' });
      }
      await ledger.transact((transaction) => transaction.append(bodies));
      if (process.stderr.isTTY) process.stderr.write(`\r  round ${round + 1}, client ${start}`);
    }
  }
}

/** Serials that look random and are the same in every run. */
export function serialOf(client: number, round: number): Serial {
  const octets = createHash('sha256').update(`serial ${client} ${round}`).digest().subarray(0, 16);
  octets[0] = 0x40 | ((octets[0] ?? 0) & 0x3f);
  return serialFromOctets(octets);
}

function wholeSeconds(instant: Date): Date {
  return new Date(Math.floor(instant.getTime() / 1000) * 1000);
}

/** A copy to be changed: of the ledger's closed segments and the index's runs, which never change, links. */
export function copyCached(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !/\/ledger\/(.*\.jsonl|index)$/.test(path) });
  const segments = readdirSync(join(from, 'ledger')).filter((name) => name.endsWith('.jsonl'));
  for (const name of segments) linkSync(join(from, 'ledger', name), join(to, 'ledger', name));
  const last = segments.sort().at(-1) ?? '';
  const octets = readFileSync(join(from, 'ledger', last));
  unlinkSync(join(to, 'ledger', last));
  writeFileSync(join(to, 'ledger', last), octets);
  if (existsSync(join(from, 'ledger', 'index')))
    cpSync(join(from, 'ledger', 'index'), join(to, 'ledger', 'index'), { recursive: true });
}
