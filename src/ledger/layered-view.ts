import type { ClientName } from '../core/client-name.ts';
import type { PagedRevocations } from '../core/revocation-page.ts';
import type { Serial } from '../core/serial.ts';
import type { IssuerRole } from './entry.ts';
import {
  clientCrlIssuer,
  isLive,
  isUndelivered,
  type LedgerState,
  type OlderRecord,
} from './ledger-state.ts';
import type { LedgerView, StatusCounts } from './ledger-view.ts';
import {
  type AuthorityRecord,
  type CertificateRecord,
  type ClientRecord,
  type CrlRecord,
  certificateStatus,
  type LedgerHead,
} from './record.ts';

/** A view of the record up to some entry, as an index gives it. */
export interface OlderView extends OlderRecord, Omit<LedgerView, 'revocationsForCrl'> {
  revocations(dropExpired: boolean, lastCrl: CrlRecord | undefined): PagedRevocations;
}

/** The record as an older view and the fold of the few entries since tell it together. */
export class LayeredView implements LedgerView {
  readonly head: LedgerHead;
  readonly authority: AuthorityRecord;
  readonly #older: OlderView;
  readonly #newer: LedgerState;

  /** @param newer the fold after `older` (its OlderRecord), which is not changed any more */
  constructor(older: OlderView, newer: LedgerState) {
    this.head = newer.head;
    this.authority = older.authority;
    this.#older = older;
    this.#newer = newer;
  }

  async client(name: ClientName): Promise<ClientRecord | undefined> {
    return (await this.#newer.client(name)) ?? this.#older.findClient(name);
  }

  async clientWithKey(nameKey: string): Promise<ClientRecord | undefined> {
    const older = await this.#older.clientWithKey(nameKey);
    return older ? this.client(older.name) : this.#newer.clientWithKey(nameKey);
  }

  async clientCount(): Promise<number> {
    return (await this.#older.clientCount()) + this.#newer.newClientCount;
  }

  async certificate(serial: Serial): Promise<CertificateRecord | undefined> {
    return this.#newer.find(serial);
  }

  async certificateBytes(serial: Serial): Promise<Uint8Array> {
    const isNew = (await this.#newer.certificate(serial)) !== undefined;
    return (isNew ? this.#newer : this.#older).certificateBytes(serial);
  }

  async certificatesOf(client: ClientName): Promise<readonly CertificateRecord[]> {
    const older = this.#amend(await this.#older.certificatesOf(client));
    return [...older, ...(await this.#newer.certificatesOf(client))];
  }

  async *newestFirst(client: ClientName): AsyncIterable<readonly CertificateRecord[]> {
    yield* this.#newer.newestFirst(client);
    for await (const page of this.#older.newestFirst(client)) yield this.#amend(page);
  }

  async certificatesWithKey(key: string): Promise<readonly CertificateRecord[]> {
    const older = this.#amend(await this.#older.certificatesWithKey(key));
    return [...older, ...(await this.#newer.certificatesWithKey(key))];
  }

  async isKeyBarred(key: string): Promise<boolean> {
    return (await this.#newer.isKeyBarred(key)) || this.#older.isKeyBarred(key);
  }

  async *certificates(): AsyncIterable<readonly CertificateRecord[]> {
    for await (const page of this.#older.certificates()) yield this.#amend(page);
    yield* this.#newer.certificates();
  }

  certificatesExpiring(from: Date, to: Date): AsyncIterable<readonly CertificateRecord[]> {
    const older = this.#older.certificatesExpiring(from, to);
    return this.#mergeByEnd(older, this.#newer.certificatesExpiring(from, to), () => true);
  }

  liveExpiring(from: Date, to: Date): AsyncIterable<readonly CertificateRecord[]> {
    return this.#mergeByEnd(this.#older.liveExpiring(from, to), this.#newer.liveExpiring(from, to), isLive);
  }

  async countLive(from: Date, to: Date): Promise<number> {
    let count = (await this.#older.countLive(from, to)) + (await this.#newer.countLive(from, to));
    for (const record of this.#newer.amended.values()) {
      if (record.notAfter < from || record.notAfter >= to || isLive(record)) continue;
      const before = this.#older.findCertificate(record.serial);
      if (before && isLive(before)) count--;
    }
    return count;
  }

  async longestValidityMs(): Promise<number> {
    return Math.max(await this.#older.longestValidityMs(), await this.#newer.longestValidityMs());
  }

  async undelivered(): Promise<readonly CertificateRecord[]> {
    const older = this.#amend(await this.#older.undelivered()).filter(isUndelivered);
    return [...older, ...(await this.#newer.undelivered())];
  }

  async counts(now: Date): Promise<StatusCounts> {
    const counts = { ...(await this.#older.counts(now)) };
    const newer = await this.#newer.counts(now);
    for (const status of ['active', 'superseded', 'revoked', 'expired'] as const)
      counts[status] += newer[status];
    for (const record of this.#newer.amended.values()) {
      const before = this.#older.findCertificate(record.serial);
      if (before) counts[certificateStatus(before, now)]--;
      counts[certificateStatus(record, now)]++;
    }
    return counts;
  }

  async lastCrl(issuer: IssuerRole): Promise<CrlRecord | undefined> {
    return (await this.#newer.lastCrl(issuer)) ?? this.#older.lastCrl(issuer);
  }

  async lastRevocationSeq(): Promise<number> {
    return (await this.#newer.lastRevocationSeq()) || this.#older.lastRevocationSeq();
  }

  async revocationsForCrl({ dropExpired }: { readonly dropExpired: boolean }): Promise<PagedRevocations> {
    const lastCrl = await this.lastCrl(clientCrlIssuer(this.authority));
    const lists = [
      this.#older.revocations(dropExpired, lastCrl),
      this.#newer.revocations(dropExpired, lastCrl),
    ];
    return {
      atMost: lists.reduce((sum, { atMost }) => sum + atMost, 0),
      async *pages() {
        for (const list of lists) yield* list.pages();
      },
    };
  }

  async *#mergeByEnd(
    olderPages: AsyncIterable<readonly CertificateRecord[]>,
    newerPages: AsyncIterable<readonly CertificateRecord[]>,
    isWanted: (record: CertificateRecord) => boolean,
  ): AsyncIterable<readonly CertificateRecord[]> {
    const newer: CertificateRecord[] = [];
    for await (const page of newerPages) newer.push(...page);
    let next = 0;
    for await (const page of olderPages) {
      const merged: CertificateRecord[] = [];
      for (const record of this.#amend(page).filter(isWanted)) {
        // Newer certificates have greater numbers: of equal notAfter they come later.
        for (
          let candidate = newer[next];
          candidate && candidate.notAfter < record.notAfter;
          candidate = newer[next]
        ) {
          merged.push(candidate);
          next++;
        }
        merged.push(record);
      }
      if (merged.length > 0) yield merged;
    }
    if (next < newer.length) yield newer.slice(next);
  }

  #amend(records: readonly CertificateRecord[]): readonly CertificateRecord[] {
    return records.map((record) => this.#newer.amended.get(record.serial) ?? record);
  }
}
