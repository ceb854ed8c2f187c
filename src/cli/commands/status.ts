import type { Command } from 'commander';
import type { Run } from '../main.ts';
import { addExamples } from '../options.ts';
import { renderStatus } from '../render/status.ts';
import { report } from '../report.ts';

/** `ca status`: the authority's health; `no` when something needs a person. */
export function declare(command: Command, run: Run): void {
  addExamples(
    command,
    ['ca status', 'counts, what is due, and how fresh the CRL is'],
    [
      'ca status --quiet || echo "the CA needs a person"',
      'for monitoring: exit code 1 when something is wrong',
    ],
  );
  command.action(() =>
    run(async (context) => {
      const { status } = await import('../../authority/status.ts');
      const { ports, settings } = await context.openAuthority();
      const result = await status(settings, ports);
      report(context, result, renderStatus);
      return result.problems.length === 0 ? 'yes' : 'no';
    }),
  );
}
