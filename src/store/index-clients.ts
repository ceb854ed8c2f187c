import { KeyedRows } from './index-keyed-rows.ts';
import type { LineBatch } from './index-lines.ts';
import { copyOctets, writeNumber } from './index-octets.ts';
import { sortRows } from './index-sort.ts';
import { clientKey, clientNameOctets, nameDigest, tableWidths, writePlace } from './index-tables.ts';

/** Where the parts of a row of `clients` begin. */
export const clientRow = { nameKeyHash: 0, nameHash: 16, firstSeq: 32, addedAt: 38, place: 46 } as const;

export const clientKeyOctets = 32;

const stride = tableWidths.clients;

/** The clients of a run that is being made, as rows of its table: 60 octets each, and 6 to 12 in the hash table. */
export class ClientRows {
  readonly rows: KeyedRows;

  /** @param estimate how many there may be; more is no fault */
  constructor(estimate: number) {
    this.rows = new KeyedRows({ stride, keyOctets: clientKeyOctets, estimate });
  }

  /** Takes in a `client-added` line; gives the row of a client of which it is the first one, else −1. */
  add(batch: LineBatch, line: number): number {
    const { rows } = this;
    writeKey(batch.octets, batch.nameStart(line), batch.nameEnd(line), rows.octets, rows.draft);
    const known = rows.find();
    const row = known < 0 ? rows.add() : known;
    const at = row * stride;
    writePlace(rows.octets, at + clientRow.place, batch.segment, batch.offset(line), batch.length(line));
    if (known >= 0) return -1;
    writeNumber(rows.octets, at + clientRow.firstSeq, batch.seq(line), 6);
    rows.octets.writeDoubleBE(batch.timeMs(line), at + clientRow.addedAt);
    return row;
  }

  key(row: number): Buffer {
    return this.rows.octets.subarray(row * stride, row * stride + clientKeyOctets);
  }

  /** The rows, sorted. */
  sorted(): Uint32Array {
    const all = Uint32Array.from({ length: this.rows.count }, (_, row) => row);
    return sortRows(this.rows, all, 0, clientKeyOctets);
  }
}

function writeKey(octets: Buffer, start: number, end: number, into: Buffer, at: number): void {
  const name = octets.subarray(start, end);
  if (isPlain(octets, start, end)) {
    // Such a name is its own key: to be told so by Unicode takes longer than the hash.
    const digest = nameDigest(name);
    copyOctets(digest, 0, into, at + clientRow.nameKeyHash, clientNameOctets);
    copyOctets(digest, 0, into, at + clientRow.nameHash, clientNameOctets);
  } else into.set(clientKey(name.toString('utf8')), at);
}

/** True for ASCII without capitals. */
function isPlain(octets: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const octet = octets[at] ?? 0;
    if (octet >= 0x80 || (octet >= 0x41 && octet <= 0x5a)) return false;
  }
  return true;
}
