import { createHash } from 'node:crypto';
import type { BackupContents, BackupManifest } from '../authority/backup-ports.ts';
import { checkLink, hashLine } from '../ledger/chain.ts';
import { type Entry, noPreviousEntry } from '../ledger/entry.ts';
import { parseEntry } from '../ledger/entry-codec.ts';
import { damagedBackup, notABackup } from './backup-fault.ts';
import {
  type BackupFile,
  backupFileAt,
  longestSums,
  longestSumsLine,
  manifestName,
  type PlannedMember,
  planMembers,
  sumsName,
} from './backup-layout.ts';
import { parseManifest } from './backup-manifest.ts';
import { secretMode } from './file-mode.ts';
import { longestLine } from './journal-lines.ts';
import { keyLimits } from './key-files.ts';
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
export type BackupMember = Exclude<TarEntry, { type: 'file' }> | FileMember;

type FileMember = Extract<TarEntry, { type: 'file' }> & {
  readonly file: BackupFile;
  readonly content: Iterable<Uint8Array>;
};

/** The longest CRL that is checked. */
const longestList = 256 << 20;

/** The most octets of the files that are held because their content is checked; all others are hashed as they come. */
const longestHeld: ReadonlyMap<string, number> = new Map([
  ['ca.json', 1 << 20],
  ['ca.crt', 1 << 20],
  ['chain.crt', 1 << 20],
  // A million revocations have less than 50 MB.
  ['crl/ca.crl', longestList],
  ['crl/root.crl', longestList],
]);

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
  const madeAt = Math.floor(manifest.createdAt.getTime() / 1000) * 1000;
  for (const planned of planMembers(paths)) {
    const found = takeTarHeader(reader);
    const misfit = found ? misfitOf(found.entry, planned) : `its end stands where ${quote(planned)} belongs`;
    if (!found || misfit !== undefined) throw damagedBackup(`${misfit}`);
    if (found.time.getTime() !== madeAt) throw damagedBackup(`${quote(planned)} has another time than it`);
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
    const most = longestHeld.get(path);
    if (most !== undefined) files.set(path, hold(member, most));
    else if (file.kind === 'key')
      keys.push([file.issuer, hold(member, keyLimits.maxOctets).toString('utf8')]);
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

function hold({ path, octets, content }: FileMember, most: number): Buffer {
  checkLength(path, octets, most);
  return Buffer.concat([...content]);
}

function checkLength(path: string, octets: number, most: number): void {
  if (octets > most) throw damagedBackup(`${path} has ${octets} octets > ${most} allowed`);
}

/** The record's lines out of the pieces of its files, each parsed strictly and checked against the chain. */
class RecordReader {
  head = { seq: 0, hash: noPreviousEntry };
  readonly #visit: (entry: Entry) => void;
  /** The pieces of a line whose end has not come yet. */
  #rest: Uint8Array[] = [];
  #restOctets = 0;

  constructor(visit: (entry: Entry) => void) {
    this.#visit = visit;
  }

  take(piece: Uint8Array, path: string): void {
    const octets = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    let start = 0;
    for (let end = octets.indexOf(0x0a); end >= 0; end = octets.indexOf(0x0a, start)) {
      const line = this.#lineTo(octets.subarray(start, end));
      const where = `entry ${this.head.seq + 1}, in ${path} of the backup,`;
      const entry = parseEntry(line, where);
      checkLink(entry, this.head, where);
      this.#visit(entry);
      this.head = { seq: entry.seq, hash: hashLine(line) };
      start = end + 1;
    }
    if (start === octets.length) return;
    this.#rest.push(octets.subarray(start));
    this.#restOctets += octets.length - start;
    if (this.#restOctets > longestLine)
      throw damagedBackup(`a line of ${path} is longer than ${longestLine} octets`);
  }

  #lineTo(end: Buffer): Buffer {
    if (this.#rest.length === 0) return end;
    const line = Buffer.concat([...this.#rest, end]);
    this.#rest = [];
    this.#restOctets = 0;
    return line;
  }

  end(path: string): void {
    if (this.#restOctets > 0) throw damagedBackup(`the last line of ${path} is cut off`);
  }
}

function takeNamed(reader: OctetReader, path: string, most: number) {
  const found = takeTarHeader(reader);
  if (found?.entry.path !== path || found.entry.type !== 'file' || found.entry.mode !== secretMode) {
    throw notABackup(`is an archive without ${path} in its place`);
  }
  checkLength(path, found.entry.octets, most);
  return { octets: Buffer.concat([...takeContent(reader, found.entry.octets)]), time: found.time };
}

function misfitOf(found: TarEntry, planned: PlannedMember): string | undefined {
  if (found.type !== planned.type || found.path !== planned.path)
    return `${quote(found)} stands where ${quote(planned)} belongs`;
  if (found.type === 'link') {
    const isRight = planned.type === 'link' && found.target === planned.target;
    return isRight ? undefined : `the link ${quote(found)} leads to ${JSON.stringify(found.target)}`;
  }
  const mode = planned.type === 'directory' ? planned.mode : backupFileAt(planned.path)?.mode;
  if (found.mode === mode) return undefined;
  return `${quote(found)} has mode ${octal(found.mode)} where ${octal(mode ?? 0)} belongs`;
}

function quote({ path }: { readonly path: string }): string {
  return JSON.stringify(path);
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
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
    const end = start + sums.subarray(start, start + longestSumsLine).indexOf(0x0a);
    const line = sums.toString('utf8', start, Math.max(start, end));
    const [, hash, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    if (hash === undefined || path === undefined) throw damagedBackup(`${sumsName} is not as it was written`);
    yield { sha256: hash, path };
    start = end + 1;
  }
}

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}
