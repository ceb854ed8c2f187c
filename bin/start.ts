#!/usr/bin/env node
import * as fs from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/*
 * Loads the program's files through V8's code cache, which spares each command about 20 ms of compiling. Whoever runs a file
 * first and owns the package leaves what was compiled beside it; who may not write there does without. A cache is for
 * one version of Node, and the files' names change with their content, so that none is taken for another's.
 */

/** The file that runs the command line; the build says its name. */
declare const program: string;

/** Twice those of the sum, so that V8 finds the code where it need not move it. */
const sumOctets = 8;

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
/** Node's own switch, from Node 22 on, for a cache of the same kind. */
const isCaching = process.env['NODE_DISABLE_COMPILE_CACHE'] === undefined;
const loaded = new Map<string, Loaded>();
const compiled = new Map<string, Script>();

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
  // The build writes ASCII.
  const source = fs.readFileSync(filename, 'latin1');
  const wrapped = `(function(exports,require,module,__filename,__dirname){${source}\n})`;
  const cachedData = readCache(name);
  const script = new Script(wrapped, { filename, ...(cachedData && { cachedData }) });
  if (!cachedData) compiled.set(name, script);
  return script;
}

/** V8 believes what it reads, and dies of some of it: a sum of the code stands before it. */
function readCache(name: string): Buffer | undefined {
  if (!isCaching) return undefined;
  try {
    const octets = fs.readFileSync(cachePath(name));
    const code = octets.subarray(sumOctets);
    return octets.subarray(0, sumOctets).equals(sumOf(code)) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** CRC-32: of what can tell damage it takes Node the least to load. */
function sumOf(code: Buffer): Buffer {
  const sum = Buffer.alloc(sumOctets);
  sum.writeUInt32BE(crc32(code));
  return sum;
}

/** Leaves the functions that this run has compiled. Nobody waits for it: it is no loss if that fails. */
function writeCaches(): void {
  try {
    // Another user's directory must not get files that only we can remove.
    if (fs.statSync(directory).uid !== process.geteuid?.()) return;
    fs.mkdirSync(cacheDirectory, { recursive: true, mode: 0o755 });
    fs.accessSync(cacheDirectory, fs.constants.W_OK);
    for (const [name, script] of compiled) writeCache(name, script.createCachedData());
  } catch {
    // The next run tries again.
  }
}

function writeCache(name: string, code: Buffer): void {
  const temporary = `${cachePath(name)}.${process.pid}.${process.hrtime.bigint()}`;
  try {
    fs.writeFileSync(temporary, sumOf(code), { flag: 'wx', mode: 0o644 });
    fs.appendFileSync(temporary, code);
    fs.renameSync(temporary, cachePath(name));
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

function cachePath(name: string): string {
  return join(cacheDirectory, `${name}.bin`);
}

process.on('exit', () => {
  if (isCaching && compiled.size > 0) writeCaches();
});
load(program);
