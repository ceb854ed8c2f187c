import { type Command, Option } from 'commander';
import { CaError } from '../../core/ca-error.ts';
import type { Context, PassphraseOptions } from '../context.ts';
import type { Run } from '../main.ts';
import { addDryRunOption, addExamples, addPassphraseOption, path } from '../options.ts';
import { askSecret } from '../prompt.ts';
import { renderDrill, renderRestore } from '../render/restore.ts';
import { report } from '../report.ts';

interface RestoreOptions extends PassphraseOptions {
  readonly check?: boolean;
  readonly backupPassphraseFile?: string;
  readonly dryRun?: boolean;
}

/** `ca restore`: makes the authority of a backup where there is none, or only tells whether it could. */
export function declare(command: Command, run: Run): void {
  command
    .argument('<file>', 'a file that ca backup has made', path)
    .addOption(
      new Option(
        '--check',
        'the drill: check that everything needed is in it, open the keys, and write nothing',
      ).conflicts('dryRun'),
    )
    .option(
      '--backup-passphrase-file <file>',
      "file with the backup's own passphrase, if it is encrypted (else a prompt)",
      path,
    );
  addPassphraseOption(command).option(
    '--root-passphrase-file <file>',
    "with two tiers: file with the root key's own passphrase",
    path,
  );
  addDryRunOption(command);
  addExamples(
    command,
    [
      'ca restore --check /media/usb/ca-2026-11-22.tar.age',
      'each check as a line; exit code 1 if it would not do',
    ],
    [
      'ca restore /media/usb/ca-2026-11-22.tar.age --home /srv/ca',
      'into a directory that is empty or not there',
    ],
  );
  command.action((file: string, options: RestoreOptions) =>
    run(async (context) => {
      const { drill, restore } = await import('../../authority/restore.ts');
      const ports = await context.openPlace(options);
      const obtainPassphrase = () => obtainBackupPassphrase(options, context, ports.readPasswordFile);
      const request = { source: context.world.resolvePath(file), obtainPassphrase };
      if (options.check) {
        const result = await drill(request, ports);
        report(context, result, renderDrill);
        return result.valid ? 'yes' : 'no';
      }
      const dryRun = options.dryRun === true;
      const result = await restore({ ...request, dryRun }, ports);
      report(context, result, (each, view) =>
        renderRestore(each, { ...view, dryRun, homeNamed: context.homeNamed }),
      );
      return 'yes';
    }),
  );
}

async function obtainBackupPassphrase(
  { backupPassphraseFile }: RestoreOptions,
  { world }: Context,
  readPasswordFile: (path: string) => Promise<string>,
): Promise<string> {
  if (backupPassphraseFile !== undefined) return readPasswordFile(world.resolvePath(backupPassphraseFile));
  if (world.keyboard.isTerminal) {
    return (await askSecret(world.keyboard, 'Passphrase of the backup')).normalize('NFC');
  }
  throw new CaError(
    'cli/no-terminal',
    'the backup is encrypted, and there is no terminal to ask for its passphrase on',
    {
      hint: 'give --backup-passphrase-file FILE',
    },
  );
}
