import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { childLimits } from '../support/run-cli.ts';
import { CrlWatch } from './crl-watch.ts';
import { type Book, latestOf, readBook } from './record-reader.ts';

/**
 * Watches one authority, of one tier or two, from outside, with its own reader of the record, node:crypto and openssl, and
 * says what is wrong. It remembers, so that it also sees what was taken back. It knows the record through `readBook` alone,
 * and that through `record-place.ts`: a ledger that is kept elsewhere needs no other checker.
 */
export class Checker {
  readonly #home: string;
  readonly #outside: readonly string[];
  readonly #crls: CrlWatch;
  #text: Uint8Array = new Uint8Array();
  /** Serials that a command has said to have issued and delivered. */
  readonly #issued = new Set<string>();

  /** @param outside directories to which certificates may have got, on record or not */
  constructor(home: string, outside: readonly string[] = []) {
    this.#home = home;
    this.#outside = outside;
    this.#crls = new CrlWatch(home);
  }

  /** A command said that these are revoked. */
  acknowledgeRevoked(serials: readonly string[]): void {
    this.#crls.acknowledge(serials);
  }

  /** A command said that these were issued, and their files delivered. */
  acknowledgeIssued(serials: readonly string[]): void {
    for (const serial of serials) this.#issued.add(serial);
  }

  /** What must hold at every instant, whatever was killed. */
  faults(): string[] {
    const book = readBook(this.#home);
    return [
      ...book.faults,
      ...this.#historyFaults(book),
      ...this.#crls.faults(book),
      ...this.#foundFaults(book),
      ...[...book.placeOf.keys()].flatMap((client) => this.#deliveryFaults(client, book)),
      ...this.#chainFaults(book),
    ];
  }

  /** What must hold besides once a command has repaired everything. */
  repairFaults(): string[] {
    const book = readBook(this.#home);
    const faults: string[] = [];
    for (const [client, { kind }] of book.placeOf) {
      const latest = latestOf(client, book);
      // Where the one that took over from it was revoked alone, that one stays in its place.
      if (!latest || book.superseded.has(latest.serial) || kind === 'stdout') continue;
      if (!book.delivered.has(latest.serial)) faults.push(`${client}: ${latest.serial} was not delivered`);
      const inPlace = this.#readPlace(client, book, 'crt');
      if (inPlace === undefined || serialOf(new X509Certificate(inPlace)) !== latest.serial)
        faults.push(`${client}: another certificate than ${latest.serial} is in place, or none`);
    }
    return [...faults, ...this.#crls.repairFaults(book)];
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

  #historyFaults({ text, issued, delivered }: Book): string[] {
    const faults = text.subarray(0, this.#text.length).equals(this.#text)
      ? []
      : ['lines that were on record are gone'];
    this.#text = text;
    for (const serial of this.#issued) {
      if (!issued.has(serial) || !delivered.has(serial))
        faults.push(`${serial} was said to be issued and is not on record, or not delivered`);
    }
    return faults;
  }

  /** Every certificate that is found anywhere, in whatever file, is recorded, whoever's it is. */
  #foundFaults(book: Book): string[] {
    const places = [...book.placeOf.values()].flatMap(({ path }) => path ?? []);
    const directories = new Set([join(this.#home, 'clients'), ...places, ...this.#outside]);
    const files = new Set([...directories].filter((path) => existsSync(path)).flatMap(walk));
    return [...files]
      .filter((path) => lstatSync(path).isFile())
      .flatMap((path) => this.#unrecorded(readFileSync(path, 'latin1'), book).map((it) => `${path}: ${it}`))
      .map((fault) => `${fault} is delivered and not recorded`);
  }

  /** The set that readers see belongs together. */
  #deliveryFaults(client: string, book: Book): string[] {
    const certificate = this.#readPlace(client, book, 'crt');
    if (certificate === undefined) return [];
    const read = new X509Certificate(certificate);
    const key = this.#readPlace(client, book, 'key');
    const bundle = this.#readPlace(client, book, 'pem');
    if (key === undefined && bundle === undefined && book.placeOf.get(client)?.key === 'csr') return [];
    if (key === undefined || bundle === undefined) return [`${client}: half a delivery`];
    const faults: string[] = [];
    if (!read.checkPrivateKey(createPrivateKey(key))) faults.push(`${client}: key and certificate differ`);
    const chain = book.twoTier ? readFileSync(join(this.#home, 'chain.crt'), 'utf8') : '';
    if (bundle !== key + certificate + chain) faults.push(`${client}: the bundle is another set`);
    return faults;
  }

  /** The certificate in each place leads to the root, as openssl sees it, whatever the clock says. */
  #chainFaults(book: Book): string[] {
    const paths = [...book.placeOf.keys()]
      .map((client) => this.#pathOf(client, book, 'crt'))
      .filter((path) => path !== undefined);
    if (paths.length === 0) return [];
    const between = book.twoTier ? ['-untrusted', join(this.#home, 'chain.crt')] : [];
    const args = ['verify', '-no_check_time', '-CAfile', join(this.#home, 'ca.crt'), ...between, ...paths];
    const { status, stderr } = spawnSync('openssl', args, { ...childLimits, encoding: 'utf8' });
    return status === 0 ? [] : [`openssl says of the chain: ${stderr.trim()}`];
  }

  #readPlace(client: string, book: Book, extension: 'crt' | 'key' | 'pem'): string | undefined {
    const path = this.#pathOf(client, book, extension);
    return path && readFileSync(realpathSync(path), 'utf8');
  }

  #pathOf(client: string, book: Book, extension: 'crt' | 'key' | 'pem'): string | undefined {
    const directory = this.#directoryOf(client, book);
    const path = directory && join(directory, `${client}.${extension}`);
    return path && existsSync(path) ? path : undefined;
  }

  #directoryOf(client: string, book: Book): string | undefined {
    const place = book.placeOf.get(client);
    return place?.kind === 'home' ? join(this.#home, 'clients', client) : place?.path;
  }

  #unrecorded(text: string, book: Book): string[] {
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g) ?? [];
    return blocks
      .map((block) => new X509Certificate(block))
      .filter(({ raw }) => !raw.equals(book.root) && !raw.equals(book.issuer))
      .filter((certificate) => !book.issued.get(serialOf(certificate))?.der.equals(certificate.raw))
      .map((certificate) => serialOf(certificate));
  }
}

function serialOf(certificate: X509Certificate): string {
  return certificate.serialNumber.toLowerCase();
}

/** The files in a directory and those below it; of a file, itself. */
function walk(path: string): string[] {
  if (!lstatSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => walk(join(path, name)));
}
