import type { Command } from 'commander';
import type { Revocation } from '../../authority/revocation.ts';
import type { RevokeResult } from '../../authority/revoke.ts';
import { CaError } from '../../core/ca-error.ts';
import { type ClientName, parseClientName } from '../../core/client-name.ts';
import { parseInstant } from '../../core/instant.ts';
import {
  parseRevocationReason,
  type RevocationReason,
  revocationReasons,
} from '../../core/revocation-reason.ts';
import type { Context, PassphraseOptions } from '../context.ts';
import { formatOf, type RevocationFormat, revocationFormats } from '../list/format.ts';
import type { Run } from '../main.ts';
import { addDryRunOption, addExamples, addPassphraseOption, choice, path, usage } from '../options.ts';
import { confirm } from '../prompt.ts';
import { counted } from '../render/relative-time.ts';
import { renderRevoke } from '../render/revoke.ts';
import { report } from '../report.ts';

interface RevokeOptions extends PassphraseOptions {
  readonly reason: RevocationReason;
  readonly compromisedAt?: Date;
  readonly serialOnly?: boolean;
  readonly client?: ClientName;
  readonly dryRun?: boolean;
  readonly from?: string;
  readonly format?: RevocationFormat;
}

/** On hold is a reason that a full CRL cannot take back. */
const reasons = Object.keys(revocationReasons).filter((reason) => reason !== 'certificateHold');

/** `ca revoke`: cuts off what is named, and publishes the CRL that says so. */
export function declare(command: Command, run: Run): void {
  command
    .argument(
      '[client|serial|file]',
      'a client, a serial in any spelling, or a file with a certificate or public key',
    )
    .option(
      '--from <file>',
      'all that a list names: one a line in .txt, or .csv, .json, .jsonl; - is standard input',
      path,
    )
    .addOption(choice('--format <format>', "the list's format, if its name does not tell", revocationFormats))
    .addOption(choice('--reason <reason>', 'why', reasons, parseRevocationReason).default('unspecified'))
    .option(
      '--compromised-at <time>',
      'since when the key is not trusted: 2026-11-22T09:30:00Z or 2026-11-22',
      parseInstant,
    )
    .option('--serial-only', 'one certificate alone: of a client its latest, of a key only the one named')
    .option(
      '--client <name>',
      'whose a certificate is that the ledger lost, if its subject does not say so',
      parseClientName,
    );
  addPassphraseOption(command);
  addDryRunOption(command);
  addExamples(
    command,
    ['ca revoke billing', "all of the client's live certificates"],
    [
      'ca revoke billing --reason keyCompromise --compromised-at 2026-11-20',
      'the key was stolen: it is barred for ever',
    ],
    ['ca revoke 5A:0B:3C:11:9E:77:42:08 --serial-only', 'one certificate'],
    ['ca revoke --from leavers.csv', 'all that a list names, on one CRL'],
    [
      'ca revoke ./received.crt --dry-run',
      'what would happen; a certificate of ours that the ledger lost is taken in first',
    ],
    [
      'ca revoke ./received.crt --client billing',
      'when the ledger lost it and its subject is not CN=billing',
    ],
  );
  command.addHelpText(
    'after',
    '\nColumns of a list: target, reason, compromised-at, client; all but target may be missing\n',
  );
  command.action((target: string | undefined, options: RevokeOptions) =>
    run(async (context) => {
      const work = await (options.from === undefined
        ? oneTarget(target, options, context)
        : listed(options.from, target, options, context));
      const dryRun = options.dryRun === true;
      if (needsConfirmation(context) && !dryRun) {
        const { revoked } = await work.revoke(true);
        if (work.isWorthAsking(revoked)) await confirmPlan(revoked, context);
      }
      const result = await work.revoke(dryRun);
      report(context, result, (each, view) => renderRevoke(each, { ...view, dryRun }));
      return result.crl?.rollback ? 'no' : 'yes';
    }),
  );
}

/** What a command line asks for. */
interface Work {
  readonly revoke: (dryRun: boolean) => Promise<RevokeResult>;
  /** True if a person who typed it may be surprised by these. */
  readonly isWorthAsking: (certificates: RevokeResult['revoked']) => boolean;
}

async function oneTarget(
  target: string | undefined,
  options: RevokeOptions,
  context: Context,
): Promise<Work> {
  if (options.format !== undefined) throw usage('--format needs --from', 'name the list with --from FILE');
  if (target === undefined)
    throw usage("missing required argument 'client|serial|file'", 'see: ca revoke --help');
  const { revoke } = await import('../../authority/revoke.ts');
  const file = await context.world.findFile(target);
  if (options.client !== undefined && !file)
    throw usage(
      '--client needs the file of a certificate',
      'to revoke all that a client has: ca revoke NAME',
    );
  const { ports, settings } = await context.openAuthority(options);
  const client = options.client === undefined ? {} : { client: options.client };
  const revocation = { target, file, ...defaultsOf(options), ...client };
  return {
    revoke: (dryRun) => revoke({ ...revocation, dryRun }, settings, ports),
    // One certificate that was named by its serial is meant; what a client's name stands for may surprise.
    isWorthAsking: (certificates) =>
      certificates.length > 1 || certificates.some(({ client }) => client === target),
  };
}

async function listed(
  from: string,
  target: string | undefined,
  options: RevokeOptions,
  context: Context,
): Promise<Work> {
  if (target !== undefined)
    throw usage(
      '--from and a target exclude each other',
      'with --from all that is revoked stands in the list',
    );
  if (options.client !== undefined)
    throw usage('--from and --client exclude each other', 'say it in the column client of the line');
  const { revokeList } = await import('../../authority/revoke.ts');
  const { readRevocationList } = await import('../list/revocation-lines.ts');
  const format = options.format ?? formatOf(from, revocationFormats);
  const octets = await context.world.readList(from);
  const { ports, settings } = await context.openAuthority(options);
  const list = await readRevocationList(octets, format, from, defaultsOf(options), context.world);
  return {
    revoke: (dryRun) => revokeList(list, { dryRun }, settings, ports),
    isWorthAsking: (certificates) => certificates.length > 0,
  };
}

function defaultsOf({
  reason,
  compromisedAt,
  serialOnly,
}: RevokeOptions): Omit<Revocation, 'target' | 'file'> {
  return {
    reason,
    ...(compromisedAt === undefined ? {} : { invalidityDate: compromisedAt }),
    serialOnly: serialOnly === true,
  };
}

/** A person is asked; a script is not. */
function needsConfirmation({ yes, json, world }: Context): boolean {
  return !yes && !json && world.keyboard.isTerminal && world.stdout.isTerminal;
}

async function confirmPlan(certificates: RevokeResult['revoked'], { world }: Context): Promise<void> {
  const clients = [...new Set(certificates.map(({ client }) => client))];
  const whose = clients.length > 5 ? `${clients.length} clients` : clients.join(', ');
  const question = `Revoke ${counted(certificates.length, 'certificate')} of ${whose}? It cannot be undone.`;
  if (await confirm(world.keyboard, question)) return;
  throw new CaError('cli/declined', 'nothing was revoked', { hint: 'answer y, or give --yes' });
}
