import { type Command, Option } from 'commander';
import { type ClientName, parseClientName } from '../../core/client-name.ts';
import { formatDuration, parseDuration } from '../../core/duration.ts';
import { parseRenewalWindow, type RenewalWindow } from '../../core/renewal-window.ts';
import type { PassphraseOptions } from '../context.ts';
import type { Run } from '../main.ts';
import { addDryRunOption, addExamples, addPassphraseOption, usage } from '../options.ts';
import { renderRenew } from '../render/renew.ts';
import { report } from '../report.ts';

interface RenewOptions extends PassphraseOptions {
  readonly within?: RenewalWindow;
  readonly force?: boolean;
  readonly jitter?: number;
  readonly rekey?: boolean;
  readonly sameKey?: boolean;
  readonly dryRun?: boolean;
}

/** `ca renew`: everything that is due, safe at any moment; `no` when something that was due failed. */
export function declare(command: Command, run: Run): void {
  command
    .argument('[client...]', 'only these clients (default: all)', appendClient)
    .option(
      '--within <window>',
      'renew what has less left: 30d, but at most two thirds of its life, or a share of it such as 1/3 or 33%',
      parseRenewalWindow,
    )
    .option('--force', 'due or not')
    .option('--jitter <duration>', 'wait a random time up to this first, such as 10m', parseDuration)
    .addOption(
      new Option('--rekey', 'a new key for each (default, where the CA made the key)').conflicts('sameKey'),
    )
    .option('--same-key', 'keep the key that is in place');
  addPassphraseOption(command);
  addDryRunOption(command);
  addExamples(
    command,
    ['ca renew', 'certificates, deliveries that failed before, and the CRL'],
    ['ca renew --dry-run', 'what is due now'],
    ['ca renew billing --force', 'replace one before its time'],
  );
  command.addHelpText(
    'after',
    `In crontab, silent unless something failed:
  17 3 * * * ca renew --quiet --jitter 10m --passphrase-file /etc/ca/passphrase`,
  );
  command.action((clients: readonly ClientName[] | undefined, options: RenewOptions) =>
    run(async (context) => {
      const { renew } = await import('../../authority/renew.ts');
      if (options.force && options.within) {
        throw usage('--force and --within exclude each other', 'give one of them');
      }
      const { ports, settings } = await context.openAuthority(options);
      const dryRun = options.dryRun === true;
      const result = await renew(
        {
          clients: clients ?? [],
          ...(options.within === undefined ? {} : { within: options.within }),
          force: options.force === true,
          jitterMs: options.jitter ?? 0,
          ...(options.rekey ? { key: 'rekey' } : options.sameKey ? { key: 'same-key' } : {}),
          dryRun,
        },
        settings,
        {
          ...ports,
          sleep(ms) {
            context.say(`waiting ${formatDuration(ms)} (--jitter)`);
            return ports.sleep(ms);
          },
        },
      );
      report(context, result, (each, view) => renderRenew(each, { ...view, dryRun }));
      return result.failed.length === 0 ? 'yes' : 'no';
    }),
  );
}

function appendClient(text: string, before: readonly ClientName[] | undefined): readonly ClientName[] {
  return [...(before ?? []), parseClientName(text)];
}
