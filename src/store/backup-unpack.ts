import { closeSync, fchmodSync, fchownSync, fsync, lchownSync, openSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../authority/ports.ts';
import { damagedBackup } from './backup-fault.ts';
import { takeBackupHead, takeMembers } from './backup-reader.ts';
import { makeDirectories, syncDirectories } from './directories.ts';
import { writeAll } from './durable-file.ts';
import { inheritedOwner, type Owner } from './file-mode.ts';
import { allDone } from './group-sync.ts';
import type { OctetReader } from './octet-reader.ts';

/** How many files are written before they are synced together: enough to be quick, and far fewer than may be open. */
const filesAtOnce = 128;

/**
 * Writes the members of a backup into an empty directory and syncs them. Paths and links are those that the layout makes,
 * and files are created anew, never through a link. Throws `store/damaged-backup` if it is not the backup of that
 * identity, and what a disk does.
 */
export async function unpackBackup(
  reader: OctetReader,
  root: string,
  identity: string,
  progress: Progress,
): Promise<void> {
  const head = takeBackupHead(reader);
  if (head.identity !== identity) throw damagedBackup('it was changed after it was checked');
  const owner = inheritedOwner(root);
  const directories = [root];
  let open: number[] = [];
  let done = 0;
  const total = head.sums.reduce((lines, octet) => lines + (octet === 0x0a ? 1 : 0), -1);
  const finish = async () => {
    try {
      await allDone(open.map(sync));
    } finally {
      for (const fd of open) closeSync(fd);
      open = [];
    }
  };
  try {
    for (const member of takeMembers(reader, head)) {
      const path = join(root, member.path);
      if (member.type === 'directory') directories.push(...makeDirectories(path, member.mode, () => owner));
      else if (member.type === 'link') {
        symlinkSync(member.target, path);
        if (owner) lchownSync(path, owner.uid, owner.gid);
      } else {
        open.push(writeFile(path, member.mode, owner, member.content));
        progress(++done, total, 'files restored');
        if (open.length >= filesAtOnce) await finish();
      }
    }
  } finally {
    await finish();
  }
  for (let from = 0; from < directories.length; from += filesAtOnce) {
    await syncDirectories(directories.slice(from, from + filesAtOnce));
  }
}

function writeFile(
  path: string,
  mode: number,
  owner: Owner | undefined,
  content: Iterable<Uint8Array>,
): number {
  const fd = openSync(path, 'wx', mode);
  try {
    if (process.platform !== 'win32') fchmodSync(fd, mode);
    if (owner) fchownSync(fd, owner.uid, owner.gid);
    let position = 0;
    for (const piece of content) {
      writeAll(fd, piece, position);
      position += piece.length;
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function sync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(fd, (error) => (error ? reject(error) : resolve()));
  });
}
