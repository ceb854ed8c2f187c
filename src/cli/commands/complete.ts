import type { Command } from 'commander';
import { CaError } from '../../core/ca-error.ts';
import { findCandidates, findPosition, wantsClient } from '../completion.ts';
import type { Context } from '../context.ts';
import type { DeclareAll, Run } from '../main.ts';
import { reportContent } from '../report.ts';

/** `ca __complete`, hidden: what may follow the words so far, for the scripts of `ca completion`. */
export function declare(command: Command, run: Run, declareAll: DeclareAll): void {
  command
    .argument('[words...]', 'the words after ca; the last one is being typed')
    .action(async (words: string[]) => {
      const program = await declareAll();
      const position = findPosition(program, words);
      if (position.home !== undefined) program.setOptionValue('home', position.home);
      await run(async (context) => {
        const clients = wantsClient(position) ? await readClients(context) : [];
        const lines = findCandidates(position, clients).map(({ word, about }) => `${word}\t${about}\n`);
        reportContent(context, Buffer.from(lines.join('')));
        return 'yes';
      });
    });
}

/** The names of all clients; none where there is no authority: completion has nothing to complain of. */
async function readClients(context: Context): Promise<readonly string[]> {
  try {
    const { list } = await import('../../authority/inventory.ts');
    const names = new Set<string>();
    for await (const page of list({}, await context.openRecord())) {
      for (const { client } of page) names.add(client);
    }
    return [...names];
  } catch (error) {
    if (error instanceof CaError) return [];
    throw error;
  }
}
