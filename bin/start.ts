#!/usr/bin/env node
import {
  accessSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/*
 * Loads the program's files through V8's code cache, which spares each command about 20 ms of compiling. What a command has
 * loaded and compiled is kept in one file, by whoever runs it first and owns the package; who may not write there does
 * without. A cache is for one version of Node, and the files' names change with their content, so that none is taken for
 * another's.
 */

/** The file that runs the command line, and the names of all commands; the build says them. */
declare const program: string;
declare const commandNames: readonly string[];

/** So many runs add what they compile to a cache that was found incomplete: the first may be refused, or ask for help alone. */
const learningRuns = 3;

/** Before the rest of a cache stand its sum, and the length of its index: 4 octets each. */
const headOctets = 8;
const sumOctets = 4;
/** V8 copies code that does not begin at a multiple of 8. */
const alignment = 8;

/**
 * What a cache begins with: the directory of the program, the runs that it is from, and for each file its name, what it looked
 * like and the octets of its two parts.
 */
interface Index {
  readonly directory: string;
  readonly runs: number;
  readonly files: readonly (readonly [name: string, look: string, source: number, code: number])[];
}

/** A file as V8 reads it, and what it has compiled of it. */
interface Compiled {
  /** Size and time of the file: of one that was changed in place nothing is taken. */
  readonly look: string;
  readonly source: Buffer;
  readonly code: Buffer;
}

interface Cache {
  readonly runs: number;
  readonly files: ReadonlyMap<string, Compiled>;
}

interface Loaded {
  exports: unknown;
}

type Wrapped = (
  this: unknown,
  exports: unknown,
  require: (id: string) => unknown,
  module: Loaded,
  filename: string,
  dirname: string,
) => void;

const directory = __dirname;
const cacheDirectory = join(directory, 'cache', `${process.version}-${process.arch}`);
const command = process.argv.slice(2).find((word) => commandNames.includes(word)) ?? 'ca';
const cachePath = join(cacheDirectory, `${command}.bin`);
/** Node's own switch, from Node 22 on, for a cache of the same kind. */
const isCaching = process.env['NODE_DISABLE_COMPILE_CACHE'] === undefined;
const none: Cache = { runs: 0, files: new Map() };
const cache = readCache();
const loaded = new Map<string, Loaded>();
const scripts = new Map<
  string,
  { readonly look: string; readonly source: string; readonly script: Script }
>();

function load(id: string): unknown {
  if (!id.startsWith('./')) return require(id);
  const name = id.slice(2);
  const known = loaded.get(name);
  if (known) return known.exports;
  const module: Loaded = { exports: {} };
  loaded.set(name, module);
  const filename = join(directory, name);
  const run: Wrapped = compile(name, filename).runInThisContext();
  run.call(module.exports, module.exports, load, module, filename, directory);
  return module.exports;
}

function compile(name: string, filename: string): Script {
  const look = lookOf(filename);
  const known = cache.files.get(name);
  const cached = known?.look === look ? known : undefined;
  // The build writes ASCII.
  const source = cached?.source.toString('latin1') ?? wrap(readFileSync(filename, 'latin1'));
  const script = new Script(source, { filename, ...(cached && { cachedData: cached.code }) });
  scripts.set(name, { look, source, script });
  return script;
}

function lookOf(filename: string): string {
  const { size, mtimeMs } = statSync(filename);
  return `${size} ${mtimeMs}`;
}

function wrap(source: string): string {
  return `(function(exports,require,module,__filename,__dirname){${source}\n})`;
}

/** V8 believes what it reads, and dies of some of it: a sum stands before it. */
function readCache(): Cache {
  if (!isCaching) return none;
  try {
    const octets = readFileSync(cachePath);
    return sumOf(octets) === octets.readUInt32LE(0) ? parseCache(octets) : none;
  } catch {
    return none;
  }
}

function parseCache(octets: Buffer): Cache {
  const indexEnd = headOctets + octets.readUInt32LE(sumOctets);
  const index: Index = JSON.parse(octets.toString('utf8', headOctets, indexEnd));
  let end = indexEnd;
  const take = (length: number) => {
    const start = aligned(end);
    end = start + length;
    return octets.subarray(start, end);
  };
  // V8 keeps the paths that its errors name.
  if (index.directory !== directory) return none;
  const files = index.files.map(
    ([name, look, source, code]) => [name, { look, source: take(source), code: take(code) }] as const,
  );
  return { runs: index.runs, files: new Map(files) };
}

function aligned(offset: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** CRC-32: of what can tell damage it takes Node the least to load. */
function sumOf(octets: Buffer): number {
  return crc32(octets.subarray(sumOctets));
}

/** Keeps what this run and those before it have compiled. Nobody waits for it: it is no loss if that fails. */
function writeCache(runs: number): void {
  try {
    // Another user's directory must not get files that only we can remove.
    if (statSync(directory).uid !== process.geteuid?.()) return;
    mkdirSync(cacheDirectory, { recursive: true, mode: 0o755 });
    accessSync(cacheDirectory, constants.W_OK);
    const files = new Map(cache.files);
    for (const [name, { look, source, script }] of scripts)
      files.set(name, { look, source: Buffer.from(source, 'latin1'), code: script.createCachedData() });
    replaceCache(formatCache({ runs, files }));
  } catch {
    // The next run tries again.
  }
}

function formatCache({ runs, files }: Cache): Buffer {
  const index: Index = {
    directory,
    runs,
    files: Array.from(files, ([name, { look, source, code }]) => [name, look, source.length, code.length]),
  };
  const indexText = Buffer.from(JSON.stringify(index));
  const parts = [indexText, ...Array.from(files.values(), ({ source, code }) => [source, code]).flat()];
  const octets = Buffer.alloc(parts.reduce((end, part) => aligned(end) + part.length, headOctets));
  octets.writeUInt32LE(indexText.length, sumOctets);
  let end = headOctets;
  for (const part of parts) {
    const start = aligned(end);
    part.copy(octets, start);
    end = start + part.length;
  }
  octets.writeUInt32LE(sumOf(octets), 0);
  return octets;
}

function replaceCache(octets: Buffer): void {
  for (const name of readdirSync(cacheDirectory)) {
    // Left by one that was killed; one that is at work tries again with its next run.
    if (name.startsWith(`${command}.bin.`)) rmSync(join(cacheDirectory, name), { force: true });
  }
  const temporary = `${cachePath}.${process.pid}.${process.hrtime.bigint()}`;
  try {
    writeFileSync(temporary, octets, { flag: 'wx', mode: 0o644 });
    renameSync(temporary, cachePath);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

process.on('exit', () => {
  // V8 takes no code that was made under other flags than its own, and says nothing where it was given none.
  const isCurrent = [...scripts.values()].every(({ script }) => script.cachedDataRejected === false);
  const runs = isCurrent ? cache.runs : 0;
  if (isCaching && runs < learningRuns) writeCache(runs + 1);
});
load(program);
