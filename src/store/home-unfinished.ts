import { existsSync, lstatSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { syncDirectories } from './directories.ts';
import { type LockOptions, withLock } from './lock.ts';
import { namesIn } from './look-at.ts';

/** Stands in a home directory for as long as it is being made, locked by its maker: a whole one never has it. */
const markName = '.unfinished';

const lock: LockOptions = { what: 'the new authority', waitMs: 0, clock: () => new Date() };

/** The name under which a home directory is made beside its place, without the six characters at its end. */
export function unfinishedPrefix(path: string): string {
  return join(dirname(path), `.${basename(path)}.`);
}

/** Runs the work that fills a new directory, which is marked until then, and syncs the directory. */
export async function whileUnfinished(directory: string, work: () => Promise<void>): Promise<void> {
  const mark = join(directory, markName);
  const draft = `${mark}.new`;
  await withLock(draft, lock, async () => {
    // Nobody finds it under its name while it is not locked yet.
    renameSync(draft, mark);
    await work();
    unlinkSync(mark);
    await syncDirectories([directory]);
  });
}

/** Removes what processes that were killed while they made a home directory at `path` have left: there are keys in it. */
export async function removeUnfinished(path: string): Promise<void> {
  const prefix = unfinishedPrefix(path);
  for (const name of namesIn(dirname(path))) {
    const directory = join(dirname(path), name);
    if (directory.startsWith(prefix) && /^[0-9A-Za-z]{6}$/.test(directory.slice(prefix.length))) {
      await removeIfAbandoned(directory);
    }
  }
}

async function removeIfAbandoned(directory: string): Promise<void> {
  const mark = join(directory, markName);
  try {
    const { uid } = lstatSync(directory);
    // What we gave to a service could be swapped under our hands.
    if (uid !== (process.geteuid?.() ?? uid)) return;
    await withLock(mark, { ...lock, create: false }, async () => {
      // Its maker may have finished between our opening the mark and locking it.
      if (existsSync(mark)) rmSync(directory, { recursive: true });
    });
  } catch {
    // It has no mark, somebody is at work in it, or it cannot be removed: it stays, and is in nobody's way.
  }
}
