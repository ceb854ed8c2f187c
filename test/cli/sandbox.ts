import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { openPorts } from '../../bin/ports.ts';
import { realWorld } from '../../bin/world.ts';
import type { World } from '../../src/cli/context.ts';
import { main } from '../../src/cli/main.ts';
import { temporaryDirectory } from '../support/outside-program.ts';

/** How a run ended, and what it said. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Keys typed at the terminal; without them there is no terminal. */
  readonly keys?: string;
  /** True if stdout is a terminal of 100 columns. */
  readonly terminal?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  /** When a person who waits is told what is being done. */
  readonly alarm?: World['alarm'];
  /** Called whenever something was printed. */
  readonly onOutput?: () => void;
  /** After so many characters nobody reads any more. */
  readonly mostRead?: number;
  /** What is piped into standard input. */
  readonly input?: Uint8Array;
}

/** A directory to be in, a home inside it, and the command line run in this process at a time of its own. */
export class Sandbox {
  readonly directory = temporaryDirectory();
  readonly home = join(this.directory, 'home');
  now = new Date('2026-11-22T09:30:00Z');

  /** Runs a command line, words separated by spaces or given apart, on this sandbox's home. */
  async run(words: string | readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const output = { stdout: '', stderr: '' };
    const stream = (name: keyof typeof output) => ({
      isTerminal: options.terminal === true,
      columns: 100,
      get hasReader() {
        return options.mostRead === undefined || output[name].length < options.mostRead;
      },
      write(content: string | Uint8Array) {
        output[name] += Buffer.from(content).toString('utf8');
        if (name === 'stdout') options.onOutput?.();
      },
    });
    const inside = (path: string, file?: string) =>
      resolve(this.directory, file === undefined ? '.' : dirname(file), path);
    const world: World = {
      ...realWorld,
      environment: { CA_HOME: this.home, ...options.environment },
      homeDirectory: this.directory,
      stdout: stream('stdout'),
      stderr: stream('stderr'),
      keyboard: keyboard(options.keys, (text) => {
        output.stderr += text;
      }),
      clock: () => this.now,
      alarm: options.alarm ?? realWorld.alarm,
      resolvePath: inside,
      readList: async (path) =>
        path === '-' ? (options.input ?? new Uint8Array()) : realWorld.readList(inside(path)),
      findFile: (word, list) => realWorld.findFile(inside(word, list)),
      readRequest: async (path) =>
        path === '-' ? (options.input ?? new Uint8Array()) : realWorld.readRequest(inside(path)),
      openPorts: async (choices) => openPorts(choices, world),
    };
    const argv = typeof words === 'string' ? words.split(' ') : words;
    const exitCode = await main(argv, world);
    return { exitCode, ...output };
  }

  /** Runs a command line with `--json`, and gives the document; throws unless the exit code is as expected. */
  async json<T>(words: string | readonly string[], exitCode = 0, options: RunOptions = {}): Promise<T> {
    const argv = typeof words === 'string' ? words.split(' ') : words;
    const outcome = await this.run([...argv, '--json'], options);
    if (outcome.exitCode !== exitCode) throw new Error(`exit code ${outcome.exitCode}: ${outcome.stdout}`);
    return JSON.parse(outcome.stdout) as T;
  }

  /** An authority without a passphrase. */
  async init(...more: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await this.run([
      'init',
      '--name',
      'Acme API CA',
      '--no-passphrase',
      ...more,
    ]);
    if (exitCode !== 0) throw new Error(stderr);
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  read(...names: readonly string[]): string {
    return readFileSync(this.path(...names), 'utf8');
  }

  /** Writes a file with that mode, and gives its path. */
  write(name: string, content: string | Uint8Array, mode = 0o600): string {
    mkdirSync(this.directory, { recursive: true });
    writeFileSync(this.path(name), content, { mode });
    return this.path(name);
  }

  /** The permissions of a file, in octal: `600`. */
  mode(...names: readonly string[]): string {
    return (statSync(this.path(...names)).mode & 0o777).toString(8);
  }
}

/** Where the files of the client `billing` are inside the home. */
export const issuedFiles = {
  directory: 'clients/billing',
  certificate: 'clients/billing/billing.crt',
  chain: 'clients/billing/billing-chain.crt',
  ca: 'clients/billing/ca.crt',
  privateKey: 'clients/billing/billing.key',
  bundle: 'clients/billing/billing.pem',
};

/** The sandbox's own parts of what was printed, by names that stay. */
export function settle(text: string, { directory }: Sandbox): string {
  return text
    .replaceAll(directory, '/tmp')
    .replace(/\b[0-9a-f]{64}\b/g, '<sha256>')
    .replace(/\b[0-9a-f]{32}\b/g, '<serial>');
}

function keyboard(typed: string | undefined, write: (text: string) => void): World['keyboard'] {
  let rest = typed;
  return {
    isTerminal: typed !== undefined,
    open: () => ({
      write,
      async read() {
        const line = /^[^\r]*\r?/.exec(rest ?? '')?.[0] ?? '';
        rest = rest?.slice(line.length);
        return line === '' ? undefined : line;
      },
      close: () => {},
    }),
  };
}
