import { type Command, Option } from 'commander';
import { CaError } from '../../core/ca-error.ts';
import type { IssuerRole } from '../../ledger/entry.ts';
import { checkNewPassphrase, type PassphraseOptions } from '../context.ts';
import type { Run } from '../main.ts';
import { addDryRunOption, addExamples, addPassphraseOption, choice, path } from '../options.ts';
import { askNewSecret } from '../prompt.ts';
import { renderPassphrase } from '../render/passphrase.ts';
import { report } from '../report.ts';

interface ChangeOptions extends PassphraseOptions {
  readonly key?: IssuerRole;
  readonly newPassphraseFile?: string;
  /** False with `--no-passphrase`. */
  readonly passphrase: boolean;
  readonly dryRun?: boolean;
}

/** `ca passphrase`: changes the passphrase of a CA key; the key survives whatever happens. */
export function declare(command: Command, run: Run): void {
  command
    .addOption(
      choice('--key <which>', 'which key: the one that issues to clients, unless said otherwise', [
        'root',
        'issuing',
      ]),
    )
    .option('--new-passphrase-file <file>', 'file with the new passphrase (else a prompt)', path)
    .addOption(new Option('--no-passphrase', 'leave the key unencrypted').conflicts('newPassphraseFile'));
  addPassphraseOption(command);
  addDryRunOption(command);
  addExamples(
    command,
    ['ca passphrase', 'asks for the old one, and twice for the new one'],
    ['ca passphrase --passphrase-file old --new-passphrase-file new', 'without a terminal'],
    ['ca passphrase --key root', "with two tiers: the root's key"],
  );
  command.action((options: ChangeOptions) =>
    run(async (context) => {
      const { changePassphrase } = await import('../../authority/change-passphrase.ts');
      const { keyboard, resolvePath } = context.world;
      const ports = await context.openRecord(options);
      const obtainNew = async () => {
        if (!options.passphrase) return undefined;
        if (options.newPassphraseFile !== undefined) {
          return checkNewPassphrase(await ports.readPasswordFile(resolvePath(options.newPassphraseFile)));
        }
        if (keyboard.isTerminal) return askNewSecret(keyboard, 'New passphrase');
        throw new CaError(
          'cli/no-terminal',
          'a new passphrase is needed, and there is no terminal to ask on',
          {
            hint: 'give --new-passphrase-file FILE, or --no-passphrase to leave the key unencrypted',
          },
        );
      };
      const dryRun = options.dryRun === true;
      const result = await changePassphrase(
        { ...(options.key === undefined ? {} : { issuer: options.key }), obtainNew, dryRun },
        ports,
      );
      report(context, result, (each, view) => renderPassphrase(each, { ...view, dryRun }));
      return 'yes';
    }),
  );
}
