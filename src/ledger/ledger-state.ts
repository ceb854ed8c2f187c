import { CaError } from '../core/ca-error.ts';
import { type ClientName, clientNameKey } from '../core/client-name.ts';
import { encodeRevocationPage, type PagedRevocations } from '../core/revocation-page.ts';
import type { Serial } from '../core/serial.ts';
import {
  type ClientAdded,
  type Entry,
  type EntryHead,
  type Issued,
  type IssuerRole,
  noPreviousEntry,
  type Revoked,
} from './entry.ts';
import { authorityRecord, crlRecord, issuedRecord } from './entry-records.ts';
import type { LedgerView, StatusCounts } from './ledger-view.ts';
import {
  type AuthorityRecord,
  type CertificateRecord,
  type ClientRecord,
  type CrlRecord,
  certificateStatus,
  isDueOnCrl,
  type LedgerHead,
} from './record.ts';

/** How many certificates or revocations a page holds at most. */
export const pageLength = 1000;

/** What a fold of later entries needs to know of the record before them. */
export interface OlderRecord {
  readonly head: LedgerHead;
  hasCertificate(serial: Serial): boolean;
  findCertificate(serial: Serial): CertificateRecord | undefined;
  findClient(name: ClientName): ClientRecord | undefined;
}

/**
 * The record as a pure fold of its entries, in memory: what every other LedgerView must agree with. Of two
 * deliveries or revocations of one certificate the first counts; of two policies of one client the last.
 *
 * After an older record it holds the later entries and what they changed alone: see LayeredView for the whole.
 */
export class LedgerState implements LedgerView {
  head: LedgerHead;
  /** Certificates of the older record that later entries changed. */
  readonly amended = new Map<Serial, CertificateRecord>();
  /** How many clients the older record did not know. */
  newClientCount = 0;
  readonly #older: OlderRecord | undefined;
  #authority: AuthorityRecord | undefined;
  readonly #clients = new Map<ClientName, ClientRecord>();
  readonly #clientsByKey = new Map<string, ClientName>();
  readonly #certificates = new Map<Serial, CertificateRecord>();
  readonly #bytes = new Map<Serial, string>();
  readonly #serialsOf = new Map<ClientName, Serial[]>();
  readonly #serialsWithKey = new Map<string, Serial[]>();
  readonly #revoked: Serial[] = [];
  readonly #barredKeys = new Set<string>();
  readonly #crls = new Map<IssuerRole, CrlRecord>();

  constructor(older?: OlderRecord) {
    this.#older = older;
    this.head = older?.head ?? { seq: 0, hash: noPreviousEntry, time: new Date(0) };
  }

