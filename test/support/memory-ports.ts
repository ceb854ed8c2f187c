import { createECDH, createHash } from 'node:crypto';
import type {
  CrlPaths,
  Deliveries,
  DeliveryContents,
  DeliveryPaths,
  HookResult,
  Ledger,
  NamedFile,
  Ports,
  PublishedCrl,
} from '../../src/authority/ports.ts';
import { sumsOf } from '../../src/authority/signed-crl.ts';
import { CaError } from '../../src/core/ca-error.ts';
import type { ClientName } from '../../src/core/client-name.ts';
import type { KeyAlgorithm, KeyPair } from '../../src/core/key-algorithm.ts';
import type { Serial } from '../../src/core/serial.ts';
import { checkLink, hashLine, type Link, linkEntries } from '../../src/ledger/chain.ts';
import {
  type DeliveryTarget,
  type Entry,
  type EntryBody,
  type IssuerRole,
  noPreviousEntry,
} from '../../src/ledger/entry.ts';
import { parseEntry } from '../../src/ledger/entry-codec.ts';
import { LedgerState } from '../../src/ledger/ledger-state.ts';
import { sha256Hex } from '../../src/x509/fingerprint.ts';
import { freshKey } from './fresh-key.ts';
import { MemoryBackups } from './memory-backups.ts';

/** What can be made to fail. */
export type Operation =
  | 'append'
  | 'stage'
  | 'deliver'
  | 'checkDelivery'
  | 'paths'
  | 'exclusively'
  | 'stageCrl'
  | 'placeCrl'
  | 'copyCrls'
  | 'readCopy'
  | 'hasKey'
  | 'putLatestHead'
  | 'replaceKey'
  | 'writeTrusted';

/** One place where files are delivered: its versions, and the one that is switched to. */
export interface MemoryDelivery {
  readonly keys: Map<Serial, string>;
  readonly versions: Map<Serial, DeliveryContents>;
  current: Serial | undefined;
}

/** What a hook was run with. */
export interface HookRun {
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/**
 * The whole world outside the use cases, in memory: a clock that stands still until it is moved, randomness from a
 * seed, a record of the real lines, and every effect in a field to be looked at. Failures come when they are asked for.
 */
export class MemoryWorld {
  now = new Date('2026-11-22T09:30:00.250Z');
  settings = '';
  settingsSchema = '';
  /** The record's lines, as they would lie on disk. Another list is another record: it is read anew. */
  lines: Buffer[] = [];
  readonly caKeys = new Map<IssuerRole, string>();
  readonly certificates = new Map<string, string>();
  readonly crls = new Map<IssuerRole, { der: Uint8Array; pem: string }>();
  /** The signed head beside the CRLs. */
  head: Uint8Array | undefined;
  /** The signed head that was kept last. */
  latestHead: Uint8Array | undefined;
  /** What follows the last whole line. */
  unfinishedOctets = 0;
  /** Heads that were set aside. */
  readonly lostHeads: NamedFile[] = [];
  /** What others may write to. */
  open: string[] = [];
  /** The number of the CRL that was last copied and announced. */
  spread: string | undefined;
  /** What the directories hold that got copies of the CRLs. */
  readonly copies = new Map<string, { crls: Map<IssuerRole, Uint8Array>; head: Uint8Array | undefined }>();
  /** The directories that got copies of the CRLs, one item a copy. */
  readonly crlCopies: string[] = [];
  readonly deliveries = new Map<string, MemoryDelivery>();
  readonly hooks: HookRun[] = [];
  hookResult: HookResult = { exitCode: 0, output: '' };
  passphrase = 'correct horse battery staple';
  readonly passphraseAsked: IssuerRole[] = [];
  readonly passwordFiles = new Map<string, string>();
  readonly slept: number[] = [];
  clockConfirmed = false;
  /** Run once before the next transaction's work, as another process would that got the lock first. */
  overtake: (() => Promise<void>) | undefined;
  readonly #faults = new Map<Operation, { after: number; error: CaError }>();
  readonly #random = seededRandom('private-ca');
  #state = new LedgerState();
  #readFrom = this.lines;
  #readLines = 0;
  #ledgerLock: Promise<unknown> = Promise.resolve();
  readonly #clientLocks = new Map<string, Promise<unknown>>();

  /** Moves the clock. */
  advance(ms: number): void {
    this.now = new Date(this.now.getTime() + ms);
  }

  /** Lets an operation fail once, at its next call or `after` that many good ones. */
  fail(operation: Operation, error: CaError = diskFull, after = 0): void {
    this.#faults.set(operation, { after, error });
  }

