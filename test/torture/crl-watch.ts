import { spawnSync } from 'node:child_process';
import { createHash, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { childLimits } from '../support/run-cli.ts';
import type { Book } from './record-reader.ts';

/** How far a clock may stand off before a server refuses the CRL as not valid yet; the program's own word. */
const toleranceMs = 5 * 60_000;

/** Watches the CRLs of one authority and the signed head beside them, judged by openssl, and remembers the last. */
export class CrlWatch {
  readonly #home: string;
  #number = 0n;
  #hash = '';
  /** What the CRL in place says, as openssl reads it. */
  #text = '';
  /** Serials whose revocation a command has acknowledged with exit code 0. */
  readonly #acknowledged = new Set<string>();

  constructor(home: string) {
    this.#home = home;
  }

  acknowledge(serials: readonly string[]): void {
    for (const serial of serials) this.#acknowledged.add(serial);
  }

  /** What must hold at every instant. */
  faults(book: Book): string[] {
    return [...this.#issuerFaults(book), ...this.#listFaults(book), ...this.#headFaults(book)];
  }

  /** What must hold besides, once a command has repaired everything by a clock that is right. */
  repairFaults(book: Book): string[] {
    const faults: string[] = [];
    const parts: Buffer[] = [];
    const kinds = book.twoTier
      ? ([
          ['ca', 'issuing'],
          ['root', 'root'],
        ] as const)
      : ([['ca', 'root']] as const);
    for (const [name, issuer] of kinds) {
      const der = readFileSync(join(this.#home, 'crl', `${name}.crl`));
      const last = book.crls.findLast((crl) => crl.issuer === issuer);
      if (sha256(der) !== last?.sha256) faults.push(`${name}.crl is not the one that is on record`);
      const [pem] = this.#readPems(`${name}.crl.pem`);
      if (!pem?.equals(der)) faults.push(`${name}.crl.pem is another CRL than ${name}.crl`);
      parts.push(der);
    }
    const all = book.twoTier ? this.#readPems('all.crl.pem') : parts;
    if (all.length !== parts.length || !parts.every((part) => all.some((each) => each.equals(part))))
      faults.push('all.crl.pem does not hold the CRLs that are in place');
    const now = Date.now();
    if (this.#date('Last Update') > now + toleranceMs) faults.push('the CRL in place is not valid yet');
    if (this.#date('Next Update') < now) faults.push('the CRL in place has expired');
    return faults;
  }

  /** Both CRLs are on record, signed by their CA; the root's, of two tiers, says nothing of clients. */
  #issuerFaults(book: Book): string[] {
    const isKnown = (hash: string) => book.crls.some((crl) => crl.sha256 === hash);
    const hash = sha256(readFileSync(join(this.#home, 'crl', 'ca.crl')));
    const faults = isKnown(hash) ? [] : ['the CRL in place was never recorded'];
    if (book.twoTier && !isKnown(sha256(readFileSync(join(this.#home, 'crl', 'root.crl')))))
      faults.push("the root's CRL in place was never recorded");
    return faults;
  }

  #listFaults(book: Book): string[] {
    const path = join(this.#home, 'crl', 'ca.crl');
    const hash = sha256(readFileSync(path));
    const faults: string[] = [];
    if (hash !== this.#hash) {
      const issuer = join(this.#home, book.twoTier ? 'chain.crt' : 'ca.crt');
      const args = ['crl', '-in', path, '-inform', 'DER', '-noout', '-text', '-CAfile', issuer];
      const { stdout, stderr } = spawnSync('openssl', args, { ...childLimits, encoding: 'utf8' });
      if (!stderr.includes('verify OK')) faults.push(`openssl says of the CRL: ${stderr.trim()}`);
      const number = BigInt(/X509v3 CRL Number:\s*(0x[0-9A-F]+|\d+)/.exec(stdout)?.[1] ?? '0');
      if (number <= this.#number) faults.push(`CRL ${number} took the place of CRL ${this.#number}`);
      this.#number = number;
      this.#hash = hash;
      this.#text = stdout;
    }
    const listed = new Set(
      [...this.#text.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial = '']) => serial.toLowerCase()),
    );
    const thisUpdate = this.#date('Last Update');
    for (const serial of this.#acknowledged) {
      // What has expired may go from the list in time (RFC 5280 §3.3).
      const hasExpired = (book.issued.get(serial)?.notAfter.getTime() ?? Infinity) < thisUpdate;
      if (!listed.has(serial) && !hasExpired)
        faults.push(`${serial} was said to be revoked and is not on the CRL`);
      if (!book.revoked.has(serial)) faults.push(`${serial} was said to be revoked and is not on record so`);
    }
    for (const serial of listed) {
      if (!book.revoked.has(serial)) faults.push(`${serial} is on the CRL and not revoked on record`);
    }
    return faults;
  }

  /** The head beside the CRL is of this CA, and of a line on record. */
  #headFaults({ text, issuer }: Book): string[] {
    const head = readFileSync(join(this.#home, 'crl', 'ledger.head'), 'utf8');
    const [, signed = '', seq, hash, signature = ''] =
      /^(.*\nseq: (\d+)\nhash: (\w{64})\n.*\n)signature: (\S+)\n$/s.exec(head) ?? [];
    const { publicKey } = new X509Certificate(issuer);
    const faults: string[] = [];
    if (!verify('sha256', Buffer.from(signed), publicKey, Buffer.from(signature, 'base64')))
      faults.push('the head beside the CRL is not signed');
    const line = text.toString('utf8').split('\n')[Number(seq) - 1];
    if (line === undefined || sha256(Buffer.from(line)) !== hash)
      faults.push(`the head beside the CRL is not of entry ${seq}`);
    return faults;
  }

  #readPems(name: string): Buffer[] {
    const pem = readFileSync(join(this.#home, 'crl', name), 'utf8');
    const bodies = pem.matchAll(/-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/g);
    return [...bodies].map(([, body = '']) => Buffer.from(body, 'base64'));
  }

  /** A date of the CRL in place, as openssl prints it: `Last Update: Nov 22 08:52:58 2026 GMT`. */
  #date(label: string): number {
    return Date.parse(new RegExp(`${label}: (.*)`).exec(this.#text)?.[1] ?? '');
  }
}

/** SHA-256 in hex. */
export function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}
