import type { Command } from 'commander';
import type { Run } from '../main.ts';
import { addExamples } from '../options.ts';
import { renderShow } from '../render/show.ts';
import { report } from '../report.ts';

/** `ca show`: all that the record knows of a client or a certificate. */
export function declare(command: Command, run: Run): void {
  command.argument(
    '<client|serial|file>',
    'a client, a serial in any spelling, or a file with a certificate or public key',
  );
  addExamples(
    command,
    ['ca show billing', 'a client, its policy, its files and its certificates'],
    ['ca show 5A:0B:3C:11:9E:77:42:08', 'a certificate'],
    ['ca show ./received.crt', 'whose certificate is this?'],
  );
  command.action((word: string) =>
    run(async (context) => {
      const { show } = await import('../../authority/show.ts');
      const ports = await context.openRecord();
      report(context, await show(word, await context.world.findFile(word), ports), renderShow);
      return 'yes';
    }),
  );
}
