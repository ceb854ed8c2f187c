import type { Clock, Ports, Progress } from '../authority/ports.ts';
import type { Settings } from '../authority/settings.ts';
import { CaError } from '../core/ca-error.ts';
import { isSlowToMake } from '../core/key-algorithm.ts';
import type { IssuerRole } from '../ledger/entry.ts';
import { type Alarm, createProgress } from './progress.ts';
import { askNewSecret, askSecret, type Keyboard, minPassphraseLength } from './prompt.ts';
import { chooseStyle, type Style } from './style.ts';

/** A stream that a person or a script reads. */
export interface Output {
  readonly isTerminal: boolean;
  /** Characters a line; 80 where there is no terminal. */
  readonly columns: number;
  /** False once its reader was found to have gone away (`ca list | head`): what else is written is dropped. */
  readonly hasReader: boolean;
  write(content: string | Uint8Array): void;
}

/** What the ports need to know of this run. */
export interface PortOptions {
  /** Absolute path of the authority's home directory. */
  readonly home: string;
  readonly passphraseFile?: string;
  /** Another file for the root's passphrase, when there are two tiers. */
  readonly rootPassphraseFile?: string;
  /** The last resort for a passphrase; throws `cli/no-terminal` when there is nobody to ask. */
  readonly askPassphrase: (issuer: IssuerRole) => Promise<string>;
  readonly clockConfirmed: boolean;
  readonly progress: Progress;
  /** Told once when another process holds a lock that is needed. */
  readonly onWait: (processId: number | undefined, what: string) => void;
  /** Told when the record's last line was torn, by a power cut, and was moved to a file of that name beside it. */
  readonly onTornLine: (file: string, octets: number) => void;
}

/** Everything outside the command line that it reaches; `bin` builds it. */
export interface World {
  readonly version: string;
  /** Program, version and platform, for bug reports: `node v20.19.0, linux x64`. */
  readonly runtime: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The person's home directory. */
  readonly homeDirectory: string;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly keyboard: Keyboard;
  readonly clock: Clock;
  readonly alarm: Alarm;
  /** The absolute path of what a person typed, or of what stands in `file` and starts where that lies. */
  resolvePath(path: string, file?: string): string;
  /**
   * The content of the file of that name, which a person typed or which stands in `list` and starts where that lies; undefined
   * if there is none. Throws `store/…`, `x509/malformed`.
   */
  findFile(word: string, list?: string): Promise<Uint8Array | undefined>;
  /** A certificate request, from a file or, for `-`, standard input. Throws `store/…`, `x509/malformed-csr`. */
  readRequest(path: string): Promise<Uint8Array>;
  /** A list of many clients or certificates, from a file or, for `-`, standard input. Throws `store/…`, `core/invalid-list`. */
  readList(path: string): Promise<Uint8Array>;
  /** Makes a new file, durably, mode 0600 if it is secret. Throws `store/occupied` rather than replace one. */
  createFile(path: string, content: Uint8Array, secret: boolean): Promise<void>;
  openPorts(options: PortOptions): Promise<Ports>;
}

/** The options that every command takes. */
export interface GlobalOptions {
  readonly home?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color: boolean;
  readonly yes?: boolean;
}

/** The passphrase options of the commands that sign. */
export interface PassphraseOptions {
  readonly passphraseFile?: string;
  readonly rootPassphraseFile?: string;
}

/** What a command file works with. */
export interface Context {
  readonly world: World;
  readonly json: boolean;
  readonly quiet: boolean;
  /** True if questions are answered with yes beforehand. */
  readonly yes: boolean;
  readonly style: Style;
  /** True if the home came as `--home`, which the next command then needs as well. */
  readonly homeNamed: boolean;
  /** True once the result is on stdout: what fails then is said on stderr, with `--json` too. */
  answered: boolean;
  /** Says on stderr, unless `--quiet`, what a person who waits wants to know. */
  say(text: string): void;
  /** Ends the line of progress, if one stands on the terminal. */
  finishProgress(): void;
  /** The ports for a home directory without an authority; its passphrases are new ones. */
  openNewHome(options: PassphraseOptions): Promise<Ports>;
  /** The ports for a home directory whether there is an authority or not; passphrases are those of keys that exist. */
  openPlace(options: PassphraseOptions): Promise<Ports>;
  /** The authority's ports. Throws `authority/missing`, and `store/insecure-mode` where others may write. */
  openRecord(options?: PassphraseOptions): Promise<Ports>;
  /** The authority's ports and settings. Throws `authority/missing`, `authority/invalid-settings`. */
  openAuthority(options?: PassphraseOptions): Promise<{ readonly ports: Ports; readonly settings: Settings }>;
}

