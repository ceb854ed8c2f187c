import type { ClientName } from '../core/client-name.ts';
import type { RevocationPage } from '../core/revocation-page.ts';
import type { Serial } from '../core/serial.ts';
import { hashLine } from '../ledger/chain.ts';
import type { Entry, IssuerRole } from '../ledger/entry.ts';
import { parseEntry } from '../ledger/entry-codec.ts';
import { authorityRecord, crlRecord, issuedRecord } from '../ledger/entry-records.ts';
import { pageLength, unknownSerial } from '../ledger/ledger-state.ts';
import type { StatusCounts } from '../ledger/ledger-view.ts';
import type { AuthorityRecord, CertificateRecord, ClientRecord, CrlRecord } from '../ledger/record.ts';
import { IndexDamage } from './index-blocks.ts';
import { clientRow } from './index-clients.ts';
import { countByStatus, countLive, liveRows, rowsEnding } from './index-endings.ts';
import { type Facts, findFacts } from './index-facts.ts';
import type { IndexSummary } from './index-manifest.ts';
import { crlPages } from './index-revocations.ts';
import {
  clientHash,
  clientKey,
  clientNameHash,
  endRowOctets,
  liveKeyOctets,
  type Place,
  postingKeyOctets,
  postingPlaceAt,
  readPlace,
  serialKey,
} from './index-tables.ts';
import type { Journal } from './journal.ts';
import type { OpenIndex } from './ledger-index.ts';
import type { AddedClient, RecordMemory } from './record-memory.ts';

/** Who looks at the next few that end waits for no more. */
const firstPageLength = 250;

/** Blocks of `certificates` that are read at once for all certificates, 64 MiB: what more there is, is read when it is asked for. */
const mostPreloaded = 16_384;

/** Answers from one index and the lines of the journal that it points to. Throws {@link IndexDamage} where they disagree. */
export class IndexReader {
  readonly #index: OpenIndex;
  readonly #journal: Journal;
  readonly #memory: RecordMemory;

  constructor(index: OpenIndex, journal: Journal, memory: RecordMemory) {
    this.#index = index;
    this.#journal = journal;
    this.#memory = memory;
  }

  get summary(): IndexSummary {
    return this.#index.summary;
  }

