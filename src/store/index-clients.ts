import { KeyedRows } from './index-keyed-rows.ts';
import type { LineScan } from './index-scan.ts';
import { clientKey, clientNameHash, type Place, tableWidths, writePlace } from './index-tables.ts';

/** Where the parts of a row of `clients` begin. */
export const clientRow = { nameKeyHash: 0, nameHash: 16, firstSeq: 32, addedAt: 38, place: 46 } as const;

export const clientKeyOctets = 32;

const stride = tableWidths.clients;

/** The clients of a run that is being made, as rows of its table: 60 octets each, and 6 to 12 in the hash table. */
export class ClientRows {
  readonly #rows: KeyedRows;

  /** @param estimate how many there may be; more is no fault */
  constructor(estimate: number) {
    this.#rows = new KeyedRows({ stride, keyOctets: clientKeyOctets, estimate });
  }

  /** Takes in a `client-added` line; gives the client's key if it is its first one. */
  add(scan: LineScan, { segment, offset, length }: Place): Buffer | undefined {
    const rows = this.#rows;
    writeKey(scan.octets.subarray(scan.clientStart, scan.clientEnd), rows.octets, rows.draft);
    const known = rows.find();
    const at = (known < 0 ? rows.add() : known) * stride;
    writePlace(rows.octets, at + clientRow.place, segment, offset, length);
    if (known >= 0) return undefined;
    rows.octets.writeUIntBE(scan.seq, at + clientRow.firstSeq, 6);
    rows.octets.writeDoubleBE(scan.timeMs, at + clientRow.addedAt);
    return rows.octets.subarray(at, at + clientKeyOctets);
  }

  /** The rows, sorted. */
  *sorted(): Generator<Buffer> {
    const rows = this.#rows;
    const all = Uint32Array.from({ length: rows.count }, (_, row) => row);
    for (const row of rows.sorted(all, 0, clientKeyOctets)) {
      yield rows.octets.subarray(row * stride, (row + 1) * stride);
    }
  }
}

function writeKey(name: Buffer, into: Buffer, at: number): void {
  if (isPlain(name)) {
    // Such a name is its own key: to be told so by Unicode takes longer than the hash.
    const nameHash = clientNameHash(name);
    into.set(nameHash, at + clientRow.nameKeyHash);
    into.set(nameHash, at + clientRow.nameHash);
  } else into.set(clientKey(name.toString('utf8')), at);
}

/** True for ASCII without capitals. */
function isPlain(name: Buffer): boolean {
  for (const octet of name) if (octet >= 0x80 || (octet >= 0x41 && octet <= 0x5a)) return false;
  return true;
}
