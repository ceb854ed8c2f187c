import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
} from 'node:fs';
import { join } from 'node:path';
import type { BackupSize, Progress, Snapshot } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';
import { findDeliveries } from './backup-deliveries.ts';
import { backupFileAt, comparePaths, manifestName, planMembers, sumsName } from './backup-layout.ts';
import { encodeManifest } from './backup-manifest.ts';
import { findRecord } from './backup-record.ts';
import { secretMode } from './file-mode.ts';
import { hasErrorCode, ioError } from './io-error.ts';
import { segmentName } from './journal.ts';
import { keyFileName } from './key-files.ts';
import { encodeTarHeader, paddingOf, tarEnd } from './tar.ts';

/** What goes into a backup, found and hashed, and still to be written. */
export interface BackupPlan {
  readonly size: BackupSize;
  /** Gives the archive piece by piece; refuses a file that was changed since it was hashed. */
  write(sink: (octets: Uint8Array) => void): void;
}

/** Reads everything that goes into a backup of the authority in that home. Throws `ledger/broken-chain`, `store/…`. */
export async function planBackup(
  homePath: string,
  { manifest, files, keys, deliveryOf }: Snapshot,
  progress: Progress,
): Promise<BackupPlan> {
  const own = new Map<string, Uint8Array>();
  for (const { name, content } of files) {
    if (backupFileAt(name)) own.set(name, Buffer.from(content));
  }
  for (const [issuer, pem] of keys) own.set(`keys/${keyFileName(issuer)}`, Buffer.from(pem));
  const ledger = join(homePath, 'ledger');
  for (const name of tornTails(ledger)) own.set(`ledger/${name}`, readWhole(join(ledger, name)));
  const sums = [...own].map(([path, content]) => ({ path, sha256: hashOf([content]) }));

  const lengths = new Map<string, number>();
  const onLines = (seq: number) => progress(seq, manifest.head.seq, 'entries read');
  for (const { segment, octets, sha256 } of findRecord(ledger, manifest.head, onLines)) {
    const path = `ledger/${segmentName(segment)}`;
    lengths.set(path, octets);
    sums.push({ path, sha256 });
  }
  let deliveries = 0;
  for await (const { paths } of findDeliveries(homePath, deliveryOf)) {
    for (const path of paths) sums.push({ path, sha256: hashOf(contentOfFile(join(homePath, path))) });
    deliveries++;
  }
  sums.sort((a, b) => comparePaths(a.path, b.path));

  const manifestOctets = encodeManifest(manifest);
  const lines = [{ path: manifestName, sha256: hashOf([manifestOctets]) }, ...sums];
  const list = Buffer.from(lines.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join(''));
  return {
    size: { octets: undefined, files: sums.length, deliveries },
    write(sink) {
      const time = manifest.createdAt;
      const add = (path: string, mode: number, octets: number, content: Iterable<Uint8Array>) => {
        sink(encodeTarHeader({ type: 'file', path, mode, octets }, time));
        for (const piece of content) sink(piece);
        sink(new Uint8Array(paddingOf(octets)));
      };
      add(manifestName, secretMode, manifestOctets.length, [manifestOctets]);
      add(sumsName, secretMode, list.length, [list]);
      let done = 0;
      const next = sums.values();
      for (const member of planMembers(sums.map(({ path }) => path))) {
        if (member.type !== 'file') {
          sink(encodeTarHeader(member, time));
          continue;
        }
        const { path } = member;
        const mode = backupFileAt(path)?.mode ?? secretMode;
        const content = own.get(path);
        const expected = next.next().value?.sha256;
        const hash = createHash('sha256');
        const octets = content?.length ?? lengths.get(path) ?? sizeOf(join(homePath, path));
        add(
          path,
          mode,
          octets,
          hashed(content ? [content] : contentOfFile(join(homePath, path), octets), hash),
        );
        if (hash.digest('hex') !== expected) throw changed(path);
        progress(++done, sums.length, 'files written');
      }
      sink(tarEnd);
    },
  };
}

function* hashed(pieces: Iterable<Uint8Array>, hash: ReturnType<typeof createHash>): Generator<Uint8Array> {
  for (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
}

function hashOf(pieces: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** A file's octets from its first on, at most so many; a file that ends before is filled up, for its hash to refuse. */
function* contentOfFile(path: string, octets?: number): Generator<Uint8Array> {
  const fd = openFile(path);
  try {
    let left = octets ?? fstatSync(fd).size;
    while (left > 0) {
      const piece = Buffer.alloc(Math.min(left, 1 << 20));
      const got = readSync(fd, piece, 0, piece.length, null);
      if (got === 0 && octets === undefined) return;
      yield got === 0 ? piece : piece.subarray(0, got);
      left -= got === 0 ? piece.length : got;
    }
  } catch (error) {
    throw ioError(error, 'read', path);
  } finally {
    closeSync(fd);
  }
}

function openFile(path: string): number {
  try {
    // Never through a link: in a directory of somebody else's it could lead to any file.
    return openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) throw changed(path);
    throw ioError(error, 'read', path);
  }
}

function sizeOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats) throw changed(path);
  return stats.size;
}

function readWhole(path: string): Uint8Array {
  return Buffer.concat([...contentOfFile(path)]);
}

function tornTails(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => /^torn-\d+-\d+\.bin$/.test(name));
}

/** Only a client that was renewed twice meanwhile, or somebody else's hand, can bring this about. */
function changed(path: string): CaError {
  return new CaError('store/io', `${printable(path)} was changed while it was backed up`, {
    hint: 'run the same command again',
  });
}
