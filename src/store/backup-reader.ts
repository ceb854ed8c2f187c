import { createHash } from 'node:crypto';
import type { BackupContents, BackupManifest } from '../authority/ports.ts';
import { checkLink, hashLine } from '../ledger/chain.ts';
import { type Entry, noPreviousEntry } from '../ledger/entry.ts';
import { parseEntry } from '../ledger/entry-codec.ts';
import { damagedBackup, notABackup } from './backup-fault.ts';
import {
  type BackupFile,
  backupFileAt,
  manifestName,
  type PlannedMember,
  planMembers,
  sumsName,
} from './backup-layout.ts';
import { parseManifest } from './backup-manifest.ts';
import { secretMode } from './file-mode.ts';
import type { OctetReader } from './octet-reader.ts';
import { type TarEntry, takeContent, takeTarHeader } from './tar.ts';

/** What the two files before all others say. */
export interface BackupHead {
  readonly manifest: BackupManifest;
  /** SHA-256 of `SHA256SUMS`, which holds that of everything else. */
  readonly identity: string;
  readonly sums: Buffer;
}

/** A member of a backup, and the content that must be read to its end before the next one is asked for. */
export type BackupMember =
  | Exclude<TarEntry, { type: 'file' }>
  | (Extract<TarEntry, { type: 'file' }> & {
      readonly file: BackupFile;
      readonly content: Iterable<Uint8Array>;
    });

/** The longest list of hashes that is read into memory: of some millions of files. */
const longestSums = 1 << 30;

/** Reads how a backup begins. Throws `store/not-a-backup`, `store/damaged-backup`. */
export function takeBackupHead(reader: OctetReader): BackupHead {
  const { octets: manifest, time } = takeNamed(reader, manifestName, 1 << 16);
  const parsed = parseManifest(manifest);
  if (time.getTime() !== Math.floor(parsed.createdAt.getTime() / 1000) * 1000)
    throw damagedBackup('its times differ');
  const { octets: sums } = takeNamed(reader, sumsName, longestSums);
  const [first] = sumsIn(sums);
  if (first?.path !== manifestName || first.sha256 !== sha256(manifest)) {
    throw damagedBackup(`${manifestName} is not as it was written`);
  }
  return { manifest: parsed, identity: sha256(sums), sums };
}

/**
 * The members after the head, in their order and each what `SHA256SUMS` makes of it; a content's last piece comes only
 * if its hash is right. Throws `store/damaged-backup`.
 */
export function* takeMembers(reader: OctetReader, { manifest, sums }: BackupHead): Generator<BackupMember> {
  const lines = sumsIn(sums);
  lines.next();
  let sum = '';
  const paths = (function* () {
    for (const line of lines) {
      sum = line.sha256;
      yield line.path;
    }
  })();
  for (const planned of planMembers(paths)) {
    const found = takeTarHeader(reader);
    const isPlanned =
      found?.time.getTime() === Math.floor(manifest.createdAt.getTime() / 1000) * 1000 &&
      isAsPlanned(found.entry, planned);
    if (!found || !isPlanned)
      throw damagedBackup(
        `${found ? JSON.stringify(found.entry.path) : 'its end'} stands where ${JSON.stringify(planned.path)} belongs`,
      );
    if (found.entry.type !== 'file') {
      yield found.entry;
      continue;
    }
    const { path, octets } = found.entry;
    const file = backupFileAt(path);
    if (!file) throw new Error(`${path} was planned and is no path of a backup`);
    yield { ...found.entry, file, content: proved(takeContent(reader, octets), sum, path) };
  }
  const after = takeTarHeader(reader);
  if (after) throw damagedBackup(`it holds ${JSON.stringify(after.entry.path)}, which its list does not`);
}