  /** The record as it stands. */
  get state(): LedgerState {
    if (this.#readFrom !== this.lines) {
      this.#readFrom = this.lines;
      this.#state = new LedgerState();
      this.#readLines = 0;
    }
    if (this.#readLines < this.lines.length) {
      const state = this.#state.clone();
      for (const line of this.lines.slice(this.#readLines)) {
        state.apply(parseEntry(line, 'a line'), hashLine(line));
      }
      this.#state = state;
      this.#readLines = this.lines.length;
    }
    return this.#state;
  }

  /** All entries of one type, in order. */
  entries<T extends Entry['type']>(type: T): Extract<Entry, { type: T }>[] {
    return this.lines
      .map((line) => parseEntry(line, 'a line'))
      .filter((entry): entry is Extract<Entry, { type: T }> => entry.type === type);
  }

  /** The delivery of a client, by default the one in the home directory. */
  delivery(client: string, target: DeliveryTarget = { kind: 'home' }): MemoryDelivery {
    const place = placeOf(client, target);
    const found = this.deliveries.get(place);
    if (found) return found;
    const made: MemoryDelivery = { keys: new Map(), versions: new Map(), current: undefined };
    this.deliveries.set(place, made);
    return made;
  }

  readonly ports: Ports = this.#ports();

  #ports(): Ports {
    const world = this;
    return {
      home: {
        path: '/ca',
        exists: async () => world.lines.length > 0,
        checkClosed: async () => {},
        findOpen: async () => world.open,
        create: async (contents) => {
          world.settings = contents.settings;
          world.settingsSchema = contents.settingsSchema;
          for (const { issuer, pem } of contents.keys) world.caKeys.set(issuer, pem);
          for (const { name, content } of contents.certificates) world.certificates.set(name, `${content}`);
          for (const crl of contents.crls) world.crls.set(crl.issuer, wholeCrl(crl));
          world.#append(contents.entries);
          world.head = Buffer.from(contents.signHead(world.state.head));
          world.latestHead = world.head;
        },
        readSettings: async () => world.settings,
        readFiles: async () => world.#files(),
        readTrusted: async (name) => world.certificates.get(name),
        writeTrusted: async (files) => {
          world.#perhapsFail('writeTrusted');
          for (const { name, content } of files) world.certificates.set(name, `${content}`);
        },
        filePath: (name) => `/ca/${name}`,
        stageCrl: async (crl) => {
          world.#perhapsFail('stageCrl');
          const files: NamedFile[] = [];
          let staged: Uint8Array | undefined;
          return {
            sums: sumsOf(crl),
            addHead: (head) => {
              staged = Buffer.from(head);
            },
            add: (file) => files.push(file),
            sync: async () => {},
            publish: async () => {
              world.#perhapsFail('placeCrl');
              world.head = staged ?? world.head;
              world.lostHeads.push(...files);
              world.crls.set(crl.issuer, wholeCrl(crl));
              return this.#crlPaths(crl.issuer);
            },
            discard: () => {},
          };
        },
        copyCrls: async (directory) => {
          world.#perhapsFail('copyCrls');
          world.crlCopies.push(directory);
          const crls = new Map([...world.crls].map(([issuer, { der }]) => [issuer, der]));
          world.copies.set(directory, { crls, head: world.head });
        },
        hasCopies: async (directory) => {
          const copy = world.copies.get(directory);
          return (
            copy?.head === world.head &&
            [...world.crls].every(([issuer, { der }]) => copy?.crls.get(issuer) === der)
          );
        },
        readCopy: async (directory, issuer) => {
          world.#perhapsFail('readCopy');
          const copy = world.copies.get(directory);
          const der = copy?.crls.get(issuer);
          return {
            ...(der && { der }),
            ...(copy?.head && { head: { file: `${directory}/ledger.head`, octets: copy.head } }),
          };
        },
        readSpread: async () => world.spread,
        recordSpread: async (number) => {
          world.spread = number;
        },
        readCrl: async (issuer) => world.crls.get(issuer)?.der,
        crlSum: async (issuer, form) => {
          const crl = world.crls.get(issuer);
          return crl && sha256Hex(Buffer.from(crl[form]));
        },
        readHead: async () => world.head && { file: '/ca/crl/ledger.head', octets: world.head },
        readLatestHead: async () => world.latestHead && { file: '/ca/ledger.head', octets: world.latestHead },
        putLatestHead: async (head) => {
          world.#perhapsFail('putLatestHead');
          world.latestHead = Buffer.from(head);
        },
        crlPaths: (issuer, twoTier) => this.#crlPaths(issuer, twoTier),
      },
      ledger: this.#ledger(),
      keys: {
        readKey: async (issuer) => world.caKeys.get(issuer),
        hasKey: async (issuer) => {
          world.#perhapsFail('hasKey');
          return world.caKeys.has(issuer);
        },
        replaceKey: async (issuer, pem) => {
          world.#perhapsFail('replaceKey');
          world.caKeys.set(issuer, pem);
        },
      },
      deliveries: this.#deliveries(),
      backups: new MemoryBackups(world),
      clock: () => world.now,
      random: (length) => world.#random(length),
      generateKey: async (algorithm) => makeKeyPair(algorithm, world.#random),
      runHook: async (command, environment, timeoutMs) => {
        world.hooks.push({ command, environment, timeoutMs });
        return world.hookResult;
      },
      obtainPassphrase: async (issuer) => {
        world.passphraseAsked.push(issuer);
        return world.passphrase;
      },
      readPasswordFile: async (path) => {
        const password = world.passwordFiles.get(path);
        if (password === undefined) throw new CaError('store/not-found', `there is no file ${path}`);
        return password;
      },
      sleep: async (ms) => {
        world.slept.push(ms);
        world.advance(ms);
      },
      progress: () => {},
      get clockConfirmed() {
        return world.clockConfirmed;
      },
    };
  }

  #files(): NamedFile[] {
    const crls = [...this.crls].flatMap(([issuer, { der, pem }]) => {
      const paths = this.#crlPaths(issuer);
      return [
        { name: paths.der.replace('/ca/', ''), content: der },
        { name: paths.pem.replace('/ca/', ''), content: pem },
      ];
    });
    const certificates = [...this.certificates].map(([name, content]) => ({ name, content }));
    const files = [{ name: 'ca.json', content: this.settings }, ...certificates, ...crls];
    return files.map((file) => ({ ...file, secret: false }));
  }

