import type { Command } from 'commander';
import { CaError } from '../../core/ca-error.ts';
import { type Context, checkNewPassphrase } from '../context.ts';
import type { Run } from '../main.ts';
import { addDryRunOption, addExamples, path } from '../options.ts';
import { askNewSecret } from '../prompt.ts';
import { renderBackup } from '../render/backup.ts';
import { report } from '../report.ts';

interface BackupOptions {
  readonly encrypt?: boolean;
  readonly backupPassphraseFile?: string;
  readonly dryRun?: boolean;
}

/** `ca backup`: one file with all that is needed to run the authority elsewhere. */
export function declare(command: Command, run: Run): void {
  command
    .argument('<file>', 'the file to make; it must not be there yet', path)
    .option('--encrypt', 'encrypt it under a passphrase of its own (age format); asks on a terminal')
    .option(
      '--backup-passphrase-file <file>',
      "file with the backup's own passphrase; implies --encrypt",
      path,
    );
  addDryRunOption(command);
  addExamples(
    command,
    [
      'ca backup /media/usb/ca-2026-11-22.tar.age --encrypt',
      'asks twice for a passphrase; age opens it, too',
    ],
    [
      'ca backup "/backup/ca-$(date +%F).tar.age" --backup-passphrase-file /etc/ca/backup-passphrase',
      'from cron',
    ],
    ['ca backup ca.tar', 'a plain tar: keep it as you keep the keys that are in it'],
    ['ca restore --check ca.tar', 'the drill: would it do?'],
  );
  command.action((file: string, options: BackupOptions) =>
    run(async (context) => {
      const { backup } = await import('../../authority/backup.ts');
      const ports = await context.openRecord();
      const dryRun = options.dryRun === true;
      const isEncrypted = options.encrypt === true || options.backupPassphraseFile !== undefined;
      const obtainPassphrase = () => obtainNew(options, context, ports.readPasswordFile);
      const result = await backup(
        { target: context.world.resolvePath(file), ...(isEncrypted ? { obtainPassphrase } : {}), dryRun },
        ports,
      );
      report(context, result, (each, view) => renderBackup(each, { ...view, dryRun }));
      return 'yes';
    }),
  );
}

async function obtainNew(
  { backupPassphraseFile }: BackupOptions,
  { world }: Context,
  readPasswordFile: (path: string) => Promise<string>,
): Promise<string> {
  if (backupPassphraseFile !== undefined) {
    return checkNewPassphrase(await readPasswordFile(world.resolvePath(backupPassphraseFile)));
  }
  if (world.keyboard.isTerminal) {
    return (await askNewSecret(world.keyboard, 'New passphrase for the backup')).normalize('NFC');
  }
  throw new CaError(
    'cli/no-terminal',
    'a passphrase for the backup is needed, and there is no terminal to ask on',
    {
      hint: 'give --backup-passphrase-file FILE',
    },
  );
}
