import type { Command } from 'commander';
import { CaError } from '../../core/ca-error.ts';
import { parseSerial } from '../../core/serial.ts';
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
      if (!file) checkSerial(word);
      const result = await verify(word, file, settings, ports);
      report(context, result, renderVerify);
      return result.valid ? 'yes' : 'no';
    }),
  );
}

/** What is no file is a serial, or else most likely a file's name with a slip in it. */
function checkSerial(word: string): void {
  try {
    parseSerial(word);
  } catch (cause) {
    throw new CaError('store/not-found', `there is no file ${JSON.stringify(word)}, and it is not a serial`, {
      cause,
      hint: 'name a file with a certificate; ca list shows the serials, ca show CLIENT where the files are',
    });
  }
}
