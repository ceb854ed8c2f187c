import type { Command } from 'commander';
import { type ClientName, parseClientName } from '../../core/client-name.ts';
import { parseDuration } from '../../core/duration.ts';
import { type CertificateStatus, certificateStatuses } from '../../ledger/record.ts';
import type { Run } from '../main.ts';
import { addExamples, choice } from '../options.ts';
import { renderList } from '../render/list.ts';
import { reportPages } from '../report.ts';

interface ListOptions {
  readonly status?: CertificateStatus;
  readonly expiring?: number;
  readonly client?: ClientName;
}

/** `ca list`: the certificates of the record. */
export function declare(command: Command, run: Run): void {
  command
    .addOption(choice('--status <status>', 'only these', certificateStatuses))
    .option('--expiring <duration>', 'only what expires within this time, such as 30d', parseDuration)
    .option('--client <client>', "only this client's", parseClientName);
  addExamples(
    command,
    ['ca list', 'everything, oldest first'],
    ['ca list --status active --expiring 30d', 'what expires soon'],
    ['ca list --json | jq -r ".[] | select(.status == \\"revoked\\") | .serial"', 'for a script'],
  );
  command.action((options: ListOptions) =>
    run(async (context) => {
      const { list } = await import('../../authority/inventory.ts');
      const ports = await context.openRecord();
      const pages = list(
        {
          ...(options.status === undefined ? {} : { status: options.status }),
          ...(options.expiring === undefined ? {} : { expiringMs: options.expiring }),
          ...(options.client === undefined ? {} : { client: options.client }),
        },
        ports,
      );
      await reportPages(context, pages, renderList);
      return 'yes';
    }),
  );
}
