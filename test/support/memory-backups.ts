import type { BackupContents, Backups, OpenBackup, Snapshot } from '../../src/authority/backup-ports.ts';
import { CaError } from '../../src/core/ca-error.ts';
import type { Entry } from '../../src/ledger/entry.ts';
import { parseEntry } from '../../src/ledger/entry-codec.ts';

/** The part of a world that is backed up beside the snapshot. */
interface Recorded {
  lines: Buffer[];
}

/** A backup that a test may change before it is opened. */
export interface MemoryBackup {
  snapshot: Pick<Snapshot, 'manifest' | 'files' | 'keys'>;
  lines: Buffer[];
  passphrase: string | undefined;
}

/** Backups in memory, by their names. What is restored is counted, and put nowhere. */
export class MemoryBackups implements Backups {
  readonly kept = new Map<string, MemoryBackup>();
  restored = 0;
  readonly #world: Recorded;

  constructor(world: Recorded) {
    this.#world = world;
  }

  async check(name: string): Promise<void> {
    if (this.kept.has(name)) throw new CaError('store/occupied', `${name} exists already`);
  }

  async write(name: string, snapshot: Snapshot, options: { passphrase?: string; dryRun: boolean }) {
    const lines = this.#world.lines.slice(0, snapshot.manifest.head.seq);
    if (options.dryRun) return coverageOf(snapshot, undefined);
    this.kept.set(name, { snapshot, lines, passphrase: options.passphrase });
    return coverageOf(snapshot, 1);
  }

  async open(name: string, obtainPassphrase: () => Promise<string>): Promise<OpenBackup> {
    const backup = this.kept.get(name);
    if (!backup) throw new CaError('store/not-found', `there is no ${name}`);
    const { passphrase, snapshot, lines } = backup;
    if (passphrase !== undefined && (await obtainPassphrase()) !== passphrase) {
      throw new CaError('x509/wrong-passphrase', 'the passphrase does not open the backup');
    }
    return {
      encrypted: passphrase !== undefined,
      async read(visit: (entry: Entry) => void): Promise<BackupContents> {
        for (const line of lines) visit(parseEntry(line, 'a line'));
        const files = new Map(snapshot.files.map((file) => [file.name, Buffer.from(file.content)]));
        const { manifest, keys } = snapshot;
        return { manifest, keys, files, size: sizeOf(files.size, 1) };
      },
      restore: async () => {
        this.restored++;
      },
    };
  }
}

function coverageOf({ files }: Snapshot, octets: number | undefined) {
  return { ...sizeOf(files.length, octets), homeClients: 0, missing: [] };
}

function sizeOf(files: number, octets: number | undefined) {
  return { octets, files, deliveries: 0 };
}
