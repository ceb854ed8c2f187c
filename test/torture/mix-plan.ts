import type { Circumstances, Trouble } from './processes.ts';
import type { SeededRandom } from './seeded-random.ts';

/** One process: a command line in which words such as `LIST:2` stand for what its place holds. */
export interface Step extends Circumstances {
  readonly words: readonly string[];
  /** Whether it says `--yes`: that its clock is right. */
  readonly confirms: boolean;
}

/** What goes wrong in a round: nothing, processes die, the disk fails them, or it is full for all. */
export const themes = ['race', 'kill', 'disk', 'full'] as const;

export interface RoundPlan {
  readonly round: number;
  readonly theme: (typeof themes)[number];
  readonly twoTier: boolean;
  readonly encrypted: boolean;
  /** So many clients that the ledger has an index, and a list so long that other threads work on it. */
  readonly large: boolean;
  readonly clocksJump: boolean;
  /** How many octets a full disk has left. */
  readonly roomOctets: number;
  /** Lists of clients, as `issue --from` takes them: their lines. */
  readonly lists: readonly (readonly string[])[];
  /** Lists of clients, as `revoke --from` takes them. */
  readonly leavers: readonly (readonly string[])[];
  /** Runs of commands one after the other, all at the same time. */
  readonly lanes: readonly (readonly Step[])[];
}

/** The clients of every authority that is tortured, before the torture. */
export const oldClients = ['old-1', 'old-2', 'old-3', 'old-4', 'old-5', 'old-6'];

/** Clients that keep their keys: they bring requests. */
export const ownKeyClients = ['own-1', 'own-2', 'own-3'];

const newClients = numbered('new', 8);
const listedClients = numbered('listed', 14);
/** More than one batch, which a thread of deliveries writes. */
const crowd = ['client', ...numbered('crowd', 600)];
const dayMs = 86_400_000;
const offsetsInDays = [0, 0, 0, 1, -1, 0.5, 31, 45, 100, 130, 400, -0.1, -2, -40];

/** What the seed says of that round. Themes, tiers, passphrases and clocks take turns, so that a short run has them all. */
export function planRound(round: number, random: SeededRandom): RoundPlan {
  const theme = themes[round % themes.length] ?? 'race';
  const encrypted = round % 5 === 3;
  const count = random.pick([1, 1, 2, 3, 4, 6, 8, 11, 15, 20].filter((each) => each <= (encrypted ? 8 : 20)));
  const clocksJump = round % 3 === 2;
  const large = random.next() < 0.35;
  const lists = [drawList(random), drawList(random), large ? crowd : drawList(random)];
  const leavers = [drawLeavers(oldClients, random), drawLeavers([...oldClients, 'listed-1'], random)];
  return {
    round,
    theme,
    twoTier: (round + Math.floor(round / themes.length)) % 2 === 1,
    encrypted,
    large,
    clocksJump,
    roomOctets: Math.floor(random.between(0, random.pick([16, 64, 200]) * 1024)),
    lists,
    leavers,
    lanes: Array.from({ length: count }, (_, lane) =>
      Array.from({ length: 1 + Math.floor(random.next() * 3) }, (_, index): Step => {
        const words = drawCommand(random, `${lane + 1}-${index + 1}`, large);
        const reach = large && words.includes('LIST:3') ? 4000 : 40;
        const trouble = drawTrouble(theme, count, reach, random);
        return {
          words,
          offsetMs: clocksJump ? random.pick(offsetsInDays) * dayMs : 0,
          confirms: clocksJump && random.next() < 0.6,
          ...(trouble && { trouble }),
        };
      }),
    ),
  };
}

/** What a round was, in a line. */
export function describeRound({
  round,
  theme,
  twoTier,
  encrypted,
  large,
  clocksJump,
  lanes,
}: RoundPlan): string {
  const processes = lanes.flat().length;
  const more = [
    twoTier && 'two tiers',
    encrypted && 'encrypted',
    large && 'many clients',
    clocksJump && 'clocks jump',
  ];
  const what = [theme, ...more.filter(Boolean)].join(', ');
  return `round ${round} (${what}; ${processes} processes, ${lanes.length} at a time)`;
}

