import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from './crl-watch.ts';
import type { Book } from './record-reader.ts';

const everyMs = 10;

/** Reads, while commands run, what servers and clients read: the CRL in place, and the bundles of some clients. */
export class ServerEye {
  readonly #home: string;
  readonly #bundles: ReadonlyMap<string, Set<string>>;
  readonly #crls: string[] = [];
  readonly #faults: string[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(home: string, clients: readonly string[]) {
    this.#home = home;
    this.#bundles = new Map(clients.map((client) => [client, new Set()]));
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  /** Looks no more, and says what was wrong: half a file, a CRL that nobody recorded, an older one after a newer. */
  close(book: Book): string[] {
    clearInterval(this.#timer);
    this.#look();
    const order = book.crls.map((crl) => crl.sha256);
    const seen = this.#crls.map((hash) => order.indexOf(hash));
    if (seen.includes(-1)) this.#faults.push('a server has read a CRL that was never recorded');
    if (seen.some((at, index) => index > 0 && at <= (seen[index - 1] ?? -1)))
      this.#faults.push('a server has read an older CRL after a newer one');
    for (const [client, bundles] of this.#bundles) {
      for (const bundle of bundles) this.#faults.push(...bundleFaults(client, bundle, book));
    }
    return this.#faults;
  }

  #look(): void {
    const crl = this.#read('crl/ca.crl');
    const hash = crl === undefined ? undefined : sha256(crl);
    if (hash !== undefined && hash !== this.#crls.at(-1)) this.#crls.push(hash);
    for (const [client, bundles] of this.#bundles) {
      const bundle = this.#read(`clients/${client}/${client}.pem`);
      if (bundle !== undefined) bundles.add(bundle.toString('utf8'));
    }
  }

  #read(name: string): Buffer | undefined {
    try {
      return readFileSync(join(this.#home, name));
    } catch (error) {
      this.#faults.push(`a server could not read ${name}: ${error}`);
      return undefined;
    }
  }
}

function bundleFaults(client: string, bundle: string, book: Book): string[] {
  try {
    const certificate = new X509Certificate(bundle.slice(bundle.indexOf('-----BEGIN CERTIFICATE')));
    const faults: string[] = [];
    if (!certificate.checkPrivateKey(createPrivateKey(bundle)))
      faults.push(`${client} has read a bundle whose key is another's`);
    if (!book.issued.has(certificate.serialNumber.toLowerCase()))
      faults.push(`${client} has read a bundle that was never recorded`);
    return faults;
  } catch (error) {
    return [`${client} has read half a bundle: ${error}`];
  }
}
