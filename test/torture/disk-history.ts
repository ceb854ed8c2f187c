import {
  chmodSync,
  type Dirent,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { DiskCall } from './disk-trace.ts';

/** What a power cut does to a change that nobody has synced. */
export interface Fate {
  /** Whether new, changed and removed names last. */
  keepsName(): boolean;
  /** How much of what was written into a file lasts; `zeros`: its length alone. */
  keepsData(): 'all' | 'half' | 'none' | 'zeros';
}

interface Inode {
  readonly kind: 'file' | 'directory' | 'link';
  mode: number;
  readonly target?: string;
  readonly data: DataChange[];
}

interface DataChange {
  readonly at: number;
  /** Undefined cuts the file at that place. */
  readonly octets: Buffer | undefined;
  isSynced: boolean;
}

/** Takes effect as a whole or not at all, as a rename does. */
interface NameChange {
  readonly sets: readonly {
    readonly directory: Inode;
    readonly name: string;
    readonly to: Inode | undefined;
  }[];
  isSynced: boolean;
}

type Names = Map<Inode, Map<string, Inode>>;

/**
 * The files below a directory, and the order in which they came to be, as a disk sees it: what was synced lasts through a
 * power cut. Of the rest each change may last or not, whatever came after it: file systems write back in an order of
 * their own. Syncing a file says nothing of its name, which its directory holds (fsync(2)).
 */
export class DiskHistory {
  readonly #path: string;
  readonly #root: Inode = { kind: 'directory', mode: 0o755, data: [] };
  readonly #byNumber = new Map<number, Inode>();
  readonly #changes: NameChange[] = [];
  /** What each flush that is under way takes to the disk. */
  readonly #flushes = new Map<number, readonly { isSynced: boolean }[]>();
  /** The names as programs see them now. */
  readonly #names: Names = new Map([[this.#root, new Map()]]);

  /** An empty directory, on the disk. */
  constructor(path: string) {
    this.#path = path;
    this.#byNumber.set(lstatSync(path).ino, this.#root);
  }

  /** Goes on by one change. Changes elsewhere are passed over. */
  apply(change: DiskCall): void {
    switch (change.call) {
      case 'make': {
        const place = this.#find(change.path);
        if (!place) return;
        const { kind, mode, inode: number } = change;
        const inode: Inode = {
          kind,
          mode,
          data: [],
          ...(change.target === undefined ? {} : { target: change.target }),
        };
        this.#byNumber.set(number, inode);
        if (kind === 'directory') this.#names.set(inode, new Map());
        this.#rename([{ ...place, to: inode }]);
        return;
      }
      case 'link':
      case 'rename': {
        const from = this.#find(change.from);
        const to = this.#find(change.to);
        const inode = from && this.#names.get(from.directory)?.get(from.name);
        if (!from || !to || !inode) throw new Error(`${change.call} from outside: ${change.from}`);
        const gone = { ...from, to: undefined };
        this.#rename(change.call === 'link' ? [{ ...to, to: inode }] : [gone, { ...to, to: inode }]);
        return;
      }
      case 'remove': {
        const place = this.#find(change.path);
        if (place) this.#rename([{ ...place, to: undefined }]);
        return;
      }
      case 'write':
      case 'truncate': {
        const octets = change.call === 'write' ? Buffer.from(change.octets, 'base64') : undefined;
        const at = change.call === 'write' ? change.at : change.length;
        this.#byNumber.get(change.inode)?.data.push({ at, octets, isSynced: false });
        return;
      }
      case 'mode': {
        const inode = this.#byNumber.get(change.inode);
        if (inode) inode.mode = change.mode;
        return;
      }
      case 'sync': {
        const inode = this.#byNumber.get(change.inode);
        for (const each of inode?.data ?? []) each.isSynced = true;
        for (const each of this.#changes) {
          if (each.sets.some(({ directory }) => directory === inode)) each.isSynced = true;
        }
        return;
      }
      case 'flush-begun': {
        const data = [...this.#byNumber.values()].flatMap((inode) => inode.data);
        this.#flushes.set(change.flush, [...data, ...this.#changes]);
        return;
      }
      case 'flushed': {
        for (const each of this.#flushes.get(change.flush) ?? []) each.isSynced = true;
      }
    }
  }

  /** Puts in place of the directory what is found there after a power cut now. */
  cutPower(fate: Fate): void {
    const names: Names = new Map([[this.#root, new Map()]]);
    for (const { sets, isSynced } of this.#changes) {
      if (!isSynced && !fate.keepsName()) continue;
      for (const set of sets) setName(names, set);
    }
    const contents = new Map<Inode, Buffer>();
    for (const name of readdirSync(this.#path)) rmSync(join(this.#path, name), { recursive: true });
    const write = (directory: Inode, path: string) => {
      for (const [name, inode] of names.get(directory) ?? []) {
        const child = join(path, name);
        if (inode.kind === 'link') symlinkSync(inode.target ?? '', child);
        else if (inode.kind === 'directory') {
          mkdirSync(child);
          write(inode, child);
        } else {
          const content = contents.get(inode) ?? contentAfter(inode, fate);
          contents.set(inode, content);
          writeFileSync(child, content);
        }
        if (inode.kind !== 'link') chmodSync(child, inode.mode);
      }
    };
    write(this.#root, this.#path);
  }

  /** All that is there, as one text, to know a state again. */
  static describe(path: string): string {
    const entries: Dirent[] = readdirSync(path, { withFileTypes: true });
    return entries
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((entry) => {
        const child = join(path, entry.name);
        if (entry.isSymbolicLink()) return `${entry.name} -> ${readlinkSync(child)}`;
        if (entry.isDirectory()) return `${entry.name}/ {${DiskHistory.describe(child)}}`;
        return `${entry.name} ${readFileSync(child, 'base64')}`;
      })
      .join('\n');
  }

  #rename(sets: NameChange['sets']): void {
    for (const set of sets) setName(this.#names, set);
    this.#changes.push({ sets, isSynced: false });
  }

  /** The directory and the name that a path means; undefined outside. */
  #find(path: string): { readonly directory: Inode; readonly name: string } | undefined {
    const within = relative(this.#path, dirname(path));
    if (within === '..' || within.startsWith(`..${sep}`)) return undefined;
    let directory = this.#root;
    for (const name of within === '' ? [] : within.split(sep)) {
      const next = this.#names.get(directory)?.get(name);
      if (next?.kind !== 'directory') throw new Error(`${path}: ${name} was not seen to be made`);
      directory = next;
    }
    return { directory, name: basename(path) };
  }
}

function setName(names: Names, { directory, name, to }: NameChange['sets'][number]): void {
  const inside = names.get(directory) ?? new Map<string, Inode>();
  names.set(directory, inside);
  if (to) inside.set(name, to);
  else inside.delete(name);
}

function contentAfter({ data }: Inode, fate: Fate): Buffer {
  let content = Buffer.alloc(0);
  for (const { at, octets, isSynced } of data) {
    const kept = isSynced ? 'all' : fate.keepsData();
    if (kept === 'none') continue;
    if (octets === undefined) {
      content = Buffer.concat([content.subarray(0, at), Buffer.alloc(Math.max(0, at - content.length))]);
      continue;
    }
    const what = kept === 'zeros' ? Buffer.alloc(octets.length) : octets;
    const written = kept === 'half' ? what.subarray(0, Math.floor(what.length / 2)) : what;
    const grown = Buffer.alloc(Math.max(content.length, at + written.length));
    content.copy(grown);
    written.copy(grown, at);
    content = grown;
  }
  return content;
}
