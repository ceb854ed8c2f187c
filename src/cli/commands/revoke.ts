import type { Command } from 'commander';
import type { RevokeRequest } from '../../authority/revoke.ts';
import { CaError } from '../../core/ca-error.ts';
import { parseInstant } from '../../core/instant.ts';
import {
  parseRevocationReason,
  type RevocationReason,
  revocationReasons,
} from '../../core/revocation-reason.ts';
import type { Context, PassphraseOptions } from '../context.ts';
import type { Run } from '../main.ts';
import { addDryRunOption, addExamples, addPassphraseOption, choice } from '../options.ts';
import { confirm } from '../prompt.ts';
import { counted } from '../render/relative-time.ts';
import { renderRevoke } from '../render/revoke.ts';
import { report } from '../report.ts';

interface RevokeOptions extends PassphraseOptions {
  readonly reason: RevocationReason;
  readonly compromisedAt?: Date;
  readonly serialOnly?: boolean;
  readonly dryRun?: boolean;
}

/** On hold is a reason that a full CRL cannot take back. */
const reasons = Object.keys(revocationReasons).filter((reason) => reason !== 'certificateHold');

/** `ca revoke`: cuts off what is named, and publishes the CRL that says so. */
export function declare(command: Command, run: Run): void {
  command
    .argument(
      '<client|serial|file>',
      'a client, a serial in any spelling, or a file with a certificate or public key',
    )
    .addOption(choice('--reason <reason>', 'why', reasons, parseRevocationReason).default('unspecified'))
    .option(
      '--compromised-at <time>',
      'since when the key is not trusted: 2026-11-22T09:30:00Z or 2026-11-22',
      parseInstant,
    )
    .option('--serial-only', 'one certificate alone: of a client its latest, of a key only the one named');
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
    [
      'ca revoke ./received.crt --dry-run',
      'what would happen; a certificate of ours that the ledger lost is taken in first',
    ],
  );
  command.action((target: string, options: RevokeOptions) =>
    run(async (context) => {
      const { revoke } = await import('../../authority/revoke.ts');
      const file = await context.world.findFile(target);
      const { ports, settings } = await context.openAuthority(options);
      const request: RevokeRequest = {
        target,
        file,
        reason: options.reason,
        ...(options.compromisedAt === undefined ? {} : { invalidityDate: options.compromisedAt }),
        serialOnly: options.serialOnly === true,
        dryRun: options.dryRun === true,
      };
      if (needsConfirmation(context) && !request.dryRun) {
        const plan = await revoke({ ...request, dryRun: true }, settings, ports);
        await confirmPlan(target, plan.revoked, context);
      }
      const result = await revoke(request, settings, ports);
      report(context, result, (each, view) => renderRevoke(each, { ...view, dryRun: request.dryRun }));
      return 'yes';
    }),
  );
}

/** A person is asked; a script is not. */
function needsConfirmation({ yes, json, world }: Context): boolean {
  return !yes && !json && world.keyboard.isTerminal && world.stdout.isTerminal;
}

/** One certificate that was named by its serial is meant; what a client's name stands for may surprise. */
async function confirmPlan(
  target: string,
  certificates: readonly { readonly client: string; readonly serial: string }[],
  { world }: Context,
): Promise<void> {
  if (certificates.length < 2 && !certificates.some(({ client }) => client === target)) return;
  const clients = [...new Set(certificates.map(({ client }) => client))].join(', ');
  const question = `Revoke ${counted(certificates.length, 'certificate')} of ${clients}? It cannot be undone.`;
  if (await confirm(world.keyboard, question)) return;
  throw new CaError('cli/declined', 'nothing was revoked', { hint: 'answer y, or give --yes' });
}
