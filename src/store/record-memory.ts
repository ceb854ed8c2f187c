import type { ClientName } from '../core/client-name.ts';
import type { ClientPolicy } from '../ledger/entry.ts';
import type { CertificateRecord } from '../ledger/record.ts';
import type { Place } from './index-tables.ts';

/** So many of each kind, in some 10 MB: a list of clients is looked up more than once before all of it is done. */
const mostRemembered = 16_384;

/** What a `client-added` line says of the client itself. */
export interface AddedClient {
  readonly client: ClientName;
  readonly policy: ClientPolicy;
}

/** What was read of single lines last: to open, read and parse a line takes longer than all else that is asked of it. */
export class RecordMemory {
  readonly clients = new LineMemory<AddedClient>();
  /** What `issued` lines say by themselves. */
  readonly issued = new LineMemory<CertificateRecord>();
}

/** What was made of lines, by their places. A line that an index points to is on record, and never changes. */
class LineMemory<T> {
  readonly #made = new Map<string, T>();

  /** What was made of that line before, or what `make` gives now. */
  recall({ segment, offset }: Place, make: () => T): T {
    const key = `${segment} ${offset}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = make();
    const [oldest] = this.#made.keys();
    if (oldest !== undefined && this.#made.size >= mostRemembered) this.#made.delete(oldest);
    this.#made.set(key, made);
    return made;
  }
}
