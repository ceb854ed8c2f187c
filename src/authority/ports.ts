import type { ClientName } from '../core/client-name.ts';
import type { KeyAlgorithm, KeyPair } from '../core/key-algorithm.ts';
import type { Serial } from '../core/serial.ts';
import type { CrlPublished, DeliveryTarget, Entry, EntryBody, IssuerRole } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { LedgerHead } from '../ledger/record.ts';
import type { Backups } from './backup-ports.ts';

/** The present instant. */
export type Clock = () => Date;

/** That many octets from the operating system's CSPRNG. */
export type RandomOctets = (length: number) => Uint8Array;

/** A fresh key pair. */
export type GenerateKey = (algorithm: KeyAlgorithm) => Promise<KeyPair>;

/** Waits that many milliseconds. */
export type Sleep = (ms: number) => Promise<void>;

/**
 * The record, wherever it is kept: `test/support/ledger-contract.ts` is what each implementation has to pass. Reading waits for
 * nobody; appending is exclusive among all processes.
 */
export interface Ledger {
  view(): Promise<LedgerView>;
  /**
   * Runs `work` while nobody else can append, and gives its result. What `work` appended stays when it throws later.
   * Throws `store/locked` with the holder's name after waiting too long.
   */
  transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T>;
  /** Runs `work`, which is of many transactions: what only makes the record quicker to read is done once, at its end. */
  inBulk<T>(work: () => Promise<T>): Promise<T>;
  /** All entries in order, in pages, each checked strictly and against the chain. Throws at the first fault. */
  entries(): AsyncIterable<readonly Entry[]>;
  /** SHA-256 in hex of the entry of that number as it is written (see `hashLine`); undefined if it is not there. */
  hashOf(seq: number): Promise<string | undefined>;
  /** How many octets of entries a writer that died has left, which are not in the record: the next writer sets them aside. */
  unfinishedOctets(): Promise<number>;
}

export interface LedgerTransaction {
  /** The record as it stands, with what this transaction has appended and what it holds. */
  view(): LedgerView;
  /** The record without what this transaction holds: all of it lasts through a power cut. */
  recorded(): LedgerView;
  /**
   * Takes entries into this transaction's view, to be recorded with the next `append`: they become the record together with
   * what follows from them, or not at all. When the transaction ends before, they are forgotten. Gives the head that the
   * record has with them.
   */
  hold(entries: readonly EntryBody[]): Promise<LedgerHead>;
  /**
   * Appends entries, after those that are held, all of them or none; when it returns they last through a power cut. When it
   * throws, none of them is in the record, but after `store/uncertain`, when nobody knows.
   */
  append(entries: readonly EntryBody[]): Promise<LedgerHead>;
}

/** CA keys, as PEM text. Never overwrites but through `replaceKey`. */
export interface KeyStore {
  /** The key's PEM; undefined when it is not here (a root key kept offline). Refuses a file that others can read. */
  readKey(issuer: IssuerRole): Promise<string | undefined>;
  /** True if the key is here, unread. Refuses a file that others can read. */
  hasKey(issuer: IssuerRole): Promise<boolean>;
  /** Puts a new file in the old one's place, durably; the old one is whole until then. */
  replaceKey(issuer: IssuerRole, pem: string): Promise<void>;
}

/** One file by its name, and what is in it. */
export interface NamedFile {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly secret: boolean;
}

/** Everything that makes a new authority; it appears as a whole or not at all. */
export interface NewAuthority {
  readonly settings: string;
  readonly settingsSchema: string;
  readonly keys: readonly { readonly issuer: IssuerRole; readonly pem: string }[];
  /** `ca.crt` and, with two tiers, `chain.crt`. */
  readonly certificates: readonly NamedFile[];
  readonly crls: readonly PublishedCrl[];
  readonly entries: readonly EntryBody[];
  /** The signed head that lies beside the CRLs, and is the latest, once the entries have become that record. */
  signHead(head: LedgerHead): string;
}

/** Octets that need not be in memory as a whole; gone through as often as one likes. */
export type Pieces = Iterable<Uint8Array>;

export interface PublishedCrl {
  readonly issuer: IssuerRole;
  readonly der: Pieces;
  readonly pem: Pieces;
}

/** SHA-256 in hex of a CRL's files, DER and PEM. */
export type CrlSums = Required<Pick<CrlPublished, 'sha256' | 'pemSha256'>>;