  #ledger(): Ledger {
    const world = this;
    return {
      view: async () => world.state,
      inBulk: (work) => work(),
      transact: (work) => {
        const done = world.#ledgerLock.then(async () => {
          const { overtake } = world;
          world.overtake = undefined;
          if (overtake) {
            world.#ledgerLock = Promise.resolve();
            await overtake();
          }
          let held: EntryBody[] = [];
          let isOver = false;
          const checkOpen = () => {
            if (isOver) throw new Error('the transaction is over');
          };
          const withHeld = () => world.#link(held).state;
          return work({
            view: withHeld,
            recorded: () => world.state,
            hold: async (bodies) => {
              checkOpen();
              held.push(...bodies);
              return withHeld().head;
            },
            append: async (bodies) => {
              checkOpen();
              world.#perhapsFail('append');
              world.#append([...held, ...bodies]);
              held = [];
              return world.state.head;
            },
          }).finally(() => {
            isOver = true;
          });
        });
        world.#ledgerLock = done.catch(() => {});
        return done;
      },
      hashOf: async (seq) => {
        const line = world.lines[seq - 1];
        return line && hashLine(line);
      },
      unfinishedOctets: async () => world.unfinishedOctets,
      entries: async function* () {
        let before = { seq: 0, hash: noPreviousEntry };
        for (const [index, line] of world.lines.entries()) {
          const where = `line ${index + 1} of ledger/00000001.jsonl`;
          const entry = parseEntry(line, where);
          checkLink(entry, before, where);
          before = { seq: entry.seq, hash: hashLine(line) };
          yield [entry];
        }
      },
    };
  }

  #deliveries(): Deliveries {
    const deliveries: Deliveries = {
      check: async (client, target) => {
        this.#perhapsFail('checkDelivery');
        const directory = placeOf(client, target);
        return [
          { path: directory, as: 'directory' },
          { path: `${directory}/ca.crt`, as: 'root' },
          { path: `${directory}/${client}.crt`, as: 'own' },
          { path: `${directory}/${client}-chain.crt`, as: 'own' },
        ];
      },
      stage: async (client, target, serial, keyPem) => {
        this.#perhapsFail('stage');
        if (keyPem !== undefined) this.delivery(client, target).keys.set(serial, keyPem);
      },
      stageAll: (versions) =>
        Promise.allSettled(
          versions.map(({ client, target, serial, keyPem }) =>
            deliveries.stage(client, target, serial, keyPem),
          ),
        ),
      readKey: async (client, target, serial) => this.delivery(client, target).keys.get(serial),
      readPkcs12Password: async (client, target) => {
        const { versions, current } = this.delivery(client, target);
        return current && versions.get(current)?.pkcs12Password;
      },
      deliver: async (client, target, serial, contents) => {
        this.#perhapsFail('deliver');
        const delivery = this.delivery(client, target);
        if (contents.privateKey !== undefined) delivery.keys.set(serial, contents.privateKey);
        delivery.versions.set(serial, contents);
        const before = delivery.current;
        delivery.current = serial;
        for (const old of delivery.keys.keys()) {
          if (before !== undefined && old !== serial && old !== before) delivery.keys.delete(old);
        }
        return pathsOf(client, target, contents);
      },
      deliverAll: (many) =>
        Promise.allSettled(
          many.map(({ client, target, serial, contents }) =>
            deliveries.deliver(client, target, serial, contents),
          ),
        ),
      directory: placeOf,
      paths: async (client, target) => {
        this.#perhapsFail('paths');
        const { versions, current } = this.delivery(client, target);
        const contents = current && versions.get(current);
        return contents && pathsOf(client, target, contents);
      },
      discard: async (client, target, serial) => {
        const delivery = this.delivery(client, target);
        if (delivery.current === serial) throw new Error(`version ${serial} is in place`);
        delivery.keys.delete(serial);
        delivery.versions.delete(serial);
      },
      exclusively: async (clients, work) => {
        this.#perhapsFail('exclusively');
        const before = clients.map((client) => this.#clientLocks.get(client));
        const done = Promise.all(before).then(work);
        for (const client of clients)
          this.#clientLocks.set(
            client,
            done.catch(() => {}),
          );
        return done;
      },
    };
    return deliveries;
  }

  /** `ca.crl` is always that of the CA that issues to clients. */
  #crlPaths(issuer: IssuerRole, twoTier = this.certificates.has('chain.crt')): CrlPaths {
    const name = issuer === 'root' && twoTier ? 'root' : 'ca';
    return { der: `/ca/crl/${name}.crl`, pem: `/ca/crl/${name}.crl.pem` };
  }

  #append(bodies: readonly EntryBody[]): void {
    this.lines.push(...this.#link(bodies).links.map(({ line }) => Buffer.from(line)));
  }

  /** What these entries become after the record. */
  #link(bodies: readonly EntryBody[]): { links: readonly Link[]; state: LedgerState } {
    if (bodies.length === 0) return { links: [], state: this.state };
    const links = linkEntries(this.state.head, this.now, bodies);
    const state = this.state.clone();
    for (const { entry, hash } of links) state.apply(entry, hash);
    return { links, state };
  }

  #perhapsFail(operation: Operation): void {
    const fault = this.#faults.get(operation);
    if (!fault) return;
    if (fault.after-- > 0) return;
    this.#faults.delete(operation);
    throw fault.error;
  }
}

