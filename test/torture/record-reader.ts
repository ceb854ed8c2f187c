import { createHash } from 'node:crypto';
import { readRecord } from './record-place.ts';

/** A certificate on record. */
export interface IssuedCertificate {
  readonly client: string;
  readonly serial: string;
  readonly der: Buffer;
  readonly notAfter: Date;
  readonly supersedes: string | undefined;
}

/** Where the files of a client go, and the kind of key that it has: `csr` when it keeps its own. */
export interface Place {
  readonly kind: string;
  readonly path?: string;
  readonly key: string;
}

/** What the JSON lines say, read by code that has nothing in common with the program's own. */
export interface Book {
  /** All octets up to the last newline. */
  readonly text: Buffer;
  readonly types: readonly string[];
  readonly root: Buffer;
  /** The CA that issues to clients: the root itself, or with two tiers the one below it. */
  readonly issuer: Buffer;
  readonly twoTier: boolean;
  readonly issued: ReadonlyMap<string, IssuedCertificate>;
  readonly delivered: ReadonlySet<string>;
  /** What another certificate took over from, once that was delivered. */
  readonly superseded: ReadonlySet<string>;
  readonly revoked: ReadonlySet<string>;
  readonly placeOf: ReadonlyMap<string, Place>;
  readonly crls: readonly RecordedCrl[];
  /** Faults of the chain, of references, of numbers, and serials that were given twice. */
  readonly faults: readonly string[];
}

/** `issuer` is `root` or `issuing`. */
export interface RecordedCrl {
  readonly issuer: string;
  readonly number: bigint;
  readonly sha256: string;
}

/** Reads the record of a home directory. */
export function readBook(home: string): Book {
  const text = readRecord(home);
  const issued = new Map<string, IssuedCertificate>();
  const delivered = new Set<string>();
  const superseded = new Set<string>();
  const revoked = new Set<string>();
  const placeOf = new Map<string, Place>();
  const crls: RecordedCrl[] = [];
  const types: string[] = [];
  const faults: string[] = [];
  let root = Buffer.alloc(0);
  let issuing: Buffer | undefined;
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
        if (entry.issuing !== undefined) issuing = Buffer.from(entry.issuing, 'base64');
        break;
      case 'client-added':
        placeOf.set(entry.client, { ...entry.policy.delivery, key: entry.policy.key });
        break;
      case 'issued': {
        const { client, serial, supersedes } = entry;
        if (issued.has(serial)) faults.push(`serial ${serial} was given twice`);
        const der = Buffer.from(entry.certificate, 'base64');
        issued.set(serial, { client, serial, supersedes, der, notAfter: new Date(entry.notAfter) });
        break;
      }
      case 'delivered':
        delivered.add(entry.serial);
        for (let it = issued.get(entry.serial)?.supersedes; it; it = issued.get(it)?.supersedes)
          superseded.add(it);
        break;
      case 'revoked':
        revoked.add(entry.serial);
        break;
      case 'crl-published':
        crls.push({ issuer: entry.issuer, number: BigInt(entry.number), sha256: entry.sha256 });
        break;
    }
  }
  for (const serial of [...delivered, ...revoked, ...superseded]) {
    if (!issued.has(serial)) faults.push(`serial ${serial} is spoken of and was never issued`);
  }
  crls.forEach(({ number, issuer }, index) => {
    const last = crls.slice(0, index).findLast((crl) => crl.issuer === issuer);
    if (last && last.number >= number) faults.push(`CRL ${number} comes after CRL ${last.number}`);
  });
  const tiers = { root, issuer: issuing ?? root, twoTier: issuing !== undefined };
  return { text, types, ...tiers, issued, delivered, superseded, revoked, placeOf, crls, faults };
}

/** The client's last certificate that is not revoked. */
export function latestOf(client: string, book: Book): IssuedCertificate | undefined {
  return [...book.issued.values()].findLast(
    (each) => each.client === client && !book.revoked.has(each.serial),
  );
}

/** Each certificate with its status at that time, as a list of them should say it, in the order of serials. */
export function foldStatuses(book: Book, now: Date): string[] {
  return [...book.issued.values()]
    .map(({ client, serial, notAfter }) => {
      const status = book.revoked.has(serial)
        ? 'revoked'
        : notAfter < now
          ? 'expired'
          : book.superseded.has(serial)
            ? 'superseded'
            : 'active';
      return `${serial} of ${client} is ${status}`;
    })
    .sort();
}
