import type { ClientName } from '../core/client-name.ts';
import type { PagedRevocations } from '../core/revocation-page.ts';
import type { Serial } from '../core/serial.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import type { OlderView } from '../ledger/layered-view.ts';
import type { StatusCounts } from '../ledger/ledger-view.ts';
import type {
  AuthorityRecord,
  CertificateRecord,
  ClientRecord,
  CrlRecord,
  LedgerHead,
} from '../ledger/record.ts';
import { IndexDamage } from './index-blocks.ts';
import { IndexReader } from './index-reader.ts';
import type { Journal } from './journal.ts';
import type { OpenIndex } from './ledger-index.ts';
import { RecordMemory } from './record-memory.ts';

/** The record up to the point where an index ends; when that turns out to be damaged, one that `repair` makes answers. */
export class IndexView implements OlderView {
  readonly head: LedgerHead;
  readonly authority: AuthorityRecord;
  readonly owed: ReadonlyMap<Serial, CertificateRecord>;
  readonly #journal: Journal;
  readonly #memory: RecordMemory;
  readonly #repair: () => OpenIndex;
  #reader: IndexReader;
  #isRepaired = false;

  /**
   * @param repair builds an index of the same lines without using this one
   * @param owed certificates that are asked for next, as the index has them: they need not be looked up
   * @param memory of lines of that journal
   */
  constructor(
    index: OpenIndex,
    journal: Journal,
    repair: () => OpenIndex,
    owed: ReadonlyMap<Serial, CertificateRecord> = new Map(),
    memory = new RecordMemory(),
  ) {
    const { seq, hash, time } = index.point;
    this.head = { seq, hash, time };
    this.#reader = new IndexReader(index, journal, memory);
    this.#journal = journal;
    this.#memory = memory;
    this.#repair = repair;
    this.owed = owed;
    this.authority = this.#ask((reader) => reader.authority());
  }

  findClient(name: ClientName): ClientRecord | undefined {
    return this.#ask((reader) => reader.client(name));
  }

  async client(name: ClientName): Promise<ClientRecord | undefined> {
    return this.findClient(name);
  }

  async clientWithKey(nameKey: string): Promise<ClientRecord | undefined> {
    const name = this.#ask((reader) => reader.clientNameWithKey(nameKey));
    return name && this.findClient(name);
  }

  async clientCount(): Promise<number> {
    return this.#reader.summary.clientCount;
  }

  hasCertificate(serial: Serial): boolean {
    return this.#ask((reader) => reader.hasCertificate(serial));
  }

  findCertificate(serial: Serial): CertificateRecord | undefined {
    return this.owed.get(serial) ?? this.#ask((reader) => reader.certificate(serial));
  }

  async certificate(serial: Serial): Promise<CertificateRecord | undefined> {
    return this.findCertificate(serial);
  }

  async certificateBytes(serial: Serial): Promise<Uint8Array> {
    return this.#ask((reader) => reader.certificateBytes(serial));
  }

  async certificatesOf(client: ClientName): Promise<readonly CertificateRecord[]> {
    return this.#ask((reader) => reader.certificatesOf(client));
  }

  newestFirst(client: ClientName): AsyncIterable<readonly CertificateRecord[]> {
    return this.#askPages((reader) => reader.newestFirst(client));
  }

  async certificatesWithKey(key: string): Promise<readonly CertificateRecord[]> {
    return this.#ask((reader) => reader.certificatesWithKey(key));
  }

  async isKeyBarred(key: string): Promise<boolean> {
    return this.#ask((reader) => reader.isKeyBarred(key));
  }

  certificates(): AsyncIterable<readonly CertificateRecord[]> {
    return this.#askPages((reader) => reader.certificates());
  }

  certificatesExpiring(from: Date, to: Date): AsyncIterable<readonly CertificateRecord[]> {
    return this.#askPages((reader) => reader.certificatesExpiring(from, to));
  }

  liveExpiring(from: Date, to: Date): AsyncIterable<readonly CertificateRecord[]> {
    return this.#askPages((reader) => reader.liveExpiring(from, to));
  }

  async countLive(from: Date, to: Date): Promise<number> {
    return this.#ask((reader) => reader.countLive(from, to));
  }

  async longestValidityMs(): Promise<number> {
    return this.#reader.summary.longestValidityMs;
  }

  async undelivered(): Promise<readonly CertificateRecord[]> {
    return this.#ask((reader) => reader.undelivered());
  }

  async counts(now: Date): Promise<StatusCounts> {
    return this.#ask((reader) => reader.counts(now));
  }

  async lastCrl(issuer: IssuerRole): Promise<CrlRecord | undefined> {
    return this.#ask((reader) => reader.lastCrl(issuer));
  }

  async lastRevocationSeq(): Promise<number> {
    return this.#ask((reader) => reader.lastRevocationSeq());
  }

  revocations(dropExpired: boolean, lastCrl: CrlRecord | undefined): PagedRevocations {
    return {
      atMost: this.#ask((reader) => reader.revocationCount()),
      pages: () => this.#askPages((reader) => reader.revocations(dropExpired, lastCrl)),
    };
  }

  #ask<T>(question: (reader: IndexReader) => T): T {
    try {
      return question(this.#reader);
    } catch (error) {
      this.#replaceDamaged(error);
      return question(this.#reader);
    }
  }

  async *#askPages<Page extends { readonly length: number; slice(start: number): Page }>(
    question: (reader: IndexReader) => Iterable<Page>,
  ): AsyncIterable<Page> {
    let given = 0;
    for (;;) {
      try {
        let passed = 0;
        for (const page of question(this.#reader)) {
          const fresh = given > passed ? page.slice(given - passed) : page;
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
    this.#reader = new IndexReader(this.#repair(), this.#journal, this.#memory);
  }
}
