import { CaError } from '../core/ca-error.ts';
import type { BackupResult } from './backup.ts';
import { describeKey, issuersOf } from './backup.ts';
import { type BackupCheck, type BackupCheckName, checkBackup, no, RecordSummary } from './backup-checks.ts';
import type { OpenBackup } from './backup-ports.ts';
import type { Ports } from './ports.ts';

export interface RestoreRequest {
  /** The backup's name. */
  readonly source: string;
  /** The backup's own passphrase, asked for if it is encrypted. */
  readonly obtainPassphrase: () => Promise<string>;
  readonly dryRun: boolean;
}

export interface RestoreResult extends Pick<BackupResult, 'createdAt' | 'authority' | 'head' | 'keys'> {
  readonly home: string;
  readonly source: string;
  readonly files: number;
  readonly deliveries: number;
  /** What is wrong in it and can be mended afterwards; absent when nothing is. */
  readonly warnings?: readonly string[];
}

export interface DrillResult {
  /** Whether an authority could be restored from it and work. */
  readonly valid: boolean;
  readonly source: string;
  readonly encrypted: boolean;
  /** Absent if the backup is damaged. */
  readonly createdAt?: Date;
  readonly authority?: BackupResult['authority'];
  readonly head?: BackupResult['head'];
  readonly deliveries?: number;
  readonly checks: readonly BackupCheck[];
}

/**
 * Makes the authority of a backup where there is none, after everything in it was checked: it appears as a whole or not
 * at all. Throws `authority/exists`, `store/damaged-backup` for what does not belong together.
 */
export async function restore(request: RestoreRequest, ports: Ports): Promise<RestoreResult> {
  if (await ports.home.exists()) {
    throw new CaError('authority/exists', `there is an authority in ${ports.home.path}`, {
      hint: 'a backup never replaces one: name an empty directory with --home DIR, or move the old one away',
    });
  }
  const backup = await ports.backups.open(request.source, request.obtainPassphrase);
  const record = new RecordSummary();
  const contents = await backup.read(record.visit);
  const { obtainPassphrase } = ports;
  const checks = await checkBackup(contents, record, { obtainPassphrase, all: false });
  const faults = checks.filter(({ ok }) => !ok);
  const fault = faults.find(({ check }) => !mendable.includes(check));
  const { authority } = record;
  if (fault || !authority) {
    throw new CaError('store/damaged-backup', `the backup cannot be restored: ${fault?.detail}`, {
      hint: `see all that is wrong with it: ca restore --check ${request.source}`,
    });
  }
  if (!request.dryRun) await backup.restore();
  const { manifest, size, keys } = contents;
  const warnings = faults.map(({ detail }) => detail);
  return {
    home: ports.home.path,
    source: request.source,
    createdAt: manifest.createdAt,
    authority: manifest.authority,
    head: { seq: manifest.head.seq, hash: manifest.head.hash },
    files: size.files,
    keys: issuersOf(authority).map((issuer) => describeKey(issuer, keys.get(issuer))),
    deliveries: size.deliveries,
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

/** Settings can be written, CRLs signed and keys fetched or opened later: an authority that had these faults when it was saved comes back with them. */
const mendable: readonly BackupCheckName[] = ['settings', 'crl', 'unproved'];

/**
 * The drill: whether a backup would do if it were needed today. Nothing is written. Throws for what is no backup, and
 * for the wrong passphrase of the backup itself.
 */
export async function drill(
  { source, obtainPassphrase }: Omit<RestoreRequest, 'dryRun'>,
  ports: Pick<Ports, 'backups' | 'obtainPassphrase'>,
): Promise<DrillResult> {
  const record = new RecordSummary();
  let opened: OpenBackup | undefined;
  try {
    opened = await ports.backups.open(source, obtainPassphrase);
    const contents = await opened.read(record.visit);
    const checks = await checkBackup(contents, record, {
      obtainPassphrase: ports.obtainPassphrase,
      all: true,
    });
    const { createdAt, authority, head } = contents.manifest;
    return {
      valid: checks.every(({ ok }) => ok),
      source,
      encrypted: opened.encrypted,
      createdAt,
      authority,
      head: { seq: head.seq, hash: head.hash },
      deliveries: contents.size.deliveries,
      checks,
    };
  } catch (error) {
    const isDamage =
      error instanceof CaError && (error.code === 'store/damaged-backup' || error.code.startsWith('ledger/'));
    if (!isDamage) throw error;
    return {
      valid: false,
      source,
      encrypted: opened?.encrypted ?? false,
      checks: [no('archive', error.message)],
    };
  }
}
