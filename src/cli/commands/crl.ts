import { type Command, Option } from 'commander';
import type { PassphraseOptions } from '../context.ts';
import type { Run } from '../main.ts';
import { addDryRunOption, addExamples, addPassphraseOption, path } from '../options.ts';
import { renderCrl } from '../render/crl.ts';
import { report } from '../report.ts';

interface CrlOptions extends PassphraseOptions {
  readonly ifDue?: boolean;
  readonly out?: string;
  readonly root?: boolean;
  readonly dryRun?: boolean;
}

/** `ca crl`: signs and publishes the revocation list. */
export function declare(command: Command, run: Run): void {
  command
    .option('--if-due', 'only when the published one is old, missing or damaged')
    .option('--out <directory>', 'copy the published files there as well', path)
    .addOption(
      new Option('--root', "with two tiers, the root's list instead: needs the root's key").conflicts(
        'ifDue',
      ),
    );
  addPassphraseOption(command);
  addDryRunOption(command);
  addExamples(
    command,
    ['ca crl', 'a new revocation list, now'],
    [
      'ca crl --if-due --out /etc/nginx/crl',
      'for cron, beside ca renew: keep it fresh, and where the server reads it',
    ],
  );
  command.action((options: CrlOptions) =>
    run(async (context) => {
      const { crl } = await import('../../authority/publish-crl.ts');
      const { ports, settings } = await context.openAuthority(options);
      const dryRun = options.dryRun === true;
      const copyTo = options.out === undefined ? undefined : context.world.resolvePath(options.out);
      const request = {
        ifDue: options.ifDue === true,
        root: options.root === true,
        ...(copyTo === undefined ? {} : { copyTo }),
        dryRun,
      };
      const result = await crl(request, settings, ports);
      const shown = { ...result.crl, ...(result.why === undefined ? {} : { why: result.why }) };
      report(context, shown, (_shown, view) => renderCrl(result, { ...view, dryRun, copyTo }));
      return result.crl?.rollback ? 'no' : 'yes';
    }),
  );
}
