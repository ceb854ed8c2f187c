import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OctetReader } from '../../../src/store/octet-reader.ts';
import {
  encodeTarHeader,
  paddingOf,
  type TarEntry,
  takeContent,
  takeTarHeader,
  tarEnd,
} from '../../../src/store/tar.ts';
import { describeWith, temporaryDirectory } from '../../support/outside-program.ts';
import { refusalOf } from '../../support/refusal.ts';
import { childLimits } from '../../support/run-cli.ts';

const time = new Date('2025-11-22T09:30:00Z');
const long = `clients/${'ö'.repeat(64)}/.${'ö'.repeat(64)}/current`;

const entries: readonly TarEntry[] = [
  { type: 'directory', path: 'keys/', mode: 0o700 },
  { type: 'file', path: 'keys/root.key', mode: 0o600, octets: 5 },
  { type: 'file', path: 'empty', mode: 0o644, octets: 0 },
  { type: 'file', path: 'a'.repeat(100), mode: 0o644, octets: 512 },
  { type: 'file', path: 'b'.repeat(101), mode: 0o644, octets: 513 },
  { type: 'directory', path: 'ö/', mode: 0o755 },
  { type: 'link', path: 'ö/link', target: '../keys/root.key' },
  { type: 'link', path: 'long', target: 'müller'.repeat(30) },
];

function archive(members: readonly TarEntry[]): Buffer {
  const parts = members.flatMap((entry) => {
    const content = Buffer.alloc(entry.type === 'file' ? entry.octets : 0, 'x');
    return [encodeTarHeader(entry, time), content, new Uint8Array(paddingOf(content.length))];
  });
  return Buffer.concat([...parts, tarEnd]);
}

/** Reads an archive that comes in pieces of that many octets. */
function read(octets: Buffer, pieceLength = octets.length) {
  const pieces: Buffer[] = [];
  for (let at = 0; at < octets.length; at += pieceLength) pieces.push(octets.subarray(at, at + pieceLength));
  const reader = new OctetReader(pieces);
  const found: TarEntry[] = [];
  for (let next = takeTarHeader(reader); next; next = takeTarHeader(reader)) {
    found.push(next.entry);
    if (next.entry.type === 'file') {
      const content = Buffer.concat([...takeContent(reader, next.entry.octets)]);
      expect(content).toEqual(Buffer.alloc(next.entry.octets, 'x'));
    }
  }
  return found;
}

describe('a tar archive', () => {
  it.each([1 << 20, 512, 100, 7])('reads back as it was written, in pieces of %d octets', (pieceLength) => {
    expect(read(archive(entries), pieceLength)).toEqual(entries);
  });

  it('is refused wherever one bit of it was flipped in a header, a padding or its end', () => {
    const good = archive(entries.slice(0, 3));
    const content = 512 + 512;
    for (let at = 0; at < good.length; at += 3) {
      if (at >= content && at < content + 5) continue;
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8));
      expect(refusalOf(() => read(bad)).code, `octet ${at}`).toBe('store/damaged-backup');
    }
  });

  it.each([1, 511, 512, 600, 1024, 1029, 1535])(
    'is refused when only %d octets of it are there',
    (length) => {
      expect(refusalOf(() => read(archive(entries.slice(0, 2)).subarray(0, length))).code).toBe(
        'store/damaged-backup',
      );
    },
  );

  it('is refused without its end, with one block of it, and with more behind', () => {
    const good = archive(entries.slice(0, 1));
    for (const bad of [
      good.subarray(0, -1024),
      good.subarray(0, -512),
      Buffer.concat([good, Buffer.alloc(512)]),
    ]) {
      expect(refusalOf(() => read(bad)).code).toBe('store/damaged-backup');
    }
  });

  it.each(['1', '3', '6', 'g', 'L', 'S'])('is refused with a member of type %s', (flag) => {
    const bad = Buffer.from(archive([{ type: 'file', path: 'x', mode: 0o600, octets: 0 }]));
    bad.write(flag, 156);
    bad.write(' '.repeat(8), 148);
    const sum = bad.subarray(0, 512).reduce((total, octet) => total + octet, 0);
    bad.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    expect(refusalOf(() => read(bad)).code).toBe('store/damaged-backup');
  });
});

describeWith('tar')('a tar archive (judged by tar)', () => {
  it('is unpacked with its names, modes, times, links and contents', () => {
    const directory = temporaryDirectory();
    const members = [
      ...entries,
      { type: 'directory', path: `${long.slice(0, -7)}`, mode: 0o700 } as const,
      { type: 'link', path: long, target: '0a1b' } as const,
    ];
    writeFileSync(join(directory, 'a.tar'), archive(members));
    execFileSync('tar', ['-xpf', 'a.tar'], { ...childLimits, cwd: directory, stdio: 'pipe' });
    for (const entry of members) {
      const path = join(directory, entry.path);
      const stats = lstatSync(path);
      if (entry.type === 'link') {
        expect(readlinkSync(path)).toBe(entry.target);
        continue;
      }
      expect(stats.mode & 0o777).toBe(entry.mode);
      if (entry.type === 'file') {
        expect(readFileSync(path)).toEqual(Buffer.alloc(entry.octets, 'x'));
        expect(stats.mtime).toEqual(time);
      }
    }
  });
});