/** A CRL whose files are written and have no more than their names to get. */
export interface StagedCrl {
  readonly sums: CrlSums;
  /** Stages the record's signed head after this CRL's entry beside the CRL. */
  addHead(head: string): void;
  /** Stages one more file beside the CRL: a head that is set aside. */
  add(file: NamedFile): void;
  /** When it returns, all that is staged is on disk. */
  sync(): Promise<void>;
  /** Puts all in place by rename, the CRL last; when it returns that is on disk too. */
  publish(): Promise<CrlPaths>;
  /** Removes what was not published. */
  discard(): void;
}

/** Where the files of a CRL lie once it is published. */
export interface CrlPaths {
  readonly der: string;
  readonly pem: string;
}

/** A file that should hold a head. */
export interface FoundHead {
  readonly file: string;
  readonly octets: Uint8Array;
}

/** What lies where a CRL is copied to, from an earlier publication, or from somebody else. */
export interface CrlCopy {
  readonly der?: Uint8Array;
  readonly head?: FoundHead;
}

/** The authority's own files. */
export interface Home {
  readonly path: string;
  /** True if an authority is here. */
  exists(): Promise<boolean>;
  /** Throws `store/insecure-mode` if others may write to the settings, which hold hooks, or put other files in their place. */
  checkClosed(): Promise<void>;
  /** The paths of the authority's other files and directories that others may write to. */
  findOpen(): Promise<readonly string[]>;
  /** Throws `authority/exists`, `store/occupied`. */
  create(contents: NewAuthority): Promise<void>;
  readSettings(): Promise<string>;
  /** Settings, certificates and CRLs as they are: all that a backup takes beside keys, record and deliveries. */
  readFiles(): Promise<readonly NamedFile[]>;
  /** The text of `ca.crt` or `chain.crt` as it is; undefined if it is missing. */
  readTrusted(name: string): Promise<string | undefined>;
  /** Puts `ca.crt` and `chain.crt` in place by rename. */
  writeTrusted(files: readonly NamedFile[]): Promise<void>;
  /** Absolute path of one of the authority's files, for a person or a script to use. */
  filePath(name: string): string;
  /** Writes the files of a CRL, DER and PEM, beside those that they are to replace; to be called under the ledger's lock. */
  stageCrl(crl: PublishedCrl): Promise<StagedCrl>;
  /** Writes the published CRL files of all issuers, and the head beside them, into another directory as well, by rename. */
  copyCrls(directory: string): Promise<void>;
  /** True if that directory holds {@link copyCrls} of what is published now, as far as sizes and the head tell. */
  hasCopies(directory: string): Promise<boolean>;
  /** What that directory holds in the place of that issuer's CRL and of the head. */
  readCopy(directory: string, issuer: IssuerRole): Promise<CrlCopy>;
  /** The number of the CRL that was last copied and announced everywhere, as {@link recordSpread} was told. */
  readSpread(): Promise<string | undefined>;
  recordSpread(number: string): Promise<void>;
  /** The DER that is published now. */
  readCrl(issuer: IssuerRole): Promise<Uint8Array | undefined>;
  /** SHA-256 in hex of the DER or the PEM that is published now. */
  crlSum(issuer: IssuerRole, form: keyof CrlPaths): Promise<string | undefined>;
  /** The signed head beside the published CRLs; undefined before the first that came with one. */
  readHead(): Promise<FoundHead | undefined>;
  /** The signed head that {@link putLatestHead} kept last. */
  readLatestHead(): Promise<FoundHead | undefined>;
  /**
   * Keeps a head of the record in the place of the one before. It is not synced: a power cut may leave the one before, or
   * octets that are none. To be called under the ledger's lock, once the record up to that head is on disk.
   */
  putLatestHead(head: string): Promise<void>;
  /** @param twoTier to be said where there is no authority yet */
  crlPaths(issuer: IssuerRole, twoTier?: boolean): CrlPaths;
}

/** The files of one certificate's delivery, ready to be written. */
export interface DeliveryContents {
  readonly certificate: string;
  /** The leaf followed by the issuing CA, if there is one: what a server or client presents. */
  readonly chain: string;
  /** The root. */
  readonly ca: string;
  readonly privateKey?: string;
  /** Key and chain in one PEM. */
  readonly bundle?: string;
  readonly pkcs12?: Uint8Array;
  /** The PKCS#12's password, kept beside it for the next renewal when we made it. */
  readonly pkcs12Password?: string;
}

/** Absolute paths that stay the same from renewal to renewal; a file that was not made has none. */
export interface DeliveryPaths {
  readonly directory: string;
  readonly certificate: string;
  readonly chain: string;
  readonly bundle?: string;
  readonly privateKey?: string;
  readonly ca: string;
  readonly pkcs12?: string;
  /** Holds the password that we drew for the PKCS#12. */
  readonly pkcs12PasswordFile?: string;
}

