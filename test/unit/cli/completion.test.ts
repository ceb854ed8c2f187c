import { Argument, Command } from 'commander';
import { expect, it } from 'vitest';
import { findCandidates, findPosition, wantsClient } from '../../../src/cli/completion.ts';
import { choice } from '../../../src/cli/options.ts';

const program = new Command('ca').helpCommand(false).option('--home <directory>').option('--json', 'as JSON');
program
  .command('issue')
  .argument('<client>')
  .option('--dns <name>')
  .addOption(choice('--key <kind>', 'kind of key', ['p256', 'p384', 'ed25519']));
program.command('renew').argument('[client...]');
program.command('list').option('--client <client>');
const ledger = program.command('ledger').helpCommand(false).summary('the record');
ledger.command('verify');
ledger.command('export');
program.command('completion').addArgument(new Argument('<shell>').choices(['bash', 'zsh']));
program.command('__complete', { hidden: true });

function complete(...words: readonly string[]): readonly string[] {
  return findCandidates(findPosition(program, words), ['billing', 'acme']).map(({ word }) => word);
}

it.each([
  [[''], ['issue', 'renew', 'list', 'ledger', 'completion']],
  [['l'], ['list', 'ledger']],
  [
    ['ledger', ''],
    ['verify', 'export'],
  ],
  [['--j'], ['--json']],
  [
    ['issue', '--'],
    ['--dns', '--key', '--home', '--json'],
  ],
  [
    ['issue', '--key', 'p'],
    ['p256', 'p384'],
  ],
  [['issue', '--key', '=', 'e'], ['ed25519']],
  [
    ['issue', '--dns', 'x', ''],
    ['billing', 'acme'],
  ],
  [['issue', 'billing', ''], []],
  [['renew', 'billing', 'a'], ['acme']],
  [['list', '--client', 'b'], ['billing']],
  [
    ['completion', ''],
    ['bash', 'zsh'],
  ],
  [['issue', '--dns', ''], []],
  [['unknown', ''], []],
])('after %j come %j', (words, candidates) => {
  expect(complete(...words)).toEqual(candidates);
});

it('asks for clients only where a name may stand', () => {
  expect(wantsClient(findPosition(program, ['issue', '']))).toBe(true);
  expect(wantsClient(findPosition(program, ['issue', '--']))).toBe(false);
  expect(wantsClient(findPosition(program, ['ledger', '']))).toBe(false);
});

it('finds the home directory among the words', () => {
  expect(findPosition(program, ['--home', '/srv/ca', 'issue', '']).home).toBe('/srv/ca');
});