  authority(): AuthorityRecord {
    return authorityRecord(this.#entry(this.#index.summary.authority, 'authority-created'));
  }

  client(name: ClientName): ClientRecord | undefined {
    const key = clientKey(name);
    let addedAt: Date | undefined;
    let place: Place | undefined;
    for (const run of this.#index.tables) {
      const row = run.clients.find(key);
      if (!row) continue;
      addedAt ??= new Date(row.readDoubleBE(clientRow.addedAt));
      place = readPlace(row, clientRow.place);
    }
    if (!addedAt || !place) return undefined;
    const { client, policy } = this.#addedAt(place);
    if (client !== name) throw new IndexDamage(`a client's line is another's`);
    return { name, addedAt, policy };
  }

  /** The client that was first to have a name with that key. */
  clientNameWithKey(nameKey: string): ClientName | undefined {
    const rows = this.#index.tables.flatMap((run) => [...run.clients.startingWith(clientNameHash(nameKey))]);
    const [first] = rows.sort(
      (a, b) => a.readUIntBE(clientRow.firstSeq, 6) - b.readUIntBE(clientRow.firstSeq, 6),
    );
    return first && this.#addedAt(readPlace(first, clientRow.place)).client;
  }

  hasCertificate(serial: Serial): boolean {
    return findFacts(this.#index.tables, serialKey(serial)) !== undefined;
  }

  certificate(serial: Serial): CertificateRecord | undefined {
    const facts = findFacts(this.#index.tables, serialKey(serial));
    if (!facts) return undefined;
    const issued = this.#issuedAt(facts.place);
    checkSerial(issued, serial);
    return recordOf(issued, facts);
  }

  certificateBytes(serial: Serial): Uint8Array {
    const facts = findFacts(this.#index.tables, serialKey(serial));
    if (!facts) throw unknownSerial(serial);
    const entry = this.#entry(facts.place, 'issued');
    checkSerial(entry, serial);
    return Buffer.from(entry.certificate, 'base64');
  }

  certificatesOf(client: ClientName): CertificateRecord[] {
    const posted = this.#records(this.#posted('byClient', postingKey(client)));
    return posted.filter((record) => record.client === client);
  }

  *newestFirst(client: ClientName): Generator<readonly CertificateRecord[]> {
    for (const place of this.#posted('byClient', postingKey(client)).reverse()) {
      const record = this.#recordAt(place);
      if (record.client === client) yield [record];
    }
  }

  certificatesWithKey(key: string): CertificateRecord[] {
    const first = Buffer.from(key.slice(0, 16).padEnd(16, '0'), 'hex');
    return this.#records(this.#posted('byKey', first)).filter((record) => record.key === key);
  }

  isKeyBarred(key: string): boolean {
    if (this.#index.summary.barredKeys.includes(key)) return true;
    return this.certificatesWithKey(key).some(({ revocation }) => revocation?.reason === 'keyCompromise');
  }

  *certificates(): Generator<readonly CertificateRecord[]> {
    const { tables, point } = this.#index;
    let room = mostPreloaded;
    for (const run of tables) room -= run.certificates.preload(room);
    let page: CertificateRecord[] = [];
    for (const { octets, seq, where } of this.#journal.linesUpTo(point.seq)) {
      if (octets.indexOf('"type":"issued"', 0, 'latin1') !== issuedAt(seq)) continue;
      const entry = parseEntry(octets, where());
      if (entry.type !== 'issued') throw new Error(`${where()} changed its type`);
      page.push(recordOf(issuedRecord(entry), findFacts(tables, serialKey(entry.serial))));
      if (page.length < pageLength) continue;
      yield page;
      page = [];
    }
    if (page.length > 0) yield page;
  }

  certificatesExpiring(from: Date, to: Date): Generator<readonly CertificateRecord[]> {
    return pagesOf(rowsEnding(this.#index.tables, 'byNotAfter', from, to), (row) =>
      this.#recordAt(readPlace(row, liveKeyOctets)),
    );
  }

  liveExpiring(from: Date, to: Date): Generator<readonly CertificateRecord[]> {
    return pagesOf(liveRows(this.#index.tables, from, to), (row) => this.#liveRecord(row));
  }

  countLive(from: Date, to: Date): number {
    return countLive(this.#index.tables, from, to);
  }

  undelivered(): CertificateRecord[] {
    const settled = new Set<number>();
    const owed: { seq: number; place: Place }[] = [];
    for (const run of this.#index.tables) {
      for (const rows of run.settled.rows(0, run.settled.count)) {
        for (let at = 0; at < rows.length; at += 6) settled.add(rows.readUIntBE(at, 6));
      }
      for (const rows of run.undelivered.rows(0, run.undelivered.count)) {
        for (let at = 0; at < rows.length; at += 19) {
          owed.push({ seq: rows.readUIntBE(at, 6), place: readPlace(rows, at + 6) });
        }
      }
    }
    return this.#records(owed.filter(({ seq }) => !settled.has(seq)).map(({ place }) => place));
  }

  counts(now: Date): StatusCounts {
    return countByStatus(this.#index.tables, now);
  }

  lastCrl(issuer: IssuerRole): CrlRecord | undefined {
    const { rootCrl, issuingCrl } = this.#index.summary;
    const place = issuer === 'root' ? rootCrl : issuingCrl;
    return place && crlRecord(this.#entry(place, 'crl-published'), hashLine(this.#line(place)));
  }

  lastRevocationSeq(): number {
    const table = this.#index.tables.findLast((run) => run.revocations.count > 0)?.revocations;
    for (const row of table?.rows(table.count - 1, table.count) ?? []) return row.readUIntBE(0, 6);
    return 0;
  }

  /** How many revocations there are, whether they belong on the next CRL or not. */
  revocationCount(): number {
    return this.#index.tables.reduce((sum, { revocations }) => sum + revocations.count, 0);
  }

  /** The revocations for the CRL that follows that one. A page is overwritten by the next. */
  *revocations(dropExpired: boolean, lastCrl: CrlRecord | undefined): Generator<RevocationPage> {
    for (const run of this.#index.tables) yield* crlPages(run, dropExpired, lastCrl);
  }

  /** Where the certificates with that key were issued, oldest first; of others, too, whose keys begin alike. */
  #posted(name: 'byClient' | 'byKey', key: Buffer): Place[] {
    const places: Place[] = [];
    for (const run of this.#index.tables) {
      for (const row of run[name].startingWith(key)) places.push(readPlace(row, postingPlaceAt));
    }
    return places;
  }

  #records(places: readonly Place[]): CertificateRecord[] {
    return places.map((place) => this.#recordAt(place));
  }

  #recordAt(place: Place): CertificateRecord {
    const issued = this.#issuedAt(place);
    return recordOf(issued, findFacts(this.#index.tables, serialKey(issued.serial)));
  }

  /** What a row of `live` tells of a certificate that no row of `ended` takes away is all there is, once it was delivered. */
  #liveRecord(row: Buffer): CertificateRecord {
    const place = readPlace(row, liveKeyOctets);
    const deliveredMs = row.readDoubleBE(endRowOctets);
    if (deliveredMs === 0) return this.#recordAt(place);
    const issued = this.#issuedAt(place);
    if (issued.seq !== row.readUIntBE(5, 6)) throw new IndexDamage('a live certificate has another number');
    return { ...issued, deliveredAt: new Date(deliveredMs) };
  }

  #issuedAt(place: Place): CertificateRecord {
    return this.#memory.issued.recall(place, () => issuedRecord(this.#entry(place, 'issued')));
  }

  #addedAt(place: Place): AddedClient {
    return this.#memory.clients.recall(place, () => {
      const { client, policy } = this.#entry(place, 'client-added');
      return { client, policy };
    });
  }

  #entry<T extends Entry['type']>(place: Place, type: T): Extract<Entry, { type: T }> {
    const entry = parseEntry(this.#line(place), this.#journal.whereAt(place.segment, place.offset));
    if (entry.type !== type) throw new IndexDamage(`a line is of type ${entry.type}, not ${type}`);
    return entry as Extract<Entry, { type: T }>;
  }

  #line({ segment, offset, length }: Place): Uint8Array {
    return this.#journal.read(segment, offset, length);
  }
}

function postingKey(client: ClientName): Buffer {
  const name = Buffer.from(client);
  const key = Buffer.alloc(postingKeyOctets);
  clientHash(name, 0, name.length, key, 0);
  return key;
}

function checkSerial(issued: { readonly serial: Serial }, serial: Serial): void {
  if (issued.serial !== serial) throw new IndexDamage(`a certificate's line is another's`);
}

/** @param issued what its line says */
function recordOf(issued: CertificateRecord, facts: Facts | undefined): CertificateRecord {
  if (!facts || facts.seq !== issued.seq) throw new IndexDamage('a certificate is not in the index');
  const { deliveredAt, supersededAt, revocation } = facts;
  return {
    ...issued,
    ...(deliveredAt && { deliveredAt }),
    ...(supersededAt && { supersededAt }),
    ...(revocation && { revocation }),
  };
}

function* pagesOf(
  rows: Iterable<Buffer>,
  recordOf: (row: Buffer) => CertificateRecord,
): Generator<readonly CertificateRecord[]> {
  let page: CertificateRecord[] = [];
  let length = firstPageLength;
  for (const row of rows) {
    page.push(recordOf(row));
    if (page.length < length) continue;
    yield page;
    page = [];
    length = pageLength;
  }
  if (page.length > 0) yield page;
}

/** Where `"type":"issued"` stands in the line of that number. */
function issuedAt(seq: number): number {
  return '{"seq":,"time":"2026-11-22T00:00:00.000Z",'.length + String(seq).length;
}