  /** A copy that later entries do not change. */
  clone(): LedgerState {
    const copy = new LedgerState(this.#older);
    copy.head = this.head;
    copy.newClientCount = this.newClientCount;
    for (const [serial, record] of this.amended) copy.amended.set(serial, record);
    copy.#authority = this.#authority;
    for (const [name, record] of this.#clients) copy.#clients.set(name, record);
    for (const [key, name] of this.#clientsByKey) copy.#clientsByKey.set(key, name);
    for (const [serial, record] of this.#certificates) copy.#certificates.set(serial, record);
    for (const [serial, bytes] of this.#bytes) copy.#bytes.set(serial, bytes);
    for (const [name, serials] of this.#serialsOf) copy.#serialsOf.set(name, [...serials]);
    for (const [key, serials] of this.#serialsWithKey) copy.#serialsWithKey.set(key, [...serials]);
    copy.#revoked.push(...this.#revoked);
    for (const key of this.#barredKeys) copy.#barredKeys.add(key);
    for (const [issuer, record] of this.#crls) copy.#crls.set(issuer, record);
    return copy;
  }

  /**
   * Takes in the next entry, whose line has that SHA-256.
   *
   * Throws `ledger/duplicate-serial`, `ledger/unknown-serial`, or `ledger/malformed` for a record that does not begin
   * with its authority or begins twice; the state is then unchanged.
   */
  apply(entry: Entry, hash: string): void {
    checkBeginning(entry);
    switch (entry.type) {
      case 'authority-created':
        this.#authority = authorityRecord(entry);
        break;
      case 'client-added':
        this.#addClient(entry);
        break;
      case 'issued':
        this.#issue(entry);
        break;
      case 'delivered':
        this.#deliver(this.#known(entry.serial), entry.time);
        break;
      case 'revoked':
        this.#revoke(this.#known(entry.serial), entry);
        break;
      case 'key-compromised':
        if (!this.#has(entry.serial)) throw unknownSerial(entry.serial);
        this.#barredKeys.add(entry.key);
        break;
      case 'crl-published':
        this.#crls.set(entry.issuer, crlRecord(entry, hash));
        break;
    }
    this.head = { seq: entry.seq, hash, time: entry.time };
  }

  /** The certificate, whether it is of these entries or of the older record. */
  find(serial: Serial): CertificateRecord | undefined {
    return this.#certificates.get(serial) ?? this.amended.get(serial) ?? this.#older?.findCertificate(serial);
  }

  /** The certificates of the older record that these entries changed, and their own. */
  *changed(): Generator<CertificateRecord> {
    yield* this.amended.values();
    yield* this.#certificates.values();
  }

  get authority(): AuthorityRecord {
    if (!this.#authority) throw new Error('a ledger without entries has no authority');
    return this.#authority;
  }

  async client(name: ClientName): Promise<ClientRecord | undefined> {
    return this.#clients.get(name);
  }

  async clientWithKey(nameKey: string): Promise<ClientRecord | undefined> {
    const name = this.#clientsByKey.get(nameKey);
    return name && this.#clients.get(name);
  }

  async clientCount(): Promise<number> {
    return this.#clients.size;
  }

  async certificate(serial: Serial): Promise<CertificateRecord | undefined> {
    return this.#certificates.get(serial);
  }

  async certificateBytes(serial: Serial): Promise<Uint8Array> {
    const bytes = this.#bytes.get(serial);
    if (bytes === undefined) throw unknownSerial(serial);
    return Buffer.from(bytes, 'base64');
  }

  async certificatesOf(client: ClientName): Promise<readonly CertificateRecord[]> {
    return (this.#serialsOf.get(client) ?? []).map((serial) => this.#known(serial));
  }

  async *newestFirst(client: ClientName): AsyncIterable<readonly CertificateRecord[]> {
    yield* pages((await this.certificatesOf(client)).toReversed());
  }

  async certificatesWithKey(key: string): Promise<readonly CertificateRecord[]> {
    return (this.#serialsWithKey.get(key) ?? []).map((serial) => this.#known(serial));
  }

  async isKeyBarred(key: string): Promise<boolean> {
    return this.#barredKeys.has(key);
  }

  async *certificates(): AsyncIterable<readonly CertificateRecord[]> {
    yield* pages([...this.#certificates.values()]);
  }

  async *certificatesExpiring(from: Date, to: Date): AsyncIterable<readonly CertificateRecord[]> {
    yield* pages(this.#expiring(from, to));
  }

  async *liveExpiring(from: Date, to: Date): AsyncIterable<readonly CertificateRecord[]> {
    yield* pages(this.#expiring(from, to).filter(isLive));
  }

  async countLive(from: Date, to: Date): Promise<number> {
    return this.#expiring(from, to).filter(isLive).length;
  }

  async longestValidityMs(): Promise<number> {
    let longest = 0;
    for (const { notBefore, notAfter } of this.#certificates.values()) {
      longest = Math.max(longest, notAfter.getTime() - notBefore.getTime());
    }
    return longest;
  }

  async undelivered(): Promise<readonly CertificateRecord[]> {
    return [...this.#certificates.values()].filter(isUndelivered);
  }

  async counts(now: Date): Promise<StatusCounts> {
    const counts = { active: 0, superseded: 0, revoked: 0, expired: 0 };
    for (const record of this.#certificates.values()) counts[certificateStatus(record, now)]++;
    return counts;
  }

  async lastCrl(issuer: IssuerRole): Promise<CrlRecord | undefined> {
    return this.#crls.get(issuer);
  }

  async lastRevocationSeq(): Promise<number> {
    const last = this.#revoked.at(-1);
    return (last === undefined ? undefined : this.#known(last).revocation?.seq) ?? 0;
  }

  async revocationsForCrl({ dropExpired }: { readonly dropExpired: boolean }): Promise<PagedRevocations> {
    return this.revocations(dropExpired, this.#crls.get(clientCrlIssuer(this.authority)));
  }

  /** The revocations for the CRL that follows that one. */
  revocations(dropExpired: boolean, lastCrl: CrlRecord | undefined): PagedRevocations {
    const revocations = this.#revoked.flatMap((serial) => {
      const { notAfter, revocation } = this.#known(serial);
      if (!revocation || (dropExpired && !isDueOnCrl(notAfter.getTime(), revocation.seq, lastCrl))) return [];
      const { at: revokedAt, seq: _, ...rest } = revocation;
      return [{ serial, revokedAt, ...rest }];
    });
    return {
      atMost: revocations.length,
      async *pages() {
        for (const page of pages(revocations)) yield encodeRevocationPage(page);
      },
    };
  }

  #addClient(entry: EntryHead & ClientAdded): void {
    const { client: name, policy, time } = entry;
    const known = this.#clients.get(name) ?? this.#older?.findClient(name);
    if (!known) this.newClientCount++;
    this.#clients.set(name, { name, addedAt: known?.addedAt ?? time, policy });
    const key = clientNameKey(name);
    if (!this.#clientsByKey.has(key)) this.#clientsByKey.set(key, name);
  }

  #issue(entry: EntryHead & Issued): void {
    const { serial, client, key } = entry;
    if (this.#has(serial)) throw duplicateSerial(serial);
    if (entry.supersedes !== undefined && !this.#has(entry.supersedes)) throw unknownSerial(entry.supersedes);
    this.#certificates.set(serial, issuedRecord(entry));
    this.#bytes.set(serial, entry.certificate);
    addTo(this.#serialsOf, client, serial);
    addTo(this.#serialsWithKey, key, serial);
  }

  #deliver(record: CertificateRecord, deliveredAt: Date): void {
    if (record.deliveredAt) return;
    this.#put({ ...record, deliveredAt });
    let older = record.supersedes && this.#known(record.supersedes);
    while (older && !older.supersededAt) {
      this.#put({ ...older, supersededAt: deliveredAt });
      older = older.supersedes && this.#known(older.supersedes);
    }
  }

  #revoke(record: CertificateRecord, entry: EntryHead & Revoked): void {
    if (record.revocation) return;
    const { seq, time: at, reason, invalidityDate } = entry;
    const revocation = { seq, at, reason, ...(invalidityDate && { invalidityDate }) };
    this.#put({ ...record, revocation });
    this.#revoked.push(record.serial);
    if (reason === 'keyCompromise') this.#barredKeys.add(record.key);
  }

  #put(record: CertificateRecord): void {
    (this.#certificates.has(record.serial) ? this.#certificates : this.amended).set(record.serial, record);
  }

  #has(serial: Serial): boolean {
    return this.#certificates.has(serial) || (this.#older?.hasCertificate(serial) ?? false);
  }

  #known(serial: Serial): CertificateRecord {
    const record = this.find(serial);
    if (!record) throw unknownSerial(serial);
    return record;
  }

  #expiring(from: Date, to: Date): CertificateRecord[] {
    return [...this.#certificates.values()]
      .filter(({ notAfter }) => from <= notAfter && notAfter < to)
      .sort((a, b) => a.notAfter.getTime() - b.notAfter.getTime() || a.seq - b.seq);
  }
}

/** Refuses a record that does not begin with its authority, or begins twice. Throws `ledger/malformed`. */
export function checkBeginning({ seq, type }: { readonly seq: number; readonly type: string }): void {
  if ((type === 'authority-created') === (seq === 1)) return;
  throw new CaError('ledger/malformed', `entry ${seq} of the ledger is of type ${type}`, {
    hint: 'the first entry, and no other, is authority-created: restore the ledger from a backup',
  });
}

/** Who signs the CRL on which clients' certificates stand. */
export function clientCrlIssuer({ issuing }: AuthorityRecord): IssuerRole {
  return issuing ? 'issuing' : 'root';
}

/** True if it is neither revoked nor superseded; it may have expired. */
export function isLive({ supersededAt, revocation }: CertificateRecord): boolean {
  return !supersededAt && !revocation;
}

/** True if a delivery is still owed: live, and never delivered. */
export function isUndelivered(record: CertificateRecord): boolean {
  return !record.deliveredAt && isLive(record);
}

/** The items in runs of {@link pageLength}. */
export function* pages<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += pageLength) yield items.slice(start, start + pageLength);
}

/** The refusal of a serial that the ledger does not hold. */
export function unknownSerial(serial: Serial): CaError {
  return new CaError('ledger/unknown-serial', `serial ${serial} is not in the ledger`, {
    hint: 'this authority never issued it; see what there is: ca list',
  });
}

/** The refusal of a serial that was issued before. */
export function duplicateSerial(serial: Serial): CaError {
  return new CaError('ledger/duplicate-serial', `serial ${serial} was issued before`, {
    hint: 'run the same command again: a new serial is drawn',
  });
}

function addTo<K>(map: Map<K, Serial[]>, key: K, serial: Serial): void {
  const serials = map.get(key);
  if (serials) serials.push(serial);
  else map.set(key, [serial]);
}
