import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { checkout } from '../support/run-cli.ts';

/** Makes that shim, a module of this directory, into a file that `node --require` takes, and gives its path. */
export function buildShim(name: string, directory: string): string {
  const outfile = join(directory, `${name}.cjs`);
  buildSync({
    entryPoints: [join(checkout, 'test', 'torture', `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'warning',
  });
  return outfile;
}
