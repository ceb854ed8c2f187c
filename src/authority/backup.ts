import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { wholeSeconds } from '../core/instant.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type AuthorityRecord, certificateStatus } from '../ledger/record.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { isEncrypted } from '../x509/private-key.ts';
import type { BackupManifest, MissingDelivery, RecordedDeliveries, Snapshot } from './backup-ports.ts';
import { clientIssuerRole } from './issuer.ts';
import type { Ports } from './ports.ts';

export interface BackupRequest {
  /** Where it goes: a name that is free. */
  readonly target: string;
  /** The backup's own passphrase, asked for once it is clear that there is something to encrypt; without it, it is not. */
  readonly obtainPassphrase?: () => Promise<string>;
  readonly dryRun: boolean;
}

/** Whether a CA key is in a backup, and how. */
export interface BackupKey {
  readonly issuer: IssuerRole;
  /** `absent`: it is kept elsewhere. */
  readonly state: 'encrypted' | 'plain' | 'absent';
}

export interface BackupResult {
  readonly file: string;
  /** Absent in a dry run. */
  readonly octets?: number;
  readonly encrypted: boolean;
  readonly createdAt: Date;
  readonly authority: BackupManifest['authority'];
  readonly head: { readonly seq: number; readonly hash: string };
  readonly files: number;
  readonly keys: readonly BackupKey[];
  /** How many clients' deliveries are in it, with their keys, and of how many clients they go elsewhere. */
  readonly deliveries: number;
  readonly elsewhere: number;
  /** Of which clients the files, or their key, should be in the home directory and are not. */
  readonly missing: readonly MissingDelivery[];
  /** What the authority lacks without it; absent when nothing. */
  readonly warnings?: readonly string[];
}

/** How often a snapshot is taken: after the first only if clients were renewed twice while it was read. */
const mostAttempts = 5;

/**
 * Keeps the authority as it is at one instant, whoever works with it meanwhile. Settings, keys, certificates and CRLs are
 * read while nobody can append to the record, which takes milliseconds: a CRL is published and a passphrase changed under
 * the same lock, so that all of it fits the head of the record at that instant. The record up to that head never changes
 * any more and is read afterwards, as are the deliveries, of which the record at that head tells which to take. A client
 * that is renewed twice meanwhile loses the files that belong to that head: then all is done again from a newer one.
 */
export async function backup(request: BackupRequest, ports: Ports): Promise<BackupResult> {
  await ports.backups.check(request.target);
  const passphrase = await request.obtainPassphrase?.();
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptBackup(request, passphrase, ports);
    } catch (error) {
      const isChanged = error instanceof CaError && error.code === 'store/changed';
      if (!isChanged || attempt === mostAttempts) throw error;
    }
  }
}

async function attemptBackup(
  request: BackupRequest,
  passphrase: string | undefined,
  ports: Ports,
): Promise<BackupResult> {
  const { view, ...frozen } = await freeze(request.dryRun, ports);
  const createdAt = wholeSeconds(ports.clock());
  const { authority, head } = view;
  const manifest: BackupManifest = {
    createdAt,
    authority: { name: authority.name, fingerprint: sha256Hex(authority.root) },
    head,
  };
  const snapshot: Snapshot = {
    manifest,
    ...frozen,
    deliveriesTo: (client) => deliveriesTo(client, view, createdAt),
    isKnownByNow: async (serial) => (await (await ports.ledger.view()).certificate(serial)) !== undefined,
  };
  const size = await ports.backups.write(request.target, snapshot, {
    ...(passphrase === undefined ? {} : { passphrase }),
    dryRun: request.dryRun,
  });
  const keys = issuersOf(authority).map((issuer) => describeKey(issuer, frozen.keys.get(issuer)));
  const warnings = [
    ...keys
      .filter(({ issuer, state }) => state === 'absent' && issuer === clientIssuerRole(authority))
      .map(({ issuer }) => withoutKey(issuer)),
    ...(await crlWarnings(view, frozen.files)),
  ];
  return {
    file: request.target,
    ...(size.octets === undefined ? {} : { octets: size.octets }),
    encrypted: passphrase !== undefined,
    createdAt,
    authority: manifest.authority,
    head: { seq: head.seq, hash: head.hash },
    files: size.files,
    keys,
    deliveries: size.deliveries,
    elsewhere: (await view.clientCount()) - size.homeClients,
    missing: size.missing,
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

/** A command that died between record and file leaves an older list in place; the drill says no to that. */
async function crlWarnings(view: LedgerView, files: Snapshot['files']): Promise<readonly string[]> {
  const role = clientIssuerRole(view.authority);
  const last = await view.lastCrl(role);
  const published = files.find(({ name }) => name === 'crl/ca.crl')?.content;
  if (published !== undefined && sha256Hex(Buffer.from(published)) === last?.sha256) return [];
  return ['crl/ca.crl is not the one that the ledger recorded last: run ca renew, then back up again'];
}

/** The warning of a backup without the key of daily work. */
export function withoutKey(issuer: IssuerRole): string {
  return `keys/${issuer}.key is not in it: without that nothing can be signed`;
}

/** The CAs that an authority has. */
export function issuersOf({ issuing }: Pick<AuthorityRecord, 'issuing'>): readonly IssuerRole[] {
  return issuing ? ['root', 'issuing'] : ['root'];
}

/** How a CA key is kept. */
export function describeKey(issuer: IssuerRole, pem: string | undefined): BackupKey {
  return { issuer, state: pem === undefined ? 'absent' : isEncrypted(pem) ? 'encrypted' : 'plain' };
}

type Frozen = Pick<Snapshot, 'files' | 'keys'> & { readonly view: LedgerView };

async function freeze(dryRun: boolean, ports: Ports): Promise<Frozen> {
  // Nothing is kept of what a dry run reads: it may come from before and after a change, and the lock stays as it is.
  if (dryRun) return readAll(await ports.ledger.view(), ports);
  try {
    return await ports.ledger.transact(async (transaction) => readAll(transaction.view(), ports));
  } catch (error) {
    // What cannot be written to changes under nobody's hands: a failing disk that was made read-only must be saved now.
    if (!(error instanceof CaError) || error.code !== 'store/read-only') throw error;
    return readAll(await ports.ledger.view(), ports);
  }
}

async function readAll(view: LedgerView, { home, keys }: Pick<Ports, 'home' | 'keys'>): Promise<Frozen> {
  const found = new Map<IssuerRole, string>();
  for (const issuer of issuersOf(view.authority)) {
    const pem = await keys.readKey(issuer);
    if (pem !== undefined) found.set(issuer, pem);
  }
  return { view, files: await home.readFiles(), keys: found };
}

async function deliveriesTo(
  name: ClientName,
  view: LedgerView,
  now: Date,
): Promise<RecordedDeliveries | undefined> {
  const client = await view.client(name);
  if (!client) return undefined;
  const { delivery, key } = client.policy;
  const records = await view.certificatesOf(name);
  // What was adopted came from elsewhere.
  const ours = records.filter(({ adopted }) => !adopted);
  const newest = delivery.kind === 'home' ? ours.findLast(({ deliveredAt }) => deliveredAt) : undefined;
  const isLast = newest !== undefined && newest === ours.at(-1);
  return {
    certificates: records.map(({ serial, deliveredAt }) => ({
      serial,
      state: deliveredAt ? 'done' : 'owed',
    })),
    inHome: newest?.serial,
    isLive: isLast && certificateStatus(newest, now) === 'active',
    // The policy is that of the last one that was issued.
    withKey: isLast && key !== 'csr',
  };
}
