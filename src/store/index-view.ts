import type { ClientName } from '../core/client-name.ts';
import { type RevocationPage, revocationWidth } from '../core/revocation-page.ts';
import type { Serial } from '../core/serial.ts';
import type { Entry, IssuerRole } from '../ledger/entry.ts';
import { parseEntry } from '../ledger/entry-codec.ts';
import type { OlderView } from '../ledger/layered-view.ts';
import {
  authorityRecord,
  crlRecord,
  issuedRecord,
  pageLength,
  pages,
  unknownSerial,
} from '../ledger/ledger-state.ts';
import type { StatusCounts } from '../ledger/ledger-view.ts';
import {
  type AuthorityRecord,
  type CertificateRecord,
  type ClientRecord,
  type CrlRecord,
  isDueOnCrl,
  type LedgerHead,
} from '../ledger/record.ts';
import { IndexDamage } from './index-blocks.ts';
import { type Facts, findFacts } from './index-facts.ts';
import {
  clientHash,
  clientKey,
  clientNameHash,
  type Place,
  readPlace,
  readSeconds,
  secondsBias,
  serialKey,
  type TableName,
} from './index-tables.ts';
import type { Journal } from './journal.ts';
import type { OpenIndex } from './ledger-index.ts';

/**
 * The record up to the point where an index ends. Answers come from lines of the journal that the index points to; when
 * the index turns out to be damaged, one that `repair` makes answers instead.
 */
export class IndexView implements OlderView {
  readonly head: LedgerHead;
  readonly authority: AuthorityRecord;
  readonly #journal: Journal;
  readonly #repair: () => OpenIndex;
  #index: OpenIndex;
  #isRepaired = false;

  /** @param repair builds an index of the same lines without using this one */
  constructor(index: OpenIndex, journal: Journal, repair: () => OpenIndex) {
    const { seq, hash, time } = index.point;
    this.head = { seq, hash, time };
    this.#index = index;
    this.#journal = journal;
    this.#repair = repair;
    this.authority = this.#ask((healthy) =>
      authorityRecord(this.#entry(healthy.summary.authority, 'authority-created')),
    );
  }

