import { createHash } from 'node:crypto';
import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupCoverage, MissingDelivery, Snapshot } from '../authority/backup-ports.ts';
import type { Progress } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { findDeliveries } from './backup-deliveries.ts';
import { changedMeanwhile } from './backup-fault.ts';
import {
  backupFileAt,
  comparePaths,
  longestSums,
  manifestName,
  planMembers,
  sumsName,
} from './backup-layout.ts';
import { encodeManifest } from './backup-manifest.ts';
import { findRecord } from './backup-record.ts';
import { secretMode } from './file-mode.ts';
import { hasErrorCode, ioError } from './io-error.ts';
import { segmentName } from './journal.ts';
import { keyFileName } from './key-files.ts';
import { encodeTarHeader, paddingOf, tarEnd } from './tar.ts';

/** What goes into a backup, found and hashed, and still to be written. */
export interface BackupPlan {
  readonly coverage: BackupCoverage;
  /** Gives the archive piece by piece; refuses a file that was changed since it was hashed. */
  write(sink: (octets: Uint8Array) => void): void;
}

const zeros = new Uint8Array(512);

/** Reads everything that goes into a backup of the authority in that home. Throws `ledger/broken-chain`, `store/…`. */
export async function planBackup(
  homePath: string,
  snapshot: Snapshot,
  progress: Progress,
): Promise<BackupPlan> {
  const { manifest } = snapshot;
  const own = new Map<string, Uint8Array>();
  for (const { name, content } of snapshot.files) {
    if (backupFileAt(name)) own.set(name, typeof content === 'string' ? Buffer.from(content) : content);
  }
  for (const [issuer, pem] of snapshot.keys) own.set(`keys/${keyFileName(issuer)}`, Buffer.from(pem));
  const ledger = join(homePath, 'ledger');
  for (const name of tornTails(ledger)) own.set(`ledger/${name}`, readWhole(join(ledger, name)));
  const sums: Sum[] = [...own].map(([path, content]) => sumOf(path, [content]));

  // Deliveries change soonest, so they are read first.
  const missing: MissingDelivery[] = [];
  const found = new Set<ClientName>();
  let deliveries = 0;
  const onClients = (done: number, total: number) => progress(done, total, 'clients read');
  for await (const { client, paths, missing: what } of findDeliveries(homePath, snapshot, onClients)) {
    for (const path of paths) sums.push(sumOf(path, contentOfFile(join(homePath, path))));
    if (paths.length > 0) deliveries++;
    if (what) missing.push({ client, what });
    found.add(client);
  }
  const onLines = (seq: number) => progress(seq, manifest.head.seq, 'entries read');
  const { parts, homeClients } = findRecord(ledger, manifest.head, onLines);
  for (const { segment, octets, sha256 } of parts) {
    sums.push({ path: `ledger/${segmentName(segment)}`, octets, sha256 });
  }
  for (const client of homeClients) {
    if (!found.has(client) && (await snapshot.deliveriesTo(client))?.isLive)
      missing.push({ client, what: 'files' });
  }
  sums.sort((a, b) => comparePaths(a.path, b.path));

  const manifestOctets = encodeManifest(manifest);
  const list = Buffer.from(
    [sumOf(manifestName, [manifestOctets]), ...sums]
      .map(({ path, sha256 }) => `${sha256}  ${path}\n`)
      .join(''),
  );
  if (list.length > longestSums) throw tooMany(sums.length);
  return {
    coverage: {
      octets: undefined,
      files: sums.length,
      deliveries,
      homeClients: homeClients.size,
      missing,
    },
    write(sink) {
      const time = manifest.createdAt;
      const add = (path: string, mode: number, octets: number, content: Iterable<Uint8Array>) => {
        sink(encodeTarHeader({ type: 'file', path, mode, octets }, time));
        for (const piece of content) sink(piece);
        sink(zeros.subarray(0, paddingOf(octets)));
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
        const sum = next.next().value;
        if (!sum) throw new Error(`${member.path} was planned and has no hash`);
        const { path, octets, sha256 } = sum;
        const mode = backupFileAt(path)?.mode ?? secretMode;
        const content = own.get(path);
        const hash = createHash('sha256');
        add(
          path,
          mode,
          octets,
          hashed(content ? [content] : contentOfFile(join(homePath, path), octets), hash),
        );
        if (hash.digest('hex') !== sha256) throw changedMeanwhile(path);
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

/** A file that goes into a backup, as it was read. */
interface Sum {
  readonly path: string;
  readonly octets: number;
  readonly sha256: string;
}

function sumOf(path: string, pieces: Iterable<Uint8Array>): Sum {
  const hash = createHash('sha256');
  let octets = 0;
  for (const piece of pieces) {
    hash.update(piece);
    octets += piece.length;
  }
  return { path, octets, sha256: hash.digest('hex') };
}

/** A file's octets from its first on, at most so many; a file that ends before is filled up, for its hash to refuse. */
function* contentOfFile(path: string, octets?: number): Generator<Uint8Array> {
  const fd = openFile(path);
  try {
    let left = octets ?? fstatSync(fd).size;
    while (left > 0) {
      const piece = Buffer.allocUnsafe(Math.min(left, 1 << 20));
      const got = readSync(fd, piece, 0, piece.length, null);
      if (got === 0 && octets === undefined) return;
      yield got === 0 ? piece.fill(0) : piece.subarray(0, got);
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
    if (hasErrorCode(error, 'ENOENT')) throw changedMeanwhile(path);
    throw ioError(error, 'read', path);
  }
}

function readWhole(path: string): Uint8Array {
  return Buffer.concat([...contentOfFile(path)]);
}

function tornTails(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => /^torn-\d+-\d+\.bin$/.test(name));
}

function tooMany(files: number): CaError {
  return new CaError('store/unsupported', `${files} files are too many for one backup`, {
    hint: 'deliver with --out, so that fewer clients have their files in the home directory',
  });
}
