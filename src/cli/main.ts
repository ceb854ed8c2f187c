import { Command } from 'commander';
import type { Context, GlobalOptions, World } from './context.ts';
import { createContext } from './context.ts';
import { exitCode, type RunState, reportFailure } from './failure.ts';
import { path } from './options.ts';

/** What a command says in the end: `no` when the honest answer is no, or something that was due failed. */
type Answer = 'yes' | 'no';

/** Gives a command's work its context; what it returns decides the exit code. */
export type Run = (work: (context: Context) => Promise<Answer>) => Promise<void>;

/** Declares every command, and gives the program that has them. */
export type DeclareAll = () => Promise<Command>;

/** A command file: adds arguments, options, examples and the action to its command. */
interface CommandModule {
  declare(command: Command, run: Run, declareAll: DeclareAll): void;
}

interface CommandRow {
  readonly name: string;
  /** What it does, for the list of commands; a command without one is hidden. */
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/** The commands in the order of the help; only the module of the one that was named is loaded. */
const commands: readonly CommandRow[] = [
  { name: 'init', summary: 'make an authority', load: () => import('./commands/init.ts') },
  { name: 'issue', summary: 'give a client a certificate', load: () => import('./commands/issue.ts') },
  { name: 'list', summary: 'list certificates', load: () => import('./commands/list.ts') },
  { name: 'show', summary: 'show a client or a certificate', load: () => import('./commands/show.ts') },
  {
    name: 'status',
    summary: 'what is due, and what needs a person',
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'revoke',
    summary: 'cut a client or a certificate off',
    load: () => import('./commands/revoke.ts'),
  },
  { name: 'crl', summary: 'publish the revocation list', load: () => import('./commands/crl.ts') },
  { name: 'renew', summary: 'do everything that is due (cron)', load: () => import('./commands/renew.ts') },
  {
    name: 'verify',
    summary: 'would a server accept it, and if not, why',
    load: () => import('./commands/verify.ts'),
  },
  { name: 'export', summary: "a client's files in another form", load: () => import('./commands/export.ts') },
  { name: 'ledger', summary: 'check or export the record', load: () => import('./commands/ledger.ts') },
  {
    name: 'backup',
    summary: 'one file with all that the authority needs',
    load: () => import('./commands/backup.ts'),
  },
  {
    name: 'restore',
    summary: 'make the authority of a backup, or check one',
    load: () => import('./commands/restore.ts'),
  },
  {
    name: 'passphrase',
    summary: 'change the passphrase of a CA key',
    load: () => import('./commands/passphrase.ts'),
  },
  {
    name: 'completion',
    summary: 'completion for bash, zsh or fish',
    load: () => import('./commands/completion.ts'),
  },
  { name: '__complete', summary: '', load: () => import('./commands/complete.ts') },
];

/** What every command is called, those that the help hides too. */
export const commandNames: readonly string[] = commands.map(({ name }) => name);

/** Runs one command line (without program and script), and gives the exit code. */
export async function main(argv: readonly string[], world: World): Promise<number> {
  const state: RunState = { command: 'ca', acting: false, answered: false };
  let answer: Answer = 'yes';
  const program = createProgram(world, state);
  const run: Run = async (work) => {
    state.acting = true;
    const context = await createContext(world, program.opts<GlobalOptions>());
    try {
      answer = await work(context);
    } finally {
      context.finishProgress();
      state.answered = context.answered;
    }
  };
  const declareAll: DeclareAll = async () => {
    for (const command of program.commands) {
      if (command.name() !== '__complete') await declareCommand(command, run, declareAll);
    }
    return program;
  };
  program.hook('preSubcommand', async (_program, command) => {
    state.command = `ca ${command.name()}`;
    await declareCommand(command, run, declareAll);
  });
  try {
    // `ca help issue` is what people type who do not know `ca issue --help`.
    const [first, ...rest] = argv;
    await program.parseAsync(first === 'help' ? [...rest, '--help'] : argv, { from: 'user' });
    return exitCode(answer);
  } catch (error) {
    try {
      reportFailure(error, state, argv.includes('--json') && !state.answered, world);
    } catch {
      // Standard output fails, perhaps on the result already: what failed first says more.
      reportFailure(error, state, false, world);
    }
    return exitCode({ error, state });
  }
}

function createProgram({ version, stdout, stderr }: World, state: RunState): Command {
  const program = new Command('ca')
    .description('A private certificate authority for client certificates.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help; ca <command> --help has examples')
    .helpCommand(false)
    .option(
      '--home <directory>',
      "the authority's directory (else CA_HOME, $XDG_DATA_HOME/ca, ~/.local/share/ca)",
      path,
    )
    .option('--json', 'print the result, or the error, as one JSON document')
    .option('--quiet', 'print only what was asked for, and what needs a person')
    .option('--no-color', 'no colour (also NO_COLOR)')
    .option('-y, --yes', 'answer questions with yes; confirm that the clock is right')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // reportFailure says it, in the one form that all errors have.
      outputError: () => {},
      getOutHelpWidth: () => stdout.columns,
      getErrHelpWidth: () => stderr.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText(
      'after',
      `
Start here:
  $ ca init --name "Acme API CA"        make an authority
  $ ca issue billing                    a key and a certificate for a client

Exit codes: 0 done, 1 the answer is no, 2 wrong command line, 3 refused or failed, 70 a bug,
130 Ctrl-C at a prompt.`,
    );
  for (const { name, summary } of commands) {
    program
      .command(name, { hidden: summary === '' })
      .summary(summary)
      .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`);
  }
  state.command = program.name();
  return program;
}

async function declareCommand(command: Command, run: Run, declareAll: DeclareAll): Promise<void> {
  const row = commands.find(({ name }) => name === command.name());
  if (!row) throw new Error(`command ${command.name()} is not in the table`);
  (await row.load()).declare(command, run, declareAll);
}