  findClient(name: ClientName): ClientRecord | undefined {
    const key = clientKey(name);
    return this.#ask(({ tables }) => {
      let addedAt: Date | undefined;
      let place: Place | undefined;
      for (const run of tables) {
        const row = run.clients.find(key);
        if (!row) continue;
        addedAt ??= new Date(row.readDoubleBE(38));
        place = readPlace(row, 46);
      }
      if (!addedAt || !place) return undefined;
      const { client, policy } = this.#entry(place, 'client-added');
      if (client !== name) throw new IndexDamage(`a client's line is another's`);
      return { name, addedAt, policy };
    });
  }

  async client(name: ClientName): Promise<ClientRecord | undefined> {
    return this.findClient(name);
  }

  async clientWithKey(nameKey: string): Promise<ClientRecord | undefined> {
    const name = this.#ask(({ tables }) => {
      const rows = tables.flatMap((run) => [...run.clients.startingWith(clientNameHash(nameKey))]);
      const [first] = rows.sort((a, b) => a.readUIntBE(32, 6) - b.readUIntBE(32, 6));
      return first && this.#entry(readPlace(first, 46), 'client-added').client;
    });
    return name && this.findClient(name);
  }

  async clientCount(): Promise<number> {
    return this.#index.summary.clientCount;
  }

  findCertificate(serial: Serial): CertificateRecord | undefined {
    return this.#ask(({ tables }) => {
      const facts = findFacts(tables, serialKey(serial));
      if (!facts) return undefined;
      const record = this.#record(this.#issued(facts.place), facts);
      if (record.serial !== serial) throw new IndexDamage(`a certificate's line is another's`);
      return record;
    });
  }

  async certificate(serial: Serial): Promise<CertificateRecord | undefined> {
    return this.findCertificate(serial);
  }

  async certificateBytes(serial: Serial): Promise<Uint8Array> {
    return this.#ask(({ tables }) => {
      const facts = findFacts(tables, serialKey(serial));
      if (!facts) throw unknownSerial(serial);
      const entry = this.#issued(facts.place);
      if (entry.serial !== serial) throw new IndexDamage(`a certificate's line is another's`);
      return Buffer.from(entry.certificate, 'base64');
    });
  }

  async certificatesOf(client: ClientName): Promise<readonly CertificateRecord[]> {
    const name = Buffer.from(client);
    const key = Buffer.alloc(8);
    clientHash(name, 0, name.length, key, 0);
    return this.#ask((index) =>
      this.#posted(index, 'byClient', key).filter((record) => record.client === client),
    );
  }

  async certificatesWithKey(key: string): Promise<readonly CertificateRecord[]> {
    const first = Buffer.from(key.slice(0, 16).padEnd(16, '0'), 'hex');
    return this.#ask((index) => this.#posted(index, 'byKey', first).filter((record) => record.key === key));
  }

  async isKeyBarred(key: string): Promise<boolean> {
    if (this.#index.summary.barredKeys.includes(key)) return true;
    const certificates = await this.certificatesWithKey(key);
    return certificates.some(({ revocation }) => revocation?.reason === 'keyCompromise');
  }

  certificates(): AsyncIterable<readonly CertificateRecord[]> {
    return this.#askPages((index) => this.#all(index));
  }

  certificatesExpiring(from: Date, to: Date): AsyncIterable<readonly CertificateRecord[]> {
    return this.#askPages((index) => this.#expiring(index, from, to));
  }

  async countExpiring(from: Date, to: Date): Promise<number> {
    return this.#ask((index) =>
      Math.max(0, endingFrom(index, 'byNotAfter', from) - endingFrom(index, 'byNotAfter', to)),
    );
  }

  async longestValidityMs(): Promise<number> {
    return this.#index.summary.longestValidityMs;
  }

  async undelivered(): Promise<readonly CertificateRecord[]> {
    return this.#ask((index) => {
      const settled = new Set<number>();
      const owed: { seq: number; place: Place }[] = [];
      for (const run of index.tables) {
        for (const rows of run.settled.rows(0, run.settled.count)) {
          for (let at = 0; at < rows.length; at += 6) settled.add(rows.readUIntBE(at, 6));
        }
        for (const rows of run.undelivered.rows(0, run.undelivered.count)) {
          for (let at = 0; at < rows.length; at += 19) {
            owed.push({ seq: rows.readUIntBE(at, 6), place: readPlace(rows, at + 6) });
          }
        }
      }
      return this.#records(
        index,
        owed.filter(({ seq }) => !settled.has(seq)).map(({ place }) => place),
      );
    });
  }

  async counts(now: Date): Promise<StatusCounts> {
    return this.#ask((index) => {
      const [issued, revoked, superseded, both] = (
        ['byNotAfter', 'revokedEnds', 'supersededEnds', 'bothEnds'] as const
      ).map((name) => ({
        all: index.tables.reduce((sum, run) => sum + run[name].count, 0),
        current: endingFrom(index, name, now),
      })) as [Count, Count, Count, Count];
      const currentlySuperseded = superseded.current - both.current;
      return {
        active: issued.current - revoked.current - currentlySuperseded,
        superseded: currentlySuperseded,
        revoked: revoked.all,
        expired: issued.all - issued.current - (revoked.all - revoked.current),
      };
    });
  }

  async lastCrl(issuer: IssuerRole): Promise<CrlRecord | undefined> {
    return this.#ask(({ summary }) => {
      const place = issuer === 'root' ? summary.rootCrl : summary.issuingCrl;
      return place && crlRecord(this.#entry(place, 'crl-published'));
    });
  }

  revocations(dropExpired: boolean, lastCrl: CrlRecord | undefined): readonly RevocationPage[] {
    return this.#ask(({ tables }) => {
      const result: Buffer[] = [];
      let page = Buffer.alloc(0);
      let filled = 0;
      // Nearly all are of certificates that live on: those are told by one number, without objects.
      const expiredBefore = dropExpired && lastCrl ? lastCrl.thisUpdate.getTime() / 1000 : -Infinity;
      for (const { revocations: table } of tables) {
        table.preload();
        for (const rows of table.rows(0, table.count)) {
          for (let at = 0; at < rows.length; at += table.width) {
            const notAfter = readSeconds(rows, at + 6);
            if (
              notAfter < expiredBefore &&
              !isDueOnCrl(new Date(notAfter * 1000), rows.readUIntBE(at, 6), lastCrl)
            )
              continue;
            if (filled === page.length) {
              page = Buffer.allocUnsafeSlow(pageLength * revocationWidth);
              result.push(page);
              filled = 0;
            }
            rows.copy(page, filled, at + 11, at + table.width);
            filled += revocationWidth;
          }
        }
      }
      return result.map((full) => (full === page ? full.subarray(0, filled) : full));
    });
  }

  #posted(index: OpenIndex, name: 'byClient' | 'byKey', key: Buffer): CertificateRecord[] {
    const places: Place[] = [];
    for (const run of index.tables) {
      for (const row of run[name].startingWith(key)) places.push(readPlace(row, 14));
    }
    return this.#records(index, places);
  }

  *#all(index: OpenIndex): Generator<readonly CertificateRecord[]> {
    for (const run of index.tables) run.certificates.preload();
    let page: CertificateRecord[] = [];
    for (const { octets, seq, where } of this.#journal.linesUpTo(this.head.seq)) {
      if (octets.indexOf('"type":"issued"', 0, 'latin1') !== issuedAt(seq)) continue;
      const entry = parseEntry(octets, where());
      if (entry.type !== 'issued') throw new Error(`${where()} changed its type`);
      page.push(this.#record(entry, findFacts(index.tables, serialKey(entry.serial))));
      if (page.length < pageLength) continue;
      yield page;
      page = [];
    }
    if (page.length > 0) yield page;
  }

  *#expiring(index: OpenIndex, from: Date, to: Date): Generator<readonly CertificateRecord[]> {
    const end = endKey(to);
    const cursors = index.tables.map(({ byNotAfter: table }) => {
      const first = table.lowerBound(endKey(from));
      return rowsBetween(table.rows(first, Math.max(first, table.lowerBound(end))), table.width);
    });
    const heads = cursors.map((cursor) => cursor.next().value);
    let places: Place[] = [];
    for (;;) {
      let least = -1;
      heads.forEach((row, position) => {
        const best = heads[least];
        if (row && (!best || row.compare(best) < 0)) least = position;
      });
      const row = heads[least];
      if (!row) break;
      places.push(readPlace(row, 11));
      heads[least] = cursors[least]?.next().value;
      if (places.length < pageLength) continue;
      yield this.#records(index, places);
      places = [];
    }
    yield* pages(this.#records(index, places));
  }

  #records(index: OpenIndex, places: readonly Place[]): CertificateRecord[] {
    return places.map((place) => {
      const entry = this.#issued(place);
      return this.#record(entry, findFacts(index.tables, serialKey(entry.serial)));
    });
  }

  #record(entry: Extract<Entry, { type: 'issued' }>, facts: Facts | undefined): CertificateRecord {
    if (!facts || facts.seq !== entry.seq) throw new IndexDamage('a certificate is not in the index');
    const { deliveredAt, supersededAt, revocation } = facts;
    return {
      ...issuedRecord(entry),
      ...(deliveredAt && { deliveredAt }),
      ...(supersededAt && { supersededAt }),
      ...(revocation && { revocation }),
    };
  }

  #issued(place: Place): Extract<Entry, { type: 'issued' }> {
    return this.#entry(place, 'issued');
  }

  #entry<T extends Entry['type']>(place: Place, type: T): Extract<Entry, { type: T }> {
    const line = this.#journal.read(place.segment, place.offset, place.length);
    const entry = parseEntry(line, this.#journal.whereAt(place.segment, place.offset));
    if (entry.type !== type) throw new IndexDamage(`a line is of type ${entry.type}, not ${type}`);
    return entry as Extract<Entry, { type: T }>;
  }

  #ask<T>(question: (index: OpenIndex) => T): T {
    try {
      return question(this.#index);
    } catch (error) {
      this.#replaceDamaged(error);
      return question(this.#index);
    }
  }

  async *#askPages(
    question: (index: OpenIndex) => Iterable<readonly CertificateRecord[]>,
  ): AsyncIterable<readonly CertificateRecord[]> {
    let given = 0;
    for (;;) {
      try {
        let passed = 0;
        for (const page of question(this.#index)) {
          const fresh = page.slice(Math.max(given - passed, 0));
          passed += page.length;
          if (fresh.length === 0) continue;
          given += fresh.length;
          yield fresh;
        }
        return;
      } catch (error) {
        this.#replaceDamaged(error);
      }
    }
  }

  /** Throws what is no damage of the index, and any fault of an index that was made anew. */
  #replaceDamaged(error: unknown): void {
    if (!(error instanceof IndexDamage) || this.#isRepaired) throw error;
    this.#isRepaired = true;
    this.#index = this.#repair();
  }
}

interface Count {
  readonly all: number;
  readonly current: number;
}

/** How many rows of these tables have a notAfter that is not before `instant`. */
function endingFrom(index: OpenIndex, name: TableName, instant: Date): number {
  const key = endKey(instant);
  return index.tables.reduce((sum, run) => sum + run[name].count - run[name].lowerBound(key), 0);
}

/** The least notAfter that is not before `instant`, as it stands in rows. */
function endKey(instant: Date): Buffer {
  const seconds = Math.ceil(instant.getTime() / 1000) + secondsBias;
  const key = Buffer.alloc(5);
  key.writeUIntBE(Math.min(Math.max(seconds, 0), 2 ** 40 - 1), 0, 5);
  return key;
}

function* rowsBetween(stretches: Iterable<Buffer>, width: number): Generator<Buffer> {
  for (const rows of stretches) {
    for (let at = 0; at < rows.length; at += width) yield rows.subarray(at, at + width);
  }
}

/** Where `"type":"issued"` stands in the line of that number. */
function issuedAt(seq: number): number {
  return '{"seq":,"time":"2026-11-22T00:00:00.000Z",'.length + String(seq).length;
}
