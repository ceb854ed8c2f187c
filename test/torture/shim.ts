import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { checkout } from '../support/run-cli.ts';

/**
 * Makes that shim, a module of this directory, into a file that `node --require` takes, and gives its path. A program that it
 * is loaded into leaves no code cache: what only its first run would do is not to be counted or hit.
 */
export function buildShim(name: string, directory: string): string {
  const outfile = join(directory, `${name}.cjs`);
  buildSync({
    entryPoints: [join(checkout, 'test', 'torture', `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    banner: { js: "process.env.NODE_DISABLE_COMPILE_CACHE = '1';" },
    logLevel: 'warning',
  });
  return outfile;
}
