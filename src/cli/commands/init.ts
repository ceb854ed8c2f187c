import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../core/duration.ts';
import { type KeyAlgorithm, parseKeyAlgorithm } from '../../core/key-algorithm.ts';
import { parseSan } from '../../core/san.ts';
import type { PassphraseOptions } from '../context.ts';
import type { Run } from '../main.ts';
import {
  addDryRunOption,
  addExamples,
  addPassphraseOption,
  choice,
  many,
  manyUris,
  path,
  usage,
  visible,
} from '../options.ts';
import { renderInit } from '../render/init.ts';
import { report } from '../report.ts';

const keys = ['p256', 'p384', 'ed25519', 'rsa3072', 'rsa4096'] as const;

interface InitOptions extends PassphraseOptions {
  readonly name: string;
  readonly key: KeyAlgorithm;
  readonly validity: number;
  readonly twoTier?: boolean;
  readonly permitDns?: readonly string[];
  readonly crlUrl?: readonly string[];
  /** False with `--no-passphrase`. */
  readonly passphrase: boolean;
  readonly dryRun?: boolean;
}

/** `ca init`: makes an authority, and says what to do with it. */
export function declare(command: Command, run: Run): void {
  command
    .requiredOption('--name <name>', 'what the authority is called, such as "Acme API CA"', visible)
    .addOption(
      choice('--key <kind>', 'kind of CA key', keys, (text) => parseKeyAlgorithm(text, keys)).default('p256'),
    )
    .addOption(
      new Option('--validity <duration>', 'life of the CA')
        .argParser(parseDuration)
        .default(parseDuration('10y'), '10y'),
    )
    .option('--two-tier', 'a root whose key can go offline, and an issuing CA below it for daily work')
    .option(
      '--permit-dns <name>',
      'certify only DNS names at or below this one (repeatable)',
      many((text) => parseSan('dns', text.replace(/^\./, '')).value),
    )
    .option('--crl-url <url>', 'where servers can fetch the CRL (repeatable)', manyUris(crlUrl));
  addPassphraseOption(command)
    .option(
      '--root-passphrase-file <file>',
      "with --two-tier: the root key's own passphrase (else CA_ROOT_PASSPHRASE_FILE, $CREDENTIALS_DIRECTORY/ca-root-passphrase, CA_ROOT_PASSPHRASE, or as the other)",
      path,
    )
    .addOption(
      new Option('--no-passphrase', 'leave the CA key unencrypted').conflicts([
        'passphraseFile',
        'rootPassphraseFile',
      ]),
    );
  addDryRunOption(command);
  addExamples(
    command,
    ['ca init --name "Acme API CA"', 'asks for a passphrase'],
    ['ca init --name "Acme API CA" --passphrase-file /etc/ca/passphrase', 'for a machine without a terminal'],
    [
      'ca init --name "Acme API CA" --two-tier --permit-dns acme.example --crl-url http://pki.acme.example/ca.crl',
      'a root to keep offline, names limited, and a CRL that servers fetch',
    ],
  );
  command.action((options: InitOptions) =>
    run(async (context) => {
      if (options.rootPassphraseFile !== undefined && !options.twoTier) {
        throw usage(
          '--root-passphrase-file is for --two-tier alone',
          'give --passphrase-file for the one key, or add --two-tier',
        );
      }
      const { init } = await import('../../authority/init.ts');
      const ports = await context.openNewHome(options);
      const dryRun = options.dryRun === true;
      const result = await init(
        {
          name: options.name,
          key: options.key,
          validityMs: options.validity,
          twoTier: options.twoTier === true,
          permitDns: options.permitDns ?? [],
          crlUrls: options.crlUrl ?? [],
          encryptKeys: options.passphrase,
          dryRun,
        },
        ports,
      );
      report(context, result, (each, view) =>
        renderInit(each, {
          ...view,
          dryRun,
          homeNamed: context.homeNamed,
          twoTier: options.twoTier === true,
          encrypted: options.passphrase,
        }),
      );
      return 'yes';
    }),
  );
}

/** Fetched by TLS, the list could be needed to judge the very connection that fetches it (RFC 5280 §8). */
function crlUrl(text: string): string {
  if (/^http:\/\/[!-~]+$/.test(text)) return text;
  throw new InvalidArgumentError(
    'It is not an http:// URL (https would need the certificate that it is to check).',
  );
}
