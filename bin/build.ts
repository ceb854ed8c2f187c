import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { settingsSchema } from '../src/authority/settings.ts';

/**
 * Makes what the package ships, in `dist`: the program as one CommonJS file, which Node starts 8 ms sooner than an ES
 * module; the large libraries that one command needs in files of their own; the schema of ca.json; the licences of what is bundled.
 */

/** Loaded when the code that imports them runs, from `dist/<name>.cjs`. */
const separateLibraries: Readonly<Record<string, string>> = {
  '@peculiar/x509': 'peculiar-x509',
  'reflect-metadata': 'reflect-metadata',
};

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  // Less to read for V8; names stay whole in stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  metafile: true,
  logLevel: 'warning',
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
} satisfies BuildOptions;

/** Sends the import of a large library to its own file. */
const separate: Plugin = {
  name: 'separate',
  setup({ onResolve }) {
    onResolve({ filter: /^[@a-z]/ }, ({ path }) => {
      const name = separateLibraries[path];
      return name === undefined ? undefined : { path: `./${name}.cjs`, external: true };
    });
  },
};

/**
 * Loads the locking addon's binary for this platform straight from the package, which stays a dependency. Its own loader
 * reads package.json files up to the root first, 8 ms in each command that writes.
 */
const addon: Plugin = {
  name: 'addon',
  setup({ onLoad }) {
    onLoad({ filter: /fs-native-extensions[\\/]binding\.js$/ }, () => ({
      contents:
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template of the code that is written
        'module.exports = require(`fs-native-extensions/prebuilds/${process.platform}-${process.arch}/fs-native-extensions.node`)',
    }));
  },
};

/** commander starts no programs here: loading child_process would cost 2 ms in each command. */
const noPrograms: Plugin = {
  name: 'no-programs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      /[\\/]commander[\\/]/.test(importer) ? { path, namespace: 'no-programs' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'no-programs' }, () => ({ contents: 'module.exports = {}' }));
  },
};

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');
const program = await build({
  ...common,
  entryPoints: ['bin/ca.ts'],
  // Internal imports become functions, those of other files `require`.
  supported: { 'dynamic-import': false },
  plugins: [separate, addon, noPrograms],
});
const libraries = await build({
  ...common,
  entryPoints: Object.entries(separateLibraries).map(([path, out]) => ({ in: path, out })),
});
chmodSync('dist/ca.cjs', 0o755);
writeFileSync('dist/ca.schema.json', settingsSchema());
writeFileSync('dist/LICENSES.txt', licences([program.metafile, libraries.metafile]));

/** The licence texts of all packages whose code is in the bundles. */
function licences(metafiles: readonly Metafile[]): string {
  const packages = metafiles
    .flatMap(({ inputs }) => Object.keys(inputs))
    .flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(packages)]
    .sort()
    .map((directory) => {
      const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
      const file = readdirSync(directory).find((each) => /^licen[cs]e/i.test(each));
      if (file === undefined) throw new Error(`${dirname(directory)}: ${name} has no licence file`);
      return `${name} ${version}\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
