import type { Command } from 'commander';
import type { Run } from '../main.ts';
import { addExamples } from '../options.ts';
import { renderVerify } from '../render/verify.ts';
import { report } from '../report.ts';

/** `ca verify`: whether a server would accept a certificate; `no` when it would not. */
export function declare(command: Command, run: Run): void {
  command.argument('<file|serial>', 'a file with a certificate in PEM or DER, or a serial in any spelling');
  addExamples(
    command,
    ['ca verify ./billing.crt', 'each check as a line; exit code 1 if a server would refuse it'],
    ['ca verify 5A:0B:3C:11:9E:77:42:08 --json', 'by serial, for a script'],
  );
  command.action((word: string) =>
    run(async (context) => {
      const { verify } = await import('../../authority/verify.ts');
      const file = await context.world.findFile(word);
      const { ports, settings } = await context.openAuthority();
      const result = await verify(word, file, settings, ports);
      report(context, result, renderVerify);
      return result.valid ? 'yes' : 'no';
    }),
  );
}