/** The context of one run. */
export async function createContext(world: World, options: GlobalOptions): Promise<Context> {
  const quiet = options.quiet === true;
  const json = options.json === true;
  const progress = createProgress(world.stderr, world.clock, world.alarm, quiet);
  const style = await chooseStyle(options.color, world.stdout, world.environment);
  const home = findHome(world, options.home);
  const say = (text: string) => {
    if (!quiet) world.stderr.write(`ca: ${text}\n`);
  };

  const openPorts = async (
    choices: PassphraseOptions,
    askPassphrase: PortOptions['askPassphrase'],
  ): Promise<Ports> => {
    const ports = await world.openPorts({
      home,
      ...(choices.passphraseFile === undefined ? {} : { passphraseFile: choices.passphraseFile }),
      ...(choices.rootPassphraseFile === undefined ? {} : { rootPassphraseFile: choices.rootPassphraseFile }),
      askPassphrase,
      clockConfirmed: options.yes === true,
      progress: progress.update,
      onWait: (processId, what) => {
        const holder = processId === undefined ? 'another process' : `process ${processId}`;
        say(`waiting for ${holder}, which holds ${what}`);
      },
      onTornLine: (file, octets) =>
        world.stderr.write(
          `ca: the ledger's last line was torn, as by a power cut: its ${octets} octets are now in ledger/${file}\n`,
        ),
    });
    return {
      ...ports,
      generateKey(algorithm) {
        const key = ports.generateKey(algorithm);
        // The others are made in less time than a timer.
        return isSlowToMake(algorithm) ? progress.during(`making the ${algorithm} key`, key) : key;
      },
      runHook: (hook, environment, timeoutMs) =>
        progress.during('running the hook', ports.runHook(hook, environment, timeoutMs)),
    };
  };
  const openPlace = (choices: PassphraseOptions) =>
    openPorts(choices, (issuer) => askPassphrase(world.keyboard, issuer));
  const openRecord: Context['openRecord'] = async (choices = {}) => {
    const ports = await openPlace(choices);
    if (await ports.home.exists()) {
      await ports.home.checkClosed();
      return ports;
    }
    throw new CaError('authority/missing', `there is no authority in ${home}`, {
      hint: 'make one with: ca init --name "Acme API CA"; or say where it is with --home or CA_HOME',
    });
  };

  return {
    world,
    json,
    quiet,
    yes: options.yes === true,
    style,
    homeNamed: options.home !== undefined,
    answered: false,
    say,
    finishProgress: progress.finish,
    openPlace,
    openRecord,
    async openNewHome(choices) {
      const ports = await openPorts(choices, (issuer) => askNewPassphrase(world.keyboard, issuer));
      return {
        ...ports,
        obtainPassphrase: async (issuer) => checkNewPassphrase(await ports.obtainPassphrase(issuer)),
      };
    },
    async openAuthority(choices) {
      const ports = await openRecord(choices);
      const { parseSettings } = await import('../authority/settings.ts');
      return { ports, settings: parseSettings(await ports.home.readSettings()) };
    },
  };
}

/** The passphrase, if what is written now may have it. Throws `authority/weak-passphrase`. */
export function checkNewPassphrase(passphrase: string, what = 'passphrase'): string {
  const length = [...passphrase].length;
  if (length >= minPassphraseLength) return passphrase;
  throw new CaError(
    'authority/weak-passphrase',
    `the ${what} has ${length} characters < ${minPassphraseLength} needed`,
    { hint: 'make one with: openssl rand -base64 24' },
  );
}

/** `--home`, else `CA_HOME`, else `$XDG_DATA_HOME/ca`, else `~/.local/share/ca`; as an absolute path. */
function findHome({ environment, homeDirectory, resolvePath }: World, option: string | undefined): string {
  if (option !== undefined) return resolvePath(option);
  const { CA_HOME: caHome, XDG_DATA_HOME: dataHome } = environment;
  if (caHome) return resolvePath(caHome);
  // A relative XDG_DATA_HOME is to be ignored (XDG base directory specification).
  if (dataHome?.startsWith('/')) return resolvePath(`${dataHome}/ca`);
  return resolvePath(`${homeDirectory}/.local/share/ca`);
}

const keyNames: Readonly<Record<IssuerRole, string>> = { root: 'the CA key', issuing: 'the issuing CA key' };

function askPassphrase(keyboard: Keyboard, issuer: IssuerRole): Promise<string> {
  if (keyboard.isTerminal) return askSecret(keyboard, `Passphrase of ${keyNames[issuer]}`);
  throw noTerminal(issuer, 'give --passphrase-file FILE, or set CA_PASSPHRASE_FILE or CA_PASSPHRASE');
}

function askNewPassphrase(keyboard: Keyboard, issuer: IssuerRole): Promise<string> {
  if (keyboard.isTerminal) return askNewSecret(keyboard, `New passphrase for ${keyNames[issuer]}`);
  throw noTerminal(
    issuer,
    'give --passphrase-file FILE (or CA_PASSPHRASE_FILE), or --no-passphrase to leave the key unencrypted',
  );
}

function noTerminal(issuer: IssuerRole, hint: string): CaError {
  return new CaError(
    'cli/no-terminal',
    `the passphrase of ${keyNames[issuer]} is needed, and there is no terminal to ask on`,
    { hint },
  );
}
