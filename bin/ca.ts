import process from 'node:process';
import { reportFailure } from '../src/cli/failure.ts';
import { main } from '../src/cli/main.ts';
import { realWorld } from './world.ts';

// Runs this process's command line in the real world.
process.on('uncaughtException', crash);
// To leave at once, with all said and done, spares Node the taking down of its heap.
main(process.argv.slice(2), realWorld).then((exitCode) => process.exit(exitCode), crash);

/** Without this Node would exit with 1, which means that the honest answer is no. */
function crash(error: unknown): void {
  reportFailure(error, { command: 'ca', acting: true, answered: false }, false, realWorld);
  process.exit(70);
}
