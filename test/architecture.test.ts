import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Row {
  /** Other rooms of `src`, whole. */
  readonly rooms: readonly string[];
  /** Single files of rooms that are closed otherwise. */
  readonly files?: readonly string[];
  /** Packages and built-ins. */
  readonly packages: readonly RegExp[];
}

const ports = ['src/authority/ports.ts', 'src/authority/backup-ports.ts'];

/** What each room may import. `cli` cannot reach `store`, `authority` no package. */
const rooms: Record<string, Row> = {
  core: { rooms: [], packages: [] },
  x509: {
    rooms: ['core'],
    packages: [/^@peculiar\/(x509|asn1-.*)$/, /^reflect-metadata$/, /^node-forge(\/|$)/, /^node:crypto$/],
  },
  ledger: { rooms: ['core'], packages: [/^node:crypto$/] },
  lint: { rooms: ['core', 'x509'], packages: [] },
  authority: { rooms: ['core', 'x509', 'ledger', 'lint'], packages: [] },
  store: {
    rooms: ['core', 'ledger'],
    files: ports,
    packages: [
      /^node:(fs|fs\/promises|path|os|crypto|child_process|util|timers\/promises|worker_threads|process|zlib)$/,
      /^fs-native-extensions$/,
    ],
  },
  cli: { rooms: ['core', 'ledger', 'authority'], packages: [/^commander$/, /^chalk$/] },
  bin: {
    rooms: ['cli', 'store'],
    files: [...ports, 'package.json'],
    packages: [/^node:(process|fs|os|path)$/],
  },
};

/** Files of `bin` that are no part of the program: what loads it knows nothing of it, and what builds it names what it ships. */
const ownRows: Record<string, Row> = {
  'bin/start.ts': { rooms: [], packages: [/^node:(fs|path|vm|zlib)$/] },
  'bin/build.ts': {
    rooms: [],
    files: ['src/authority/settings.ts', 'src/cli/main.ts'],
    packages: [/^node:(fs|path)$/, /^esbuild$/],
  },
  'bin/build-plugins.ts': { rooms: [], packages: [/^node:(fs|path)$/, /^esbuild$/] },
};

/** The rooms where effects are made: all others reach the world outside through ports alone. */
const effectful = ['store', 'bin'];

