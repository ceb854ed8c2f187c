import { parseArgs } from 'node:util';
import { everyStep } from './every-step.ts';
import { killLoop } from './kill-loop.ts';
import { mixedRounds } from './mixes.ts';
import { powerCuts } from './power-cut.ts';
import { initTwice, issueToMany, issueToOne, renewTwice } from './races.ts';
import { SeededRandom } from './seeded-random.ts';

/** `npm run torture [-- ROUNDS [SEED]]`: all of it, for some minutes; exits 1 when something was found. */
const { positionals } = parseArgs({ allowPositionals: true });
const [rounds = 120, seed = Math.floor(Math.random() * 2 ** 32)] = positionals.map(Number);
if (!Number.isInteger(rounds) || !Number.isInteger(seed) || rounds < 1) {
  console.error('usage: npm run torture -- [ROUNDS [SEED]], two whole numbers');
  process.exit(2);
}
console.log(`torture: ${rounds} rounds, seed ${seed}`);
const found: string[] = [];

const mixes = await mixedRounds(
  Array.from({ length: rounds }, (_, index) => index + 1),
  seed,
  (line) => console.log(line),
);
for (const line of mixes.describe()) console.log(line);
found.push(...mixes.faults);
for (const fault of ['kill', 'ENOSPC', 'EIO', 'short'] as const) {
  const { steps, injected, faults } = everyStep(fault, () => true);
  say(`${fault} at ${injected} of ${steps} steps`, faults);
}
const kills = await killLoop(1000, new SeededRandom(seed));
say(`${kills.killed} of ${kills.started} processes killed, one after the other`, kills.faults);
const { changes, states, faults } = powerCuts(new SeededRandom(seed), { rolls: 3 });
say(`power cuts at ${changes} instants, which left ${states} states`, faults);
for (const race of [issueToMany(20), issueToOne(20), renewTwice(), initTwice()]) {
  const { name, processes, faults } = await race;
  say(`${name} (${processes} processes)`, faults);
}
console.log(found.length === 0 ? 'nothing was found' : `${found.length} faults were found; seed ${seed}`);
process.exitCode = found.length === 0 ? 0 : 1;

function say(what: string, faults: readonly string[]): void {
  console.log(`${what}: ${faults.length === 0 ? 'sound' : `${faults.length} faults`}`);
  for (const fault of faults) console.log(`  ${fault}`);
  found.push(...faults);
}