/** Reads a whole backup and proves it: its files by their hashes, its record by the chain. */
export function readBackup(
  reader: OctetReader,
  visit: (entry: Entry) => void,
  onEntries: (seq: number, total: number) => void,
): {
  readonly contents: Omit<BackupContents, 'size'>;
  readonly files: number;
  readonly deliveries: number;
  readonly identity: string;
} {
  const head = takeBackupHead(reader);
  const files = new Map<string, Uint8Array>();
  const keys: ['root' | 'issuing', string][] = [];
  const clients = new Set<string>();
  const record = new RecordReader(visit);
  let count = 0;
  for (const member of takeMembers(reader, head)) {
    if (member.type !== 'file') continue;
    count++;
    const { file, path, content } = member;
    if (file.kind === 'own') files.set(path, Buffer.concat([...content]));
    else if (file.kind === 'key') keys.push([file.issuer, Buffer.concat([...content]).toString('utf8')]);
    else if (file.kind === 'segment') {
      for (const piece of content) {
        record.take(piece, path);
        onEntries(record.head.seq, head.manifest.head.seq);
      }
      record.end(path);
    } else {
      for (const _ of content);
      if (file.kind === 'delivery') clients.add(file.client);
    }
  }
  const { seq, hash } = head.manifest.head;
  if (record.head.seq !== seq || record.head.hash !== hash) {
    throw damagedBackup(`its record ends with entry ${record.head.seq} where its manifest says ${seq}`);
  }
  return {
    contents: { manifest: head.manifest, keys: new Map(keys), files },
    files: count,
    deliveries: clients.size,
    identity: head.identity,
  };
}

/** The record's lines out of the pieces of its files, each parsed strictly and checked against the chain. */
class RecordReader {
  head = { seq: 0, hash: noPreviousEntry };
  readonly #visit: (entry: Entry) => void;
  #rest: Uint8Array = new Uint8Array();

  constructor(visit: (entry: Entry) => void) {
    this.#visit = visit;
  }

  take(piece: Uint8Array, path: string): void {
    const octets = this.#rest.length === 0 ? Buffer.from(piece) : Buffer.concat([this.#rest, piece]);
    let start = 0;
    for (let end = octets.indexOf(0x0a); end >= 0; end = octets.indexOf(0x0a, start)) {
      const line = octets.subarray(start, end);
      const where = `entry ${this.head.seq + 1}, in ${path} of the backup,`;
      const entry = parseEntry(line, where);
      checkLink(entry, this.head, where);
      this.#visit(entry);
      this.head = { seq: entry.seq, hash: hashLine(line) };
      start = end + 1;
    }
    this.#rest = octets.subarray(start);
  }

  end(path: string): void {
    if (this.#rest.length > 0) throw damagedBackup(`the last line of ${path} is cut off`);
  }
}

function takeNamed(reader: OctetReader, path: string, most: number) {
  const found = takeTarHeader(reader);
  if (found?.entry.path !== path || found.entry.type !== 'file' || found.entry.mode !== secretMode) {
    throw notABackup(`is an archive without ${path} in its place`);
  }
  if (found.entry.octets > most)
    throw damagedBackup(`${path} has ${found.entry.octets} octets > ${most} allowed`);
  return { octets: Buffer.concat([...takeContent(reader, found.entry.octets)]), time: found.time };
}

function isAsPlanned(found: TarEntry, planned: PlannedMember): boolean {
  if (found.type !== planned.type || found.path !== planned.path) return false;
  if (found.type === 'link') return planned.type === 'link' && found.target === planned.target;
  const mode = planned.type === 'directory' ? planned.mode : backupFileAt(planned.path)?.mode;
  return found.mode === mode;
}

function* proved(content: Iterable<Uint8Array>, expected: string, path: string): Generator<Uint8Array> {
  const hash = createHash('sha256');
  let held: Uint8Array | undefined;
  for (const piece of content) {
    if (held) yield held;
    hash.update(piece);
    held = piece;
  }
  if (hash.digest('hex') !== expected) throw damagedBackup(`${path} is not as it was written`);
  if (held) yield held;
}

/** The lines `<64 hex digits>  <path>` that `sha256sum` takes. */
function* sumsIn(sums: Buffer): Generator<{ readonly sha256: string; readonly path: string }> {
  for (let start = 0; start < sums.length; ) {
    const end = sums.indexOf(0x0a, start);
    const line = sums.toString('utf8', start, end < 0 ? sums.length : end);
    const [, hash, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    if (end < 0 || hash === undefined || path === undefined)
      throw damagedBackup(`${sumsName} is not as it was written`);
    yield { sha256: hash, path };
    start = end + 1;
  }
}

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}
