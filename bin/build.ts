import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type BuildOptions, build, type Metafile, transform } from 'esbuild';
import { settingsSchema } from '../src/authority/settings.ts';
import { commandNames } from '../src/cli/main.ts';
import { addon, groupImports, noPrograms, separateLibraries } from './build-plugins.ts';

/*
 * Makes what the package ships, in `dist`: the program in a few CommonJS files, which Node starts 8 ms sooner than ES
 * modules; the schema of ca.json; the licences of what is bundled.
 */

/** Loaded by `ca verify` alone, from a file of their own. */
const libraries = { '@peculiar/x509': 'peculiar-x509', 'reflect-metadata': 'reflect-metadata' };

/** The name of a file that is not `ca.cjs` changes with its content: the code cache of one is never taken for another's. */
const hashedNames = '[name]-[hash]';

/** What is loaded together when one of its modules is imported dynamically; the first that matches counts. */
const groups = [
  { name: 'record', modules: /^(bin\/ports|src\/authority\/inventory|src\/cli\/commands\/list)\.ts$/ },
  { name: 'show', modules: /\/show\.ts$/ },
  { name: 'programs', modules: /^src\/store\/(hook|file-system-flush|delivery-thread)\.ts$/ },
  {
    name: 'sign',
    modules: /\/(issue|revoke|crl|publish-crl|settings|target-file|key-generator|input-file)\.ts$/,
  },
  { name: 'more', modules: /./ },
];

// Made beside and then renamed, so that a program that is running from `dist` is not pulled from under its own feet.
const made = mkdtempSync('dist.');

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  // Less to read for V8; names stay whole in stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  metafile: true,
  logLevel: 'warning',
  outdir: made,
  outExtension: { '.js': '.cjs' },
} satisfies BuildOptions;

const separate = await build({
  ...common,
  format: 'cjs',
  entryPoints: Object.entries(libraries).map(([path, out]) => ({ in: path, out })),
  entryNames: hashedNames,
});
const libraryFiles = outputNames(separate.metafile);

// esbuild splits ES modules alone, and only the way back leaves modules unwrapped, which V8 reads once instead of twice.
const program = await build({
  ...common,
  format: 'esm',
  splitting: true,
  write: false,
  entryPoints: [
    { in: 'bin/ca.ts', out: 'program' },
    { in: 'src/store/delivery-worker.ts', out: 'delivery-worker' },
    { in: 'src/store/index-scan-worker.ts', out: 'index-scan-worker' },
  ],
  entryNames: hashedNames,
  chunkNames: hashedNames,
  plugins: [groupImports(groups), separateLibraries(libraryFiles), addon, noPrograms],
});
const programFiles = outputNames(program.metafile);
for (const { path, text } of program.outputFiles) {
  const { code } = await transform(bindDirectly(text), {
    format: 'cjs',
    target: common.target,
    platform: 'node',
    define: {
      'import.meta.dirname': '__dirname',
      deliveryWorker: JSON.stringify(programFiles['src/store/delivery-worker.ts']),
      indexScanWorker: JSON.stringify(programFiles['src/store/index-scan-worker.ts']),
    },
    minifyWhitespace: true,
    minifySyntax: true,
  });
  writeFileSync(join(made, basename(path)), code);
}
await build({
  ...common,
  format: 'cjs',
  entryPoints: [{ in: 'bin/start.ts', out: 'ca' }],
  define: {
    program: JSON.stringify(`./${programFiles['bin/ca.ts']}`),
    commandNames: JSON.stringify(commandNames),
  },
});
chmodSync(join(made, 'ca.cjs'), 0o755);
writeFileSync(join(made, 'ca.schema.json'), settingsSchema());
writeFileSync(join(made, 'LICENSES.txt'), licences([program.metafile, separate.metafile]));
chmodSync(made, 0o755);
rmSync('dist', { recursive: true, force: true });
renameSync(made, 'dist');

/**
 * Turns the imports and exports between our own files, always one list of names each, and the imports of Node's modules into
 * plain constants. esbuild would make each use a call of a getter, which in a loop over a CRL costs more than the loop, and
 * would give each file a copy of what Node exports.
 */
function bindDirectly(text: string): string {
  return text
    .replace(
      /\bimport\{([^}]*)\}from"((?:\.\/|node:)[^"]+)";/g,
      (_, names: string, file: string) => `const{${names.replaceAll(' as ', ':')}}=require("${file}");`,
    )
    .replace(/\bimport(?:\*as)? (\w+) from"(node:[^"]+)";/g, 'const $1=require("$2");')
    .replace(/\bimport\("(\.\/[^"]+)"\)/g, 'Promise.resolve().then(()=>require("$1"))')
    .replace(/\bexport\{([^}]*)\};\s*$/, (_, names: string) => {
      const members = names.split(',').map((name) => name.split(' as ').reverse().join(':'));
      return `module.exports={${members.join(',')}};`;
    });
}

/** The file that each entry point has become, by the module or the package it came from. */
function outputNames({ outputs }: Metafile): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(outputs).flatMap(([path, { entryPoint }]) =>
      entryPoint === undefined ? [] : [[packageOf(entryPoint) ?? entryPoint, basename(path)]],
    ),
  );
}

function packageOf(path: string): string | undefined {
  return /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
}

/** The licence texts of all packages whose code is in the bundles. */
function licences(metafiles: readonly Metafile[]): string {
  const directories = metafiles
    .flatMap(({ inputs }) => Object.keys(inputs))
    .flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(directories)]
    .sort()
    .map((directory) => {
      const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
      const file = readdirSync(directory).find((each) => /^licen[cs]e/i.test(each));
      if (file === undefined) throw new Error(`${name} has no licence file`);
      return `${name} ${version}\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
