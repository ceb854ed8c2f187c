import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliRun, childLimits, runCli } from '../support/run-cli.ts';
import { oldClients, ownKeyClients, type RoundPlan, type Step } from './mix-plan.ts';
import { latestOf, readBook } from './record-reader.ts';

type Kind = Pick<RoundPlan, 'twoTier' | 'encrypted' | 'large'>;

/**
 * Where mixes take place: one directory, whose path stands in the record, and which is made anew for each round from an
 * authority of the kind that the round wants.
 */
export class MixPlace {
  /** For what must not be on the disk that fails. */
  readonly directory = mkdtempSync(join(tmpdir(), 'private-ca-mix-'));
  readonly path = join(this.directory, 'place');
  readonly home = join(this.path, 'home');
  readonly #passphrase = join(this.directory, 'passphrase');
  readonly #made = new Set<string>();

  constructor() {
    writeFileSync(this.#passphrase, 'correct horse battery\n', { mode: 0o600 });
    mkdirSync(this.path);
  }

  /** Empties the place, and puts a fresh authority there, with the lists of that round. */
  prepare(plan: RoundPlan): void {
    const template = this.#template(plan);
    this.#empty();
    cpSync(template, this.path, { recursive: true, verbatimSymlinks: true });
    for (const [index, lines] of plan.lists.entries()) this.#writeList('LIST', index + 1, lines);
    for (const [index, lines] of plan.leavers.entries()) this.#writeList('LEAVERS', index + 1, lines);
  }

  /** Fills the disk up to so many octets; gives what frees it again. */
  fill(roomOctets: number): () => void {
    const path = join(this.path, 'ballast');
    const { status } = spawnSync('sh', ['-c', 'cat /dev/zero >"$1"', 'sh', path], childLimits);
    if (status === 0) throw new Error('the disk has no end');
    const { stdout } = spawnSync('stat', ['-c', '%s', path], { ...childLimits, encoding: 'utf8' });
    truncateSync(path, Math.max(0, Number(stdout) - roomOctets));
    return () => rmSync(path);
  }

  /** The command line of a step, once its words stand for something. */
  resolve({ words, confirms }: Pick<Step, 'words' | 'confirms'>, home = this.home): string[] {
    const args = words.map((word) => this.meaningOf(word));
    return [...args, '--home', home, '--json', ...(confirms ? ['--yes'] : [])];
  }

  /** What every process is told besides. */
  get environment(): Readonly<Record<string, string>> {
    return { CA_PASSPHRASE_FILE: this.#passphrase, CA_ROOT_PASSPHRASE_FILE: this.#passphrase };
  }

  /** Runs a command to its end, undisturbed. */
  run(...words: readonly string[]): CliRun {
    return this.runOn(this.home, ...words);
  }

  /** The same, on another home directory. */
  runOn(home: string, ...words: readonly string[]): CliRun {
    const args = this.resolve({ words, confirms: true }, home);
    return runCli(args, { env: this.environment, cwd: this.path });
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** The path, serial or plain word that a word of a plan stands for. */
  meaningOf(word: string): string {
    const [kind, name = ''] = word.split(':');
    switch (kind) {
      case 'LIST':
        return join(this.path, `list-${name}.csv`);
      case 'LEAVERS':
        return join(this.path, `leavers-${name}.txt`);
      case 'CSR':
        return join(this.path, `${name}.csr`);
      case 'OUT':
        return join(this.path, 'out', name);
      case 'BACKUP':
        return join(this.path, `backup-${name}.tar`);
      case 'SERIAL':
        // Of a client that is not there yet, or has none left, a serial that was never given.
        return latestOf(name, readBook(this.home))?.serial ?? '7f'.repeat(16);
      default:
        return word;
    }
  }

  #writeList(kind: 'LIST' | 'LEAVERS', number: number, lines: readonly string[]): void {
    writeFileSync(this.meaningOf(`${kind}:${number}`), `${lines.join('\n')}\n`);
  }

  #template(kind: Kind): string {
    const { twoTier, encrypted, large } = kind;
    const name = ['template', twoTier && 'two-tier', encrypted && 'encrypted', large && 'large'];
    const template = join(this.directory, name.filter(Boolean).join('-'));
    if (this.#made.has(template)) return template;
    this.#empty();
    this.#make(kind);
    cpSync(this.path, template, { recursive: true, verbatimSymlinks: true });
    this.#made.add(template);
    return template;
  }

  #make({ twoTier, encrypted, large }: Kind): void {
    const tiers = twoTier ? ['--two-tier'] : [];
    this.#must('init', '--name', 'Torture CA', ...tiers, ...(encrypted ? [] : ['--no-passphrase']));
    for (const client of oldClients) this.#must('issue', client);
    for (const client of ownKeyClients) {
      const path = join(this.path, client);
      const key = [
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        `${path}.key`,
      ];
      const args = ['req', '-new', '-subj', `/CN=${client}`, ...key, '-out', `${path}.csr`];
      if (spawnSync('openssl', args, childLimits).status !== 0) throw new Error('openssl made no request');
    }
    this.#must('issue', 'own-1', '--csr', 'CSR:own-1');
    this.#must('issue', 'gone');
    this.#must('revoke', 'gone');
    if (!large) return;
    const many = Array.from({ length: 90 }, (_, index) => `many-${index + 1}`);
    this.#writeList('LIST', 1, ['client', ...many]);
    this.#must('issue', '--from', 'LIST:1');
  }

  #must(...words: readonly string[]): void {
    const { exitCode, stdout, stderr } = this.run(...words);
    if (exitCode !== 0) throw new Error(`ca ${words.join(' ')} exited ${exitCode}: ${stdout}${stderr}`);
  }

  /** The directory itself stays: a disk may be mounted there. */
  #empty(): void {
    for (const name of readdirSync(this.path))
      rmSync(join(this.path, name), { recursive: true, force: true });
  }
}
