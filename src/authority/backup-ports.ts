import type { ClientName } from '../core/client-name.ts';
import type { Serial } from '../core/serial.ts';
import type { Entry, IssuerRole } from '../ledger/entry.ts';
import type { LedgerHead } from '../ledger/record.ts';
import type { NamedFile } from './ports.ts';

/** What a backup says of itself before everything else in it. */
export interface BackupManifest {
  readonly createdAt: Date;
  /** The authority's name, and SHA-256 of its root certificate's DER in hex. */
  readonly authority: { readonly name: string; readonly fingerprint: string };
  /** The last entry of the record that is in it. */
  readonly head: LedgerHead;
}

/** An authority at one instant: what is to be backed up. Its record and its deliveries are read meanwhile. */
export interface Snapshot {
  readonly manifest: BackupManifest;
  /** Settings, certificates and CRLs. */
  readonly files: readonly NamedFile[];
  readonly keys: ReadonlyMap<IssuerRole, string>;
  /** What the record says of a client's deliveries at its head; undefined if it does not know the client. */
  deliveriesTo(client: ClientName): Promise<RecordedDeliveries | undefined>;
  /** Whether the record knows that certificate by now. */
  isKnownByNow(serial: Serial): Promise<boolean>;
}

/** What the record says of one client's deliveries. */
export interface RecordedDeliveries {
  /** Its certificates, oldest first. */
  readonly certificates: readonly { readonly serial: Serial; readonly state: 'done' | 'owed' }[];
  /** The certificate that the client has from the home directory by now, if any. */
  readonly inHome: Serial | undefined;
  /** True if the client lives by {@link inHome}: it is valid, and none was issued since. */
  readonly isLive: boolean;
  /** True if a key was delivered with {@link inHome}. */
  readonly withKey: boolean;
}

/** What should have been in a backup and is not in the home directory. */
export interface MissingDelivery {
  readonly client: ClientName;
  readonly what: 'files' | 'key';
}

/** What a backup holds, as far as it can be counted. */
export interface BackupSize {
  /** How many octets it has; undefined in a dry run. */
  readonly octets: number | undefined;
  readonly files: number;
  /** How many clients' deliveries. */
  readonly deliveries: number;
}

/** What a backup that was just made holds, and what not. */
export interface BackupCoverage extends BackupSize {
  /** How many clients' files go to the home directory, as the record has it. */
  readonly homeClients: number;
  readonly missing: readonly MissingDelivery[];
}

/** A backup that was read from its first octet to its last and is as it was written. */
export interface BackupContents {
  readonly manifest: BackupManifest;
  readonly keys: ReadonlyMap<IssuerRole, string>;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly size: BackupSize;
}

/** A backup that its passphrase has opened. */
export interface OpenBackup {
  readonly encrypted: boolean;
  /**
   * Reads all of it and checks whatever can be checked without knowing what it means: that it is whole, that its files
   * are those that were backed up, and the chain of its record up to the head. Each entry is given to `visit`.
   * Throws `store/not-a-backup`, `store/damaged-backup`, `ledger/…`.
   */
  read(visit: (entry: Entry) => void): Promise<BackupContents>;
  /**
   * Makes the authority that {@link read} found, as a whole or not at all, where there is none. Throws
   * `authority/exists`, `store/occupied`, and `store/damaged-backup` if it is not the same any more.
   */
  restore(): Promise<void>;
}

/** Backups of the authority, each one a file that needs nothing else. */
export interface Backups {
  /** Throws `store/occupied` if there is something of that name already. */
  check(name: string): Promise<void>;
  /**
   * Makes a backup as a whole or not at all; with a passphrase it is encrypted. In a dry run everything is read, and
   * nothing is written. Throws `store/occupied`, `ledger/broken-chain` if the record is not that of the head, and
   * `store/changed` if files went while they were read: a newer snapshot has what took their place.
   */
  write(
    name: string,
    snapshot: Snapshot,
    options: { readonly passphrase?: string; readonly dryRun: boolean },
  ): Promise<BackupCoverage>;
  /** @param obtainPassphrase asked if it is encrypted. Throws `store/not-a-backup`, `x509/wrong-passphrase`. */
  open(name: string, obtainPassphrase: () => Promise<string>): Promise<OpenBackup>;
}