/** What a full disk becomes. */
export const diskFull = new CaError(
  'store/disk-full',
  'cannot write ledger/00000001.jsonl: the disk is full',
  {
    hint: 'make room, then run the command again',
  },
);

/** Octets from SHA-256 of a seed and a counter. */
export function seededRandom(seed: string): (length: number) => Uint8Array {
  let counter = 0;
  return (length) => {
    const blocks: Buffer[] = [];
    for (let made = 0; made < length; made += 32)
      blocks.push(createHash('sha256').update(`${seed} ${counter++}`).digest());
    return Buffer.concat(blocks).subarray(0, length);
  };
}

/** A key pair: from the seed on P-256, which is quick; of other kinds, fresh. */
function makeKeyPair(algorithm: KeyAlgorithm, random: (length: number) => Uint8Array): KeyPair {
  if (algorithm !== 'p256') return freshKey(algorithm).pair;
  const ecdh = createECDH('prime256v1');
  const privateKey = random(32);
  ecdh.setPrivateKey(privateKey);
  return { algorithm, privateKey, publicKey: ecdh.getPublicKey() };
}

function placeOf(client: string, target: DeliveryTarget): string {
  return target.kind === 'directory' ? target.path : `/ca/clients/${client}`;
}

function pathsOf(client: ClientName, target: DeliveryTarget, contents: DeliveryContents): DeliveryPaths {
  const directory = placeOf(client, target);
  return {
    directory,
    certificate: `${directory}/${client}.crt`,
    chain: `${directory}/${client}.chain.crt`,
    ca: `${directory}/ca.crt`,
    ...(contents.privateKey === undefined ? {} : { privateKey: `${directory}/${client}.key` }),
    ...(contents.bundle === undefined ? {} : { bundle: `${directory}/${client}.pem` }),
    ...(contents.pkcs12 === undefined ? {} : { pkcs12: `${directory}/${client}.p12` }),
    ...(contents.pkcs12Password === undefined
      ? {}
      : { pkcs12PasswordFile: `${directory}/${client}.p12.password` }),
  };
}

function wholeCrl({ der, pem }: Pick<PublishedCrl, 'der' | 'pem'>): { der: Uint8Array; pem: string } {
  return { der: Buffer.concat([...der]), pem: Buffer.concat([...pem]).toString('latin1') };
}
