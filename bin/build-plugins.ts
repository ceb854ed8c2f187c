import { readdirSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import type { Plugin } from 'esbuild';

/** Modules that are loaded from one file, whichever of them is imported dynamically. */
export interface Group {
  readonly name: string;
  /** Matches paths from the top of the checkout. */
  readonly modules: RegExp;
}

/**
 * Puts dynamically imported modules into a few files. A file each would be dozens, and Node takes longer to find a file
 * than to read it.
 */
export function groupImports(groups: readonly Group[]): Plugin {
  const members = new Map(groups.map(({ name }) => [name, new Set<string>()]));
  const groupOf = (path: string) => {
    const group = groups.find(({ modules }) => modules.test(path));
    if (!group) throw new Error(`${path} is in no group`);
    return group.name;
  };
  return {
    name: 'group-imports',
    setup({ onLoad, onResolve, onStart }) {
      onStart(() => collectMembers(members, groupOf));
      onLoad({ filter: /[\\/](src|bin)[\\/].*\.ts$/ }, ({ path }) =>
        path.includes('node_modules')
          ? undefined
          : {
              loader: 'ts',
              contents: readFileSync(path, 'utf8').replaceAll(dynamicImport, (_import, specifier: string) => {
                const target = pathFromTop(path, specifier);
                return `import('group:${groupOf(target)}').then((group) => group.${exportName(target)})`;
              }),
            },
      );
      onResolve({ filter: /^group:/ }, ({ path }) => ({
        path: path.slice('group:'.length),
        namespace: 'group',
      }));
      onLoad({ filter: /./, namespace: 'group' }, ({ path }) => ({
        resolveDir: resolve('.'),
        contents: [...(members.get(path) ?? [])]
          .map((target) => `export * as ${exportName(target)} from './${target}';`)
          .join('\n'),
      }));
    },
  };
}

/** Leaves the import of a library to a file of its own. */
export function separateLibraries(files: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'separate-libraries',
    setup({ onResolve }) {
      onResolve({ filter: /^[@a-z]/ }, ({ path }) => {
        const file = Object.hasOwn(files, path) ? files[path] : undefined;
        return file === undefined ? undefined : { path: `./${file}`, external: true };
      });
    },
  };
}

/**
 * Loads the locking addon's binary for this platform straight from its package, which stays a dependency. Its own loader
 * first reads package.json files up to the root: 8 ms in each command that writes.
 */
export const addon: Plugin = {
  name: 'addon',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^fs-native-extensions$/ }, ({ path, namespace }) =>
      namespace === 'addon' ? undefined : { path, namespace: 'addon' },
    );
    onLoad({ filter: /./, namespace: 'addon' }, ({ path }) => ({
      resolveDir: resolve('.'),
      contents: `import library from '${path}'; export const { tryLock } = library;`,
    }));
    onLoad({ filter: /fs-native-extensions[\\/]binding\.js$/ }, () => ({
      contents:
        "const platform = process.platform + '-' + process.arch;" +
        "module.exports = require('fs-native-extensions/prebuilds/' + platform + '/fs-native-extensions.node');",
    }));
  },
};

/** commander starts no programs here; to load child_process costs 2 ms. */
export const noPrograms: Plugin = {
  name: 'no-programs',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      /[\\/]commander[\\/]/.test(importer) ? { path, namespace: 'no-programs' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'no-programs' }, () => ({ contents: 'module.exports = {};' }));
  },
};

const dynamicImport = /\bimport\('(\.[^']+)'\)/g;

/** Finds all dynamic imports beforehand: a group's file is written with its first member. */
function collectMembers(members: ReadonlyMap<string, Set<string>>, groupOf: (path: string) => string): void {
  for (const path of sourceFiles()) {
    for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(dynamicImport)) {
      const target = pathFromTop(path, specifier);
      members.get(groupOf(target))?.add(target);
    }
  }
}

function sourceFiles(): readonly string[] {
  return ['bin', 'src'].flatMap((directory) =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => resolve(directory, name)),
  );
}

function pathFromTop(importer: string, specifier: string): string {
  return relative('.', resolve(dirname(importer), specifier)).replaceAll(sep, '/');
}

function exportName(path: string): string {
  return path.replace(/\.ts$/, '').replace(/\W/g, '_');
}
