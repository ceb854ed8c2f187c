import { lineFault } from '../../authority/line-faults.ts';
import type { Revocation } from '../../authority/revocation.ts';
import type { RevocationList } from '../../authority/revoke.ts';
import { CaError, type LineFault } from '../../core/ca-error.ts';
import { parseClientName } from '../../core/client-name.ts';
import { parseInstant } from '../../core/instant.ts';
import { parseRevocationReason } from '../../core/revocation-reason.ts';
import type { World } from '../context.ts';
import type { RevocationFormat } from './format.ts';
import { checkCells, decodeText, type Row, type Rows, readRows } from './rows.ts';

/** The columns of a list of what is to be revoked: a client, serial or file, why, and whose a lost certificate is. */
export const revocationColumns = ['target', 'reason', 'compromised-at', 'client'] as const;

type Column = (typeof revocationColumns)[number];

/**
 * The lines of a list of what is to be revoked, and what is wrong with the others. What a line does not say is as the
 * command line has it; paths start where the list lies. Throws `core/invalid-list` where it is no list at all.
 *
 * @param file the list's own path; `-` for standard input
 */
export async function readRevocationList(
  octets: Uint8Array,
  format: RevocationFormat,
  file: string,
  defaults: Omit<Revocation, 'target' | 'file'>,
  world: Pick<World, 'findFile'>,
): Promise<RevocationList> {
  const columns = { names: revocationColumns, needed: 'target', many: [] } as const;
  const { rows, faults: unread } = format === 'txt' ? textRows(octets) : readRows(octets, format, columns);
  const lines: { line: number; revocation: Revocation }[] = [];
  const faults = [...unread];
  for (const { line, cells } of rows) {
    const [target = ''] = cells.target ?? [];
    try {
      const [reason] = cells.reason ?? [];
      const [compromisedAt] = cells['compromised-at'] ?? [];
      const [client] = cells.client ?? [];
      const content = await world.findFile(target, file === '-' ? undefined : file);
      if (client !== undefined && !content)
        throw new CaError(
          'core/invalid-list',
          'client is for the file of a certificate that the ledger lost',
          { hint: 'leave it empty, or name the file' },
        );
      lines.push({
        line,
        revocation: {
          ...defaults,
          target,
          file: content,
          ...(reason === undefined ? {} : { reason: parseRevocationReason(reason) }),
          ...(compromisedAt === undefined ? {} : { invalidityDate: parseInstant(compromisedAt) }),
          ...(client === undefined ? {} : { client: parseClientName(client) }),
        },
      });
    } catch (error) {
      faults.push(lineFault(error, line, target));
    }
  }
  return { lines, faults };
}

/** Plain text: one target a line. */
function textRows(octets: Uint8Array): Rows<Column> {
  const lines = decodeText(octets).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0)
    throw new CaError('core/invalid-list', 'the list is empty', {
      hint: 'write one client, serial or file a line',
    });
  const rows: Row<Column>[] = [];
  const faults: LineFault[] = [];
  for (const [index, target] of lines.entries()) {
    const line = index + 1;
    try {
      if (target === '') throw new CaError('core/invalid-list', 'the line is empty', { hint: 'take it out' });
      rows.push(checkCells({ line, cells: { target: [target] } }));
    } catch (error) {
      faults.push(lineFault(error, line));
    }
  }
  return { rows, faults };
}
