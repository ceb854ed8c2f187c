import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BackupSize, Backups, OpenBackup } from '../authority/backup-ports.ts';
import type { Progress } from '../authority/ports.ts';
import { CaError } from '../core/ca-error.ts';
import { AgeWriter, ageMagic, ageRandomOctets, decryptPayload, openAge } from './age-file.ts';
import { damagedBackup, notABackup } from './backup-fault.ts';
import { manifestName } from './backup-layout.ts';
import { readBackup } from './backup-reader.ts';
import { backupSuffix, openBackupLock, removeAbandoned } from './backup-temporary.ts';
import { unpackBackup } from './backup-unpack.ts';
import { planBackup } from './backup-writer.ts';
import { checkFree, streamDurably } from './durable-file.ts';
import { randomOctets } from './entropy.ts';
import { secretMode } from './file-mode.ts';
import { makeHome } from './home-create.ts';
import { ioError } from './io-error.ts';
import { OctetReader } from './octet-reader.ts';

/** Backups of the authority in that home directory, as files on this machine's disk. */
export function openBackups(homePath: string, progress: Progress): Backups {
  return {
    check: async (path) => checkFree(path),

    async write(path, snapshot, { passphrase, dryRun }) {
      checkFree(path);
      const plan = await planBackup(homePath, snapshot, progress);
      if (dryRun) return plan.coverage;
      await removeAbandoned(dirname(path), new Date());
      const onOpen = await openBackupLock();
      let octets = 0;
      streamDurably(path, { mode: secretMode, suffix: backupSuffix, onOpen }, (write) => {
        const sink = (piece: Uint8Array) => {
          octets += piece.length;
          write(piece);
        };
        const age = passphrase === undefined ? undefined : new AgeWriter(sink, passphrase, ageRandom());
        plan.write(age ? (piece) => age.write(piece) : sink);
        age?.end();
      });
      return { ...plan.coverage, octets };
    },

    open: async (path, obtainPassphrase) => openBackup(path, obtainPassphrase, homePath, progress),
  };
}

async function openBackup(
  path: string,
  obtainPassphrase: () => Promise<string>,
  homePath: string,
  progress: Progress,
): Promise<OpenBackup> {
  const encrypted = await isEncrypted(path);
  const passphrase = encrypted ? await obtainPassphrase() : undefined;
  // One derivation of the key serves both readings: it is what takes long.
  const opened =
    passphrase === undefined
      ? undefined
      : await withReader(path, async (reader) => tryAge(reader, passphrase));
  const readPlain = <T>(work: (reader: OctetReader) => Promise<T>): Promise<T> =>
    withReader(path, async (reader) => {
      if (!opened) return work(reader);
      if (opened instanceof CaError) throw opened;
      skipAgeHeader(reader);
      return work(new OctetReader(decryptPayload(reader, opened)));
    });
  let identity: string | undefined;
  return {
    encrypted,
    async read(visit) {
      const onEntries = (seq: number, total: number) => progress(seq, total, 'entries checked');
      const {
        contents,
        files,
        deliveries,
        identity: found,
      } = await readPlain(async (reader) => readBackup(reader, visit, onEntries));
      identity = found;
      const size: BackupSize = { octets: sizeOf(path), files, deliveries };
      return { ...contents, size };
    },
    async restore() {
      const expected = identity;
      if (expected === undefined) throw new Error('a backup is restored only after it was read');
      await makeHome(homePath, (root) =>
        readPlain((reader) => unpackBackup(reader, root, expected, progress)),
      );
    },
  };
}

/** The payload's key, or the damage that keeps it from being read: that it is encrypted is known all the same. */
function tryAge(reader: OctetReader, passphrase: string): Uint8Array | CaError {
  try {
    return openAge(reader, passphrase);
  } catch (error) {
    if (error instanceof CaError && error.code === 'store/damaged-backup') return error;
    throw error;
  }
}

/** The four lines and the nonce that {@link openAge} has read before. */
function skipAgeHeader(reader: OctetReader): void {
  for (let lines = 0; lines < 4 && !reader.isAtEnd(); ) if (reader.takeSome(1)[0] === 0x0a) lines++;
  reader.takeUpTo(ageRandomOctets.nonce);
}

function isEncrypted(path: string): Promise<boolean> {
  return withReader(path, async (reader) => {
    const start = reader.takeUpTo(512);
    if (start.toString('latin1', 0, ageMagic.length) === ageMagic) return true;
    const isTar = start.length === 512 && start.toString('latin1', 257, 262) === 'ustar';
    if (isTar && start.toString('latin1', 0, manifestName.length) === manifestName) return false;
    if (start.length === 0) throw notABackup('is empty');
    if (manifestName.startsWith(start.toString('latin1', 0, 4)))
      throw damagedBackup('its first header was changed');
    throw notABackup(isTar ? `is an archive that does not begin with ${manifestName}` : 'is no backup');
  });
}

async function withReader<T>(path: string, work: (reader: OctetReader) => Promise<T>): Promise<T> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw ioError(error, 'read the backup', path);
  }
  try {
    if (!fstatSync(fd).isFile()) throw notABackup('is no file');
    return await work(new OctetReader(chunksOf(fd, path)));
  } finally {
    closeSync(fd);
  }
}

function* chunksOf(fd: number, path: string): Generator<Uint8Array> {
  for (;;) {
    const chunk = Buffer.allocUnsafe(1 << 20);
    let length: number;
    try {
      length = readSync(fd, chunk, 0, chunk.length, null);
    } catch (error) {
      throw ioError(error, 'read the backup', path);
    }
    if (length === 0) return;
    yield chunk.subarray(0, length);
  }
}

function sizeOf(path: string): number {
  return statSync(path).size;
}

function ageRandom() {
  return {
    salt: randomOctets(ageRandomOctets.salt),
    fileKey: randomOctets(ageRandomOctets.fileKey),
    nonce: randomOctets(ageRandomOctets.nonce),
  };
}
