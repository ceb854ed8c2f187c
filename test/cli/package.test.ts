import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/outside-program.ts';
import { checkout, childLimits, shippedCli } from '../support/run-cli.ts';

const manifest = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));

/** The package as npm packs it, unpacked, with its runtime dependencies alone; gives the path of its program. */
function install(): string {
  const directory = temporaryDirectory();
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory], {
    ...childLimits,
    cwd: checkout,
    stdio: 'ignore',
  });
  execFileSync('tar', ['-xzf', `private-ca-${manifest.version}.tgz`], { cwd: directory });
  const installed = join(directory, 'node_modules', 'private-ca');
  mkdirSync(join(directory, 'node_modules'));
  cpSync(join(directory, 'package'), installed, { recursive: true });
  for (const name of Object.keys(manifest.dependencies)) {
    cpSync(join(checkout, 'node_modules', name), join(directory, 'node_modules', name), { recursive: true });
  }
  return join(installed, manifest.bin.ca);
}

function run(program: string, ...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], {
    ...childLimits,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('the package', () => {
  it('works with its runtime dependencies alone', () => {
    const program = install();
    const home = join(temporaryDirectory(), 'home');
    expect(run(program, '--home', home, 'init', '--name', 'A', '--no-passphrase')).toMatchObject({
      status: 0,
    });
    expect(run(program, '--home', home, 'issue', 'billing', '--p12')).toMatchObject({ status: 0 });
    expect(run(program, '--home', home, 'verify', join(home, 'clients/billing/billing.crt'))).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^yes, a server would accept /),
    });
    expect(run(program, '--home', home, 'list', '--json').stdout).toContain('"client": "billing"');
  });

  it('holds the program, the schema, licences, and neither sources nor tests', () => {
    const [{ files }] = JSON.parse(
      execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
        ...childLimits,
        cwd: checkout,
        stdio: ['ignore', 'pipe', 'ignore'],
        encoding: 'utf8',
      }),
    );
    const names: readonly string[] = files.map(({ path }: { path: string }) => path);
    expect(names).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'dist/ca.cjs', 'dist/ca.schema.json']),
    );
    expect(
      names.filter(
        (name) =>
          !/^(dist\/.*\.cjs|dist\/ca\.schema\.json|dist\/LICENSES\.txt|LICENSE|README\.md|package\.json)$/.test(
            name,
          ),
      ),
    ).toEqual([]);
  });

  it('ships the schema that init writes beside ca.json', () => {
    const home = join(temporaryDirectory(), 'home');
    run(shippedCli, '--home', home, 'init', '--name', 'A', '--no-passphrase');
    expect(readFileSync(join(checkout, 'dist', 'ca.schema.json'), 'utf8')).toBe(
      readFileSync(join(home, 'ca.schema.json'), 'utf8'),
    );
  });
});

describe('the built program', () => {
  it.each([[['--help']], [['list']], [['show', 'nobody']]])(
    '%j loads neither the X.509 library, nor the locking addon, nor what starts programs',
    (argv) => {
      const home = join(temporaryDirectory(), 'home');
      run(shippedCli, '--home', home, 'init', '--name', 'A', '--no-passphrase');
      // Without the code cache, which would be read in place of the files.
      const script = `
        process.env.NODE_DISABLE_COMPILE_CACHE = '1';
        const fs = require('node:fs');
        const { readFileSync } = fs;
        const loaded = [];
        fs.readFileSync = (path, ...more) => loaded.push(path) && readFileSync(path, ...more);
        process.on('exit', () => {
          const builtIns = process.moduleLoadList;
          process.stderr.write('loaded: ' + [...loaded, ...builtIns].join(' '));
        });
        require(process.argv[1]);`;
      // Without the code cache, which would be read in place of the files.
      const { stderr } = run('-e', script, '--', shippedCli, '--home', home, ...argv);
      expect(stderr).toMatch(/loaded: .*ca\.cjs/);
      expect(stderr).not.toMatch(
        /peculiar|reflect-metadata|fs-native-extensions|node-forge|NativeModule child_process/,
      );
    },
  );

  it('ends quietly when its reader has gone away', () => {
    const home = join(temporaryDirectory(), 'home');
    run(shippedCli, '--home', home, 'init', '--name', 'A', '--no-passphrase');
    const pipe = `'${process.execPath}' '${shippedCli}' --home '${home}' ledger export | true; exit \${PIPESTATUS[0]}`;
    const { status, stderr } = spawnSync('bash', ['-c', pipe], { ...childLimits, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('says that standard output is full (with /dev/full)', ({ skip }) => {
    if (!existsSync('/dev/full')) skip();
    const command = `exec '${process.execPath}' '${shippedCli}' --help > /dev/full`;
    const { status, stderr } = spawnSync('/bin/sh', ['-c', command], { ...childLimits, encoding: 'utf8' });
    expect(stderr).toMatch(/^ca: cannot write standard output: the disk is full\n {2}hint: /);
    expect(status).toBe(3);
  });
});
