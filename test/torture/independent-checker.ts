import { spawnSync } from 'node:child_process';
import { createHash, createPrivateKey, verify, X509Certificate } from 'node:crypto';
import { type Dirent, existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { childLimits } from '../support/run-cli.ts';
import { type Book, readBook } from './record-reader.ts';

/**
 * Watches one authority from outside, with its own reader of the record, node:crypto and openssl, and says what is
 * wrong. It remembers, so that it also sees what was taken back.
 */
export class Checker {
  readonly #home: string;
  #text: Uint8Array = new Uint8Array();
  #crlNumber = 0n;
  #crlHash = '';
  /** Serials whose revocation a command has acknowledged with exit code 0. */
  readonly #acknowledged = new Set<string>();

  constructor(home: string) {
    this.#home = home;
  }

  /** A command said that these are revoked. */
  acknowledgeRevoked(serials: readonly string[]): void {
    for (const serial of serials) this.#acknowledged.add(serial);
  }

  /** What must hold at every instant, whatever was killed. `clients` names those whose files are looked at; none: all. */
  faults(clients?: readonly string[]): string[] {
    const book = readBook(this.#home);
    return [
      ...book.faults,
      ...this.#historyFaults(book),
      ...this.#crlFaults(book),
      ...this.#headFaults(book),
      ...[...book.placeOf.keys()]
        .filter((client) => clients?.includes(client) ?? true)
        .flatMap((client) => this.#deliveryFaults(client, book)),
    ];
  }

  /** What must hold besides once a command has repaired everything. */
  repairFaults(): string[] {
    const book = readBook(this.#home);
    const faults: string[] = [];
    for (const [client, { kind }] of book.placeOf) {
      const latest = latestOf(client, book);
      if (!latest || kind === 'stdout') continue;
      if (!book.delivered.has(latest.serial)) faults.push(`${client}: ${latest.serial} was not delivered`);
      const inPlace = this.#readPlace(client, book, 'crt');
      if (inPlace && serialOf(new X509Certificate(inPlace)) !== latest.serial)
        faults.push(`${client}: another certificate than ${latest.serial} is in place`);
    }
    const der = readFileSync(join(this.#home, 'crl', 'ca.crl'));
    const pem = readFileSync(join(this.#home, 'crl', 'ca.crl.pem'), 'utf8');
    if (sha256(der) !== book.crls.at(-1)?.sha256) faults.push('the CRL in place is not the one on record');
    if (!Buffer.from(pem.replace(/-----.*-----|\s/g, ''), 'base64').equals(der))
      faults.push('ca.crl.pem is another CRL than ca.crl');
    return faults;
  }

  /** The certificates in a text that a command printed must be on record. */
  printedFaults(text: string): string[] {
    return this.#unrecorded(text, readBook(this.#home)).map(
      (serial) => `${serial} was printed, not recorded`,
    );
  }

  /**
   * Temporary files that would pile up, if each command that is killed left one. Those in a client's hidden directory do
   * not count: the client's next delivery removes them.
   */
  leftovers(): string[] {
    const isTemporary = (path: string) => path.endsWith('.tmp') && !/\/clients\/[^/]+\/\./.test(path);
    return walk(this.#home).filter(isTemporary);
  }

  #historyFaults({ text }: Book): string[] {
    const faults = text.subarray(0, this.#text.length).equals(this.#text)
      ? []
      : ['lines that were on record are gone'];
    this.#text = text;
    return faults;
  }

  #crlFaults(book: Book): string[] {
    const faults: string[] = [];
    const path = join(this.#home, 'crl', 'ca.crl');
    const hash = sha256(readFileSync(path));
    if (!book.crls.some((crl) => crl.sha256 === hash)) faults.push('the CRL in place was never recorded');
    if (hash === this.#crlHash) return faults;
    const args = ['crl', '-in', path, '-inform', 'DER', '-noout', '-text', '-CAfile', this.#caPath()];
    const { stdout, stderr } = spawnSync('openssl', args, { ...childLimits, encoding: 'utf8' });
    if (!stderr.includes('verify OK')) faults.push(`openssl says of the CRL: ${stderr.trim()}`);
    const number = BigInt(/X509v3 CRL Number:\s*(0x[0-9A-F]+|\d+)/.exec(stdout)?.[1] ?? '0');
    if (number <= this.#crlNumber) faults.push(`CRL ${number} took the place of CRL ${this.#crlNumber}`);
    this.#crlNumber = number;
    this.#crlHash = hash;
    const listed = [...stdout.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial = '']) =>
      serial.toLowerCase(),
    );
    for (const serial of this.#acknowledged) {
      if (!listed.includes(serial)) faults.push(`${serial} was said to be revoked and is not on the CRL`);
    }
    for (const serial of listed) {
      if (!book.revoked.has(serial)) faults.push(`${serial} is on the CRL and not revoked on record`);
    }
    return faults;
  }

  /** The head beside the CRL is of this CA, and of a line on record. */
  #headFaults({ text, root }: Book): string[] {
    const head = readFileSync(join(this.#home, 'crl', 'ledger.head'), 'utf8');
    const [, signed = '', seq, hash, signature = ''] =
      /^(.*\nseq: (\d+)\nhash: (\w{64})\n.*\n)signature: (\S+)\n$/s.exec(head) ?? [];
    const { publicKey } = new X509Certificate(root);
    const faults: string[] = [];
    if (!verify('sha256', Buffer.from(signed), publicKey, Buffer.from(signature, 'base64')))
      faults.push('the head beside the CRL is not signed');
    const line = text.toString('utf8').split('\n')[Number(seq) - 1];
    if (line === undefined || sha256(Buffer.from(line)) !== hash)
      faults.push(`the head beside the CRL is not of entry ${seq}`);
    return faults;
  }

  /** Every certificate in the client's place is recorded; the set that readers see belongs together. */
  #deliveryFaults(client: string, book: Book): string[] {
    const directory = this.#directoryOf(client, book);
    if (directory === undefined || !existsSync(directory)) return [];
    const faults = walk(directory)
      .filter((path) => /\.(crt|pem)$/.test(path) && existsSync(path))
      .flatMap((path) => this.#unrecorded(readFileSync(path, 'utf8'), book).map((it) => `${path}: ${it}`))
      .map((fault) => `${fault} is delivered and not recorded`);
    const certificate = this.#readPlace(client, book, 'crt');
    if (certificate === undefined) return faults;
    const read = new X509Certificate(certificate);
    if (!read.verify(new X509Certificate(book.root).publicKey)) faults.push(`${client}: not of this CA`);
    const bundle = this.#readPlace(client, book, 'pem');
    const key = this.#readPlace(client, book, 'key');
    if (key === undefined || bundle === undefined) return [...faults, `${client}: half a delivery`];
    if (!read.checkPrivateKey(createPrivateKey(key))) faults.push(`${client}: key and certificate differ`);
    if (bundle !== key + certificate) faults.push(`${client}: the bundle is another set`);
    return faults;
  }

  #readPlace(client: string, book: Book, extension: 'crt' | 'key' | 'pem'): string | undefined {
    const directory = this.#directoryOf(client, book);
    const path = directory && join(directory, `${client}.${extension}`);
    return path && existsSync(path) ? readFileSync(realpathSync(path), 'utf8') : undefined;
  }

  #directoryOf(client: string, book: Book): string | undefined {
    const place = book.placeOf.get(client);
    return place?.kind === 'home' ? join(this.#home, 'clients', client) : place?.path;
  }

  #unrecorded(text: string, book: Book): string[] {
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g) ?? [];
    return blocks
      .map((block) => new X509Certificate(block))
      .filter(({ raw }) => !raw.equals(book.root))
      .filter((certificate) => !book.issued.get(serialOf(certificate))?.der.equals(certificate.raw))
      .map((certificate) => serialOf(certificate));
  }

  #caPath(): string {
    return join(this.#home, 'ca.crt');
  }
}

/** The client's last certificate that is not revoked. */
export function latestOf(client: string, book: Book) {
  return [...book.issued.values()].findLast(
    (each) => each.client === client && !book.revoked.has(each.serial),
  );
}

function serialOf(certificate: X509Certificate): string {
  return certificate.serialNumber.toLowerCase();
}

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

function walk(directory: string): string[] {
  const entries: Dirent[] = readdirSync(directory, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? walk(path) : [path];
  });
}
