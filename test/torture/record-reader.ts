import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate on record. */
export interface IssuedCertificate {
  readonly client: string;
  readonly serial: string;
  readonly der: Buffer;
  readonly supersedes: string | undefined;
}

/** What the JSON lines say, read by code that has nothing in common with the program's own. */
export interface Book {
  /** All octets up to the last newline. */
  readonly text: Buffer;
  readonly types: readonly string[];
  readonly root: Buffer;
  readonly issued: ReadonlyMap<string, IssuedCertificate>;
  readonly delivered: ReadonlySet<string>;
  readonly revoked: ReadonlySet<string>;
  /** Where the files of each client go. */
  readonly placeOf: ReadonlyMap<string, { readonly kind: string; readonly path?: string }>;
  readonly crls: readonly { readonly issuer: string; readonly number: bigint; readonly sha256: string }[];
  /** Faults of the chain, of references, and serials that were given twice. */
  readonly faults: readonly string[];
}

/** Reads the record of a home directory; what follows the last newline is nobody's. */
export function readBook(home: string): Book {
  const directory = join(home, 'ledger');
  const segments = readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();
  const all = Buffer.concat(segments.map((name) => readFileSync(join(directory, name))));
  const text = all.subarray(0, all.lastIndexOf(0x0a) + 1);
  const issued = new Map<string, IssuedCertificate>();
  const delivered = new Set<string>();
  const revoked = new Set<string>();
  const placeOf = new Map<string, { kind: string; path?: string }>();
  const crls: { issuer: string; number: bigint; sha256: string }[] = [];
  const types: string[] = [];
  const faults: string[] = [];
  let root = Buffer.alloc(0);
  let before = '0'.repeat(64);
  let seq = 0;
  for (const line of text.toString('utf8').split('\n').slice(0, -1)) {
    const entry = JSON.parse(line);
    seq++;
    if (entry.seq !== seq) faults.push(`entry ${entry.seq} stands where entry ${seq} belongs`);
    if (entry.prev !== before) faults.push(`entry ${seq} does not follow the line before it`);
    before = createHash('sha256').update(line).digest('hex');
    types.push(entry.type);
    switch (entry.type) {
      case 'authority-created':
        root = Buffer.from(entry.root, 'base64');
        break;
      case 'client-added':
        placeOf.set(entry.client, entry.policy.delivery);
        break;
      case 'issued': {
        const { client, serial, supersedes } = entry;
        if (issued.has(serial)) faults.push(`serial ${serial} was given twice`);
        issued.set(serial, { client, serial, supersedes, der: Buffer.from(entry.certificate, 'base64') });
        break;
      }
      case 'delivered':
        delivered.add(entry.serial);
        break;
      case 'revoked':
        revoked.add(entry.serial);
        break;
      case 'crl-published':
        crls.push({ issuer: entry.issuer, number: BigInt(entry.number), sha256: entry.sha256 });
        break;
    }
  }
  for (const serial of [...delivered, ...revoked]) {
    if (!issued.has(serial)) faults.push(`serial ${serial} is spoken of and was never issued`);
  }
  crls.forEach(({ number, issuer }, index) => {
    const last = crls.slice(0, index).findLast((crl) => crl.issuer === issuer);
    if (last && last.number >= number) faults.push(`CRL ${number} comes after CRL ${last.number}`);
  });
  return { text, types, root, issued, delivered, revoked, placeOf, crls, faults };
}