/**
 * A path that a delivery takes, in one spelling: for itself, as the root's file, which is shared, or as a directory on
 * the way. Two deliveries can stand side by side if no path is taken in two ways, or by both for itself.
 */
export interface Claim {
  readonly path: string;
  readonly as: 'own' | 'root' | 'directory';
}

/** A version to be made before its certificate is signed. */
export interface VersionToStage {
  readonly client: ClientName;
  readonly target: DeliveryTarget;
  readonly serial: Serial;
  /** Its private key, if we have made it. */
  readonly keyPem: string | undefined;
}

/** A version's files, to be written and put in place. */
export interface DeliveryToMake {
  readonly client: ClientName;
  readonly target: DeliveryTarget;
  readonly serial: Serial;
  readonly contents: DeliveryContents;
}

/**
 * Where clients' files go. A delivery has versions, one a serial; one rename switches all its files, so that no
 * reader that opens the bundle, or the directory, sees a certificate with another key.
 */
export interface Deliveries {
  /**
   * Refuses, before anything is signed, a place where the files could not go (`store/occupied`, `store/permission`); gives
   * what they would take there.
   */
  check(client: ClientName, target: DeliveryTarget): Promise<readonly Claim[]>;
  /**
   * Makes versions before their certificates are signed: with their private keys, which are synced together, and after a
   * look at the room for their other files, which is taken if they are few. A disk that has none is found before
   * anything is on record. What fails for one stops none of the others.
   */
  stageAll(versions: readonly VersionToStage[]): Promise<readonly PromiseSettledResult<void>[]>;
  stage(
    client: ClientName,
    target: DeliveryTarget,
    serial: Serial,
    keyPem: string | undefined,
  ): Promise<void>;
  /** The private key of a version: staged or delivered. */
  readKey(client: ClientName, target: DeliveryTarget, serial: Serial): Promise<string | undefined>;
  /** The kept PKCS#12 password of the version in place, if there is one. */
  readPkcs12Password(client: ClientName, target: DeliveryTarget): Promise<string | undefined>;
  /** Writes the version's files and switches to it; doing it twice is harmless. Keeps the version before, removes older ones. */
  deliver(
    client: ClientName,
    target: DeliveryTarget,
    serial: Serial,
    contents: DeliveryContents,
  ): Promise<DeliveryPaths>;
  /** Makes many deliveries, which are synced together; what fails for one stops none of the others. */
  deliverAll(deliveries: readonly DeliveryToMake[]): Promise<readonly PromiseSettledResult<DeliveryPaths>[]>;
  /** Where the files go, whether they are there or not; not for standard output. */
  directory(client: ClientName, target: DeliveryTarget): string;
  /** The paths of what is in place now, with those files alone that exist. */
  paths(client: ClientName, target: DeliveryTarget): Promise<DeliveryPaths | undefined>;
  /** Removes a version whose certificate was never recorded. */
  discard(client: ClientName, target: DeliveryTarget, serial: Serial): Promise<void>;
  /** Runs `work` while no other process delivers to any of these clients. */
  exclusively<T>(clients: readonly ClientName[], work: () => Promise<T>): Promise<T>;
}

/** The result of a hook: undefined exit code when it was stopped after its time. */
export interface HookResult {
  readonly exitCode: number | undefined;
  /** What it printed, both streams, at most the last 2,000 characters. */
  readonly output: string;
}

/** Runs a shell command with these extra environment variables. Facts reach it by environment alone. */
export type RunHook = (
  command: string,
  environment: Readonly<Record<string, string>>,
  timeoutMs: number,
) => Promise<HookResult>;

/** A passphrase for that key: from a file, the environment, the service manager or a prompt. */
export type ObtainPassphrase = (issuer: IssuerRole) => Promise<string>;

/** The text of a password file, without its line end. Refuses a file that others can read. */
export type ReadPasswordFile = (path: string) => Promise<string>;

/** Told of work that takes long: how much of how much is done. */
export type Progress = (done: number, total: number, what: string) => void;

/** Everything outside that the use cases reach, built once where the program starts. */
export interface Ports {
  readonly home: Home;
  readonly ledger: Ledger;
  readonly keys: KeyStore;
  readonly deliveries: Deliveries;
  readonly backups: Backups;
  readonly clock: Clock;
  readonly random: RandomOctets;
  readonly generateKey: GenerateKey;
  readonly runHook: RunHook;
  readonly obtainPassphrase: ObtainPassphrase;
  readonly readPasswordFile: ReadPasswordFile;
  readonly sleep: Sleep;
  readonly progress: Progress;
  /** True if a person has confirmed that the clock is right although the record holds a later time. */
  readonly clockConfirmed: boolean;
}
