import { damagedBackup } from './backup-fault.ts';
import type { OctetReader } from './octet-reader.ts';

/** A member of an archive; a file's content follows it. Paths are relative, a directory's ends in a slash. */
export type TarEntry =
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly octets: number }
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | { readonly type: 'link'; readonly path: string; readonly target: string };

const blockOctets = 512;

/** The end of an archive: two blocks of zeros (POSIX.1-2017 pax, ustar interchange format). */
export const tarEnd = new Uint8Array(2 * blockOctets);

/**
 * The header of a member: one block of ustar, before it a pax extended header if a name is longer than 100 octets or
 * not ASCII. It names no user, and nothing of the machine it was made on. `time` is in whole seconds.
 */
export function encodeTarHeader(entry: TarEntry, time: Date): Uint8Array {
  const target = entry.type === 'link' ? entry.target : '';
  const records = [
    ...(isPlain(entry.path) ? [] : [paxRecord('path', entry.path)]),
    ...(isPlain(target) ? [] : [paxRecord('linkpath', target)]),
  ];
  const main = encodeBlock({
    name: plain(entry.path),
    mode: entry.type === 'link' ? 0o777 : entry.mode,
    octets: entry.type === 'file' ? entry.octets : 0,
    time,
    flag: { file: '0', link: '2', directory: '5' }[entry.type],
    target: plain(target),
  });
  if (records.length === 0) return main;
  const extended = Buffer.from(records.join(''));
  const head = { name: 'pax', mode: 0o600, octets: extended.length, time, flag: 'x', target: '' };
  return Buffer.concat([encodeBlock(head), extended, new Uint8Array(paddingOf(extended.length)), main]);
}

/** How many zeros follow a content of that length. */
export function paddingOf(octets: number): number {
  return (blockOctets - (octets % blockOctets)) % blockOctets;
}

/**
 * The next member's header, or undefined at the end of the archive, after which nothing may follow. Whatever
 * {@link encodeTarHeader} would not have written is refused: `store/damaged-backup`.
 */
export function takeTarHeader(
  reader: OctetReader,
): { readonly entry: TarEntry; readonly time: Date } | undefined {
  const first = takeBlock(reader);
  if (first.every((octet) => octet === 0)) {
    if (!takeBlock(reader).every((octet) => octet === 0) || !reader.isAtEnd()) {
      throw damagedBackup('something stands after its end');
    }
    return undefined;
  }
  const blocks = [first];
  let names = { path: textAt(first, 0, 100), linkpath: textAt(first, 157, 100) };
  if (first[156] === 0x78) {
    const extended = takePadded(reader, octalAt(first, 124, 12));
    const main = takeBlock(reader);
    blocks.push(extended, main);
    names = { path: textAt(main, 0, 100), linkpath: textAt(main, 157, 100), ...readPax(extended) };
  }
  const main = blocks.at(-1) ?? first;
  const entry = readEntry(main, names.path, names.linkpath);
  const time = new Date(octalAt(main, 136, 12) * 1000);
  const found = Buffer.concat(blocks);
  if (!entry || Number.isNaN(time.getTime()) || !found.equals(encodeTarHeader(entry, time))) {
    throw damagedBackup(`the header before octet ${reader.taken} is not as it was written`);
  }
  return { entry, time };
}

/** A file's content as it comes, and then its padding. Throws `store/damaged-backup` if it is cut off. */
export function* takeContent(reader: OctetReader, octets: number): Generator<Uint8Array> {
  for (let left = octets; left > 0; ) {
    const some = reader.takeSome(left);
    if (some.length === 0) throw cutOff(reader);
    left -= some.length;
    yield some;
  }
  const padding = reader.takeUpTo(paddingOf(octets));
  if (padding.length < paddingOf(octets)) throw cutOff(reader);
  if (padding.some((octet) => octet !== 0)) throw damagedBackup(`octets before ${reader.taken} are not zero`);
}

interface Block {
  readonly name: string;
  readonly mode: number;
  readonly octets: number;
  readonly time: Date;
  readonly flag: string;
  readonly target: string;
}

function encodeBlock({ name, mode, octets, time, flag, target }: Block): Buffer {
  const block = Buffer.alloc(blockOctets);
  block.write(name, 0, 'latin1');
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(octets, 11), 124);
  block.write(octal(Math.floor(time.getTime() / 1000), 11), 136);
  block.write(' '.repeat(8), 148);
  block.write(flag, 156);
  block.write(target, 157, 'latin1');
  block.write('ustar\x0000', 257);
  block.write(octal(0, 7), 329);
  block.write(octal(0, 7), 337);
  let sum = 0;
  for (let at = 0; at < blockOctets; at++) sum += block[at] ?? 0;
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function readEntry(block: Buffer, path: string, target: string): TarEntry | undefined {
  const mode = octalAt(block, 100, 8);
  switch (String.fromCharCode(block[156] ?? 0)) {
    case '0':
      return { type: 'file', path, mode, octets: octalAt(block, 124, 12) };
    case '2':
      return { type: 'link', path, target };
    case '5':
      return { type: 'directory', path, mode };
    default:
      return undefined;
  }
}

/** `30 path=clients/müller/…\n`: the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** Read leniently: what is not canonical differs from what the encoder makes of it. */
function readPax(extended: Buffer): Partial<Record<'path' | 'linkpath', string>> {
  const records: Partial<Record<'path' | 'linkpath', string>> = {};
  for (const [, key, value = ''] of extended.toString('utf8').matchAll(/\d+ (path|linkpath)=([^\n]*)\n/g)) {
    if (key === 'path' || key === 'linkpath') records[key] = value;
  }
  return records;
}

function takeBlock(reader: OctetReader): Buffer {
  const block = reader.takeUpTo(blockOctets);
  if (block.length < blockOctets) throw cutOff(reader);
  return block;
}

function takePadded(reader: OctetReader, octets: number): Buffer {
  // The longest names that there are have less than 2,000 octets.
  if (octets > 4096) throw damagedBackup(`the header before octet ${reader.taken} is too long`);
  const length = octets + paddingOf(octets);
  const padded = reader.takeUpTo(length);
  if (padded.length < length) throw cutOff(reader);
  return padded;
}

function cutOff(reader: OctetReader) {
  return damagedBackup(`it is cut off after octet ${reader.taken}`);
}

function isPlain(text: string): boolean {
  return text.length <= 100 && /^[\x20-\x7e]*$/.test(text);
}

/** What programs without pax show: as much of the name as fits. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '_').slice(0, 100);
}

function octal(value: number, digits: number): string {
  const text = value.toString(8).padStart(digits, '0');
  if (text.length > digits) throw new Error(`${value} does not fit into ${digits} octal digits`);
  return text;
}

function octalAt(block: Buffer, at: number, length: number): number {
  const text = textAt(block, at, length);
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : 0;
}

function textAt(block: Buffer, at: number, length: number): string {
  return /^[^\0]*/.exec(block.toString('latin1', at, at + length))?.[0] ?? '';
}
