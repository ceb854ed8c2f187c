import type { Serial } from '../core/serial.ts';
import type { Entry } from '../ledger/entry.ts';

/** What is said of octets after the last whole line: they are no entry, and nobody was promised what they were to be. */
export function describeTorn(octets: number): string {
  const what = octets === 1 ? '1 octet that is' : `${octets} octets that are`;
  return `the ledger ends in ${what} no whole line, as after a power cut`;
}

/**
 * Gathers the entries that no kept head speaks for, though the commands that write such entries keep one: a command died
 * in between, or somebody without the CA's key has written them.
 */
export class UnsignedEntries {
  readonly #after: number;
  readonly #types = new Set<Entry['type']>();
  /** To take a certificate back in, with its client before it and what revokes it after it, takes no key. */
  readonly #adopted = new Set<Serial>();
  #client: Extract<Entry, { type: 'client-added' }> | undefined;
  #first = 0;
  #count = 0;

  /** @param after the number of the last entry that a kept head speaks for; 0 for none, and then nothing is expected */
  constructor(after: number) {
    this.#after = after;
  }

  /** To be told of each entry in order. */
  see(entry: Entry): void {
    if (this.#after === 0 || entry.seq <= this.#after) return;
    const isAdopted = entry.type === 'issued' && entry.adopted;
    if (isAdopted) this.#adopted.add(entry.serial);
    if (!isAdopted || this.#client?.client !== entry.client) this.#countClient();
    this.#client = entry.type === 'client-added' ? entry : undefined;
    if (entry.type === 'issued' && !isAdopted) this.#add(entry);
    if ((entry.type === 'revoked' || entry.type === 'key-compromised') && !this.#adopted.has(entry.serial))
      this.#add(entry);
  }

  /** What is to be said of them once all were seen; undefined if there are none. */
  describe(): string | undefined {
    this.#countClient();
    if (this.#count === 0) return undefined;
    const types = [...this.#types].join(', ');
    const what =
      this.#count === 1
        ? `entry ${this.#first} (${types}) came`
        : `${this.#count} entries from entry ${this.#first} on (${types}) came`;
    return (
      `${what} after the last signed head, which is of entry ${this.#after}: a command died before it signed, or somebody ` +
      'else wrote there; look at them with ca ledger export, then have them signed with ca crl'
    );
  }

  #countClient(): void {
    if (this.#client) this.#add(this.#client);
    this.#client = undefined;
  }

  #add({ seq, type }: Entry): void {
    if (this.#count++ === 0) this.#first = seq;
    this.#types.add(type);
  }
}