/** What reaches the world outside by itself, instead of through a port. */
const ambientEffects = [
  /\bnew Date\b(?!\((?!\)))/,
  /(?<!new |[\w.])Date\(/,
  /\bDate\.now\b/,
  /\bMath\.random\b/,
  /\bperformance\.now\b/,
  /\brandomBytes\b/,
  /\brandomFill/,
  /\bgenerateKeyPair/,
  /\.generateKeys\(/,
  /\bgetRandomValues\b/,
  /\brandomUUID\b/,
  /\bset(Timeout|Interval|Immediate)\b/,
  /\bglobalThis\b/,
  /(?<![\w.])process(?=\s*(?:[.[;,)?!]|as\b|$))/m,
  /\bconsole\./,
  /(?<![\w.])fetch\(/,
];

const root = join(dirname(new URL(import.meta.url).pathname), '..');
const files = ['src', 'bin']
  .flatMap((directory) => listFiles(join(root, directory)))
  .map((path) => relative(root, path).split(sep).join('/'));

describe('the house', () => {
  it('has every source file in a room of the table', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(new Set(files.map(roomOf))).toEqual(new Set(Object.keys(rooms)));
  });

  it('reads imports: there are many, and none hides from the pattern', () => {
    const counted = files.reduce((sum, file) => sum + importsOf(read(file)).length, 0);
    expect(counted).toBeGreaterThan(200);
    for (const file of files) {
      const lines = read(file).match(/^(import|export) .*\bfrom\b|^} from|\bimport\(/gm) ?? [];
      expect(importsOf(read(file)).length, file).toBeGreaterThanOrEqual(lines.length);
    }
  });

  it.each(files)('%s keeps to the table and has no ambient effect', (file) => {
    expect(violations(file, read(file))).toEqual([]);
  });
});

describe('the check of the house', () => {
  it.each([
    ['src/cli/x.ts', "import { a } from '../store/home.ts';", 'cli may not import store'],
    ['src/cli/x.ts', "import type { A } from '../store/home.ts';", 'cli may not import store'],
    ['src/cli/x.ts', "const a = await import('../store/home.ts');", 'cli may not import store'],
    ['src/cli/x.ts', "export { a } from '../x509/pem.ts';", 'cli may not import x509'],
    ['src/core/x.ts', "import { hash } from 'node:crypto';", 'core may not import node:crypto'],
    [
      'src/authority/x.ts',
      "import {\n  sign,\n} from 'node:crypto';",
      'authority may not import node:crypto',
    ],
    [
      'src/store/x.ts',
      "import { issue } from '../authority/issue.ts';",
      'store may not import src/authority/issue.ts',
    ],
    [
      'src/ledger/x.ts',
      "import { createHmac } from 'node:crypto';",
      'ledger may import createHash and hash alone from node:crypto',
    ],
    [
      'src/x509/x.ts',
      "import * as crypto from 'node:crypto';",
      'x509 may import names alone from node:crypto',
    ],
    ['src/x509/x.ts', "import crypto from 'node:crypto';", 'x509 may import names alone from node:crypto'],
    [
      'src/x509/x.ts',
      "import { default as crypto } from 'node:crypto';",
      'x509 may import names alone from node:crypto',
    ],
    [
      'src/x509/x.ts',
      "import crypto, { sign } from 'node:crypto';",
      'x509 may import names alone from node:crypto',
    ],
    [
      'src/ledger/x.ts',
      "const { sign } = await import('node:crypto');",
      'ledger may import names alone from node:crypto',
    ],
    [
      'bin/x.ts',
      "import { issue } from '../src/authority/issue.ts';",
      'bin may not import src/authority/issue.ts',
    ],
    ['bin/x.ts', "import { serial } from '../src/core/serial.ts';", 'bin may not import src/core/serial.ts'],
    ['bin/x.ts', "import { sign } from 'node:crypto';", 'bin may not import node:crypto'],
    ['bin/x.ts', "import { program } from 'commander';", 'bin may not import commander'],
    [
      'bin/start.ts',
      "import { main } from '../src/cli/main.ts';",
      'bin/start.ts may not import src/cli/main.ts',
    ],
    ['src/x509/x.ts', 'const now = new Date();', 'ambient effect new Date'],
    ['src/authority/x.ts', 'const now = Date.now();', 'ambient effect Date.now'],
    ['src/cli/x.ts', 'const now = new Date;', 'ambient effect new Date'],
    ['src/cli/x.ts', 'const now = Date();', 'ambient effect Date('],
    ['src/cli/x.ts', 'const { log } = globalThis;', 'ambient effect globalThis'],
    ['src/x509/x.ts', 'crypto.getRandomValues(octets);', 'ambient effect getRandomValues'],
    ['src/authority/x.ts', 'const name = crypto.randomUUID();', 'ambient effect randomUUID'],
    ['src/authority/x.ts', 'setTimeout(() => {}, 5);', 'ambient effect setTimeout'],
    ['src/cli/x.ts', 'const r = process;', 'ambient effect process'],
    ['src/cli/x.ts', "const { env } = process['env'];", 'ambient effect process'],
    ['src/core/x.ts', "  import { hash } from 'node:crypto';", 'core may not import node:crypto'],
    ['src/core/x.ts', "  import 'node:fs';", 'core may not import node:fs'],
    ['src/cli/x.ts', 'console.log(1);', 'ambient effect console.'],
    ['src/cli/x.ts', 'process.exit(1);', 'ambient effect process'],
    ['src/somewhere/x.ts', '', 'somewhere is not a room'],
  ])('finds in %s: %s', (file, text, expected) => {
    expect(violations(file, text)).toEqual([expected]);
  });

  it('takes what is allowed', () => {
    expect(
      violations('src/store/x.ts', "import type { Home } from '../authority/ports.ts';\nDate.now();"),
    ).toEqual([]);
    expect(violations('src/x509/x.ts', "import { type KeyObject, sign } from 'node:crypto';")).toEqual([]);
    expect(violations('bin/x.ts', "import { openHome } from '../src/store/home.ts';\nDate.now();")).toEqual(
      [],
    );
    expect(violations('src/core/x.ts', '// no console.log here\nconst at = new Date(0);')).toEqual([]);
  });
});

function violations(file: string, text: string): string[] {
  const room = roomOf(file);
  const row = ownRows[file] ?? rooms[room];
  if (!row) return [`${room} is not a room`];
  const name = ownRows[file] ? file : room;
  const found: string[] = [];
  for (const { specifier, names } of importsOf(text)) {
    if (specifier.includes('$')) continue; // an import that the build writes
    if (specifier.startsWith('.')) {
      const target = normalize(join(dirname(file), specifier))
        .split(sep)
        .join('/');
      const other = roomOf(target);
      if (other === room || row.rooms.includes(other) || row.files?.includes(target)) continue;
      found.push(`${name} may not import ${row.files || name !== room ? target : other}`);
    } else if (!row.packages.some((pattern) => pattern.test(specifier))) {
      found.push(`${name} may not import ${specifier}`);
    } else if (specifier.startsWith('node:') && !effectful.includes(room)) {
      // A whole module in one name would hide its effects from the patterns above.
      if (names === undefined || /\bdefault\b/.test(names))
        found.push(`${room} may import names alone from ${specifier}`);
      else if (room === 'ledger' && !/^(\s*(createHash|hash)\s*,?)+$/.test(names))
        found.push(`ledger may import createHash and hash alone from ${specifier}`);
    }
  }
  if (!effectful.includes(room)) {
    const code = text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');
    for (const pattern of ambientEffects) {
      const match = pattern.exec(code);
      if (match) found.push(`ambient effect ${match[0]}`);
    }
  }
  return found;
}

/** Each import: whence, and the text between its braces, if names in braces are all that it takes. */
function importsOf(text: string): { specifier: string; names: string | undefined }[] {
  const statements =
    /^[ \t]*(?:import|export)\s+(?:type\s+)?([^;'"]*?)\s*from\s*['"]([^'"]+)['"]|^[ \t]*import\s+['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/gm;
  return [...text.matchAll(statements)].map(([, clause = '', from, bare, dynamic]) => ({
    specifier: from ?? bare ?? dynamic ?? '',
    names: /^\{([^}]*)\}$/.exec(clause)?.[1],
  }));
}

function roomOf(file: string): string {
  const [top, room = ''] = file.split('/');
  return top === 'src' ? room : (top ?? '');
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? listFiles(path) : path.endsWith('.ts') ? [path] : [];
  });
}
