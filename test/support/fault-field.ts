import { createHash } from 'node:crypto';
import { cpSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { type CliOptions, type CliRun, runCli } from './run-cli.ts';

/** A directory with an authority in `home`, on which the shipped CLI is tried with what must be refused. */
export class FaultField {
  readonly directory: string;
  readonly home: string;

  constructor(directory = mkdtempSync(join(tmpdir(), 'private-ca-fault-'))) {
    this.directory = directory;
    this.home = join(directory, 'home');
    afterAll(() => rmSync(directory, { recursive: true, force: true }));
  }

  /** A field whose authority was made with these flags. */
  static withAuthority(...flags: readonly string[]): FaultField {
    const field = new FaultField();
    field.do('init', '--name', 'Acme API CA', ...flags);
    return field;
  }

  /** The same in a directory of its own, to be damaged. */
  copy(): FaultField {
    const field = new FaultField();
    cpSync(this.directory, field.directory, { recursive: true, verbatimSymlinks: true });
    return field;
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  /** Runs a command line in the directory, on its authority. */
  run(args: readonly string[], options: CliOptions = {}): CliRun {
    return runCli(args, {
      cwd: this.directory,
      ...options,
      env: { CA_HOME: this.home, HOME: this.directory, ...options.env },
    });
  }

  /** Runs a command that must succeed, and gives its JSON document. */
  // biome-ignore lint/suspicious/noExplicitAny: the documents of all commands, looked at by tests
  do(...args: readonly string[]): any {
    const { exitCode, stdout, stderr } = this.run([...args, '--json']);
    if (exitCode !== 0) throw new Error(`ca ${args.join(' ')} exited ${exitCode}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  /**
   * What a command that must be refused says: exit code, error code, message and hint. It is run twice, for a person
   * and with `--json`; both must say the same, on the right stream, and no file of the directory may have changed, or
   * come or gone, but for locks.
   */
  refusal(args: readonly string[], options: CliOptions = {}): string {
    const before = this.files();
    const told = this.run(args, options);
    const json = this.run(['--json', ...args], options);
    expect(this.files(), 'files that were changed by a refusal').toEqual(before);
    expect({ exitCode: told.exitCode, stdout: told.stdout }).toEqual({ exitCode: json.exitCode, stdout: '' });
    const { code, message, hint } = JSON.parse(json.stdout).error;
    expect(hint, `the hint of "${message}"`).toEqual(expect.any(String));
    expect(this.normalize(told.stderr)).toBe(this.normalize(`ca: ${message}\n  hint: ${hint}\n`));
    expect(json.stderr).toBe('');
    return this.normalize(`exit ${json.exitCode}, ${code}\n${message}\nhint: ${hint}`);
  }

  /** Every file and directory with its mode and, for files, a hash of the content; locks are left out. */
  files(): Record<string, string> {
    const found = readdirSync(this.directory, { recursive: true, encoding: 'utf8' }).sort();
    return Object.fromEntries(
      found
        .filter((name) => !/(^|\/)(lock|delivery\.lock)$/.test(name))
        .map((name) => [name, describeFile(this.path(name))]),
    );
  }

  /** A text without what differs from run to run: this directory, serials, CRL numbers, times. */
  normalize(text: string): string {
    return text
      .replaceAll(this.directory, '<work>')
      .replace(/\b[0-9a-f]{32}\b/g, '<serial>')
      .replace(/\b\d{13}\b/g, '<number>')
      .replace(/\.home\.\w{6}\//g, '.home.<new>/')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
      .replace(/\d{4}-\d\d-\d\d/g, '<day>');
  }
}

function describeFile(path: string): string {
  const stats = lstatSync(path);
  const mode = (stats.mode & 0o7777).toString(8);
  if (stats.isSymbolicLink()) return `link ${readlinkSync(path)}`;
  if (!stats.isFile()) return `directory ${mode}`;
  return `${mode} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}