/** A step as a line of a report. */
export function describeStep({ words, offsetMs, confirms, trouble }: Step): string {
  const clock = offsetMs === 0 ? '' : `, its clock ${offsetMs / dayMs} days off`;
  const what =
    trouble?.kind === 'SIGKILL'
      ? `, SIGKILL ${trouble.ms} ms after its ${trouble.from === 'start' ? 'start' : 'first change'}`
      : trouble
        ? `, ${trouble.kind} at step ${trouble.step}`
        : '';
  return `ca ${words.join(' ')}${confirms ? ' --yes' : ''}${clock}${what}`;
}

/** @param reach at which step of the disk it comes at the latest */
function drawTrouble(
  theme: RoundPlan['theme'],
  processes: number,
  reach: number,
  random: SeededRandom,
): Trouble | undefined {
  if (theme === 'race' || theme === 'full' || random.next() < 0.35) return undefined;
  const step = 1 + Math.floor(random.next() ** 2 * reach);
  if (theme === 'disk') return { kind: random.pick(['ENOSPC', 'EIO', 'short'] as const), step };
  // The more of them, the longer each takes.
  switch (random.pick(['start', 'change', 'step'] as const)) {
    case 'start':
      return { kind: 'SIGKILL', from: 'start', ms: Math.floor(random.between(0, 120 + 60 * processes)) };
    case 'change':
      return { kind: 'SIGKILL', from: 'change', ms: Math.floor(random.between(0, 30 + 15 * processes)) };
    case 'step':
      return { kind: 'kill', step };
  }
}

type Draw = (random: SeededRandom, id: string) => readonly string[];

const anyClient = (random: SeededRandom) =>
  random.pick(random.pick([oldClients, oldClients, newClients, listedClients, ownKeyClients]));

/** Commands, each with how often it is drawn. */
const commands: readonly (readonly [number, Draw])[] = [
  [14, (random) => ['issue', random.pick(newClients)]],
  [4, (random) => ['issue', random.pick(newClients), '--p12']],
  [6, (random) => ['issue', random.pick(newClients), '--hook', 'true', '--again']],
  [6, (random, id) => ['issue', `out-${id}`, '--out', `OUT:${random.pick(['shared', id])}`]],
  [4, (_, id) => ['issue', `printed-${id}`, '--out', '-']],
  [10, (random) => ['issue', random.pick(oldClients), '--again']],
  [6, (random) => withRequest(random.pick(ownKeyClients), random.next() < 0.5)],
  [16, (random) => ['issue', '--from', `LIST:${random.pick([1, 2, 3])}`]],
  [8, (random) => ['revoke', anyClient(random)]],
  [5, (random) => ['revoke', `SERIAL:${anyClient(random)}`, '--reason', random.pick(reasons)]],
  [5, (random) => ['revoke', '--from', `LEAVERS:${random.pick([1, 2])}`]],
  [7, () => ['renew']],
  [7, (random) => ['renew', anyClient(random), '--force']],
  [3, () => ['renew', '--within', '100d']],
  [7, () => ['crl']],
  [2, () => ['crl', '--if-due']],
  [2, () => ['crl', '--root']],
  [3, (_, id) => ['backup', `BACKUP:${id}`]],
  [10, (random) => random.pick([['list'], ['status'], ['ledger', 'verify'], ['show', anyClient(random)]])],
];

const reasons = ['superseded', 'keyCompromise', 'cessationOfOperation'];

function drawCommand(random: SeededRandom, id: string, large: boolean): readonly string[] {
  // To renew each of many clients takes a round's time.
  const drawn = large ? commands.filter(([, draw]) => !draw(random, id).includes('--within')) : commands;
  let left = random.next() * drawn.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, draw] of drawn) {
    left -= weight;
    if (left < 0) return draw(random, id);
  }
  return ['crl'];
}

function withRequest(client: string, again: boolean): readonly string[] {
  return ['issue', client, '--csr', `CSR:${client}`, ...(again ? ['--again'] : [])];
}

/** A few clients; what a client's line says is the same in each list. */
function drawList(random: SeededRandom): readonly string[] {
  const names = [...listedClients, ...newClients.slice(0, 3)].filter(() => random.next() < 0.4);
  const lines = names.map((name) => `${name},${name.endsWith('4') ? 'out/shared' : ''}`);
  return ['client,out', ...(lines.length === 0 ? ['listed-1,'] : lines)];
}

function drawLeavers(clients: readonly string[], random: SeededRandom): readonly string[] {
  const chosen = clients.filter(() => random.next() < 0.3);
  return chosen.length === 0 ? ['old-1'] : chosen;
}

function numbered(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);
}
