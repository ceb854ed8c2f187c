import type { IssueLine, IssueList } from '../../authority/issue-list.ts';
import { lineFault } from '../../authority/line-faults.ts';
import { CaError, type LineFault } from '../../core/ca-error.ts';
import { clientNameKey, parseClientName } from '../../core/client-name.ts';
import { parseDistinguishedName } from '../../core/distinguished-name.ts';
import { parseDuration } from '../../core/duration.ts';
import { parseSan, type SanType } from '../../core/san.ts';
import type { World } from '../context.ts';
import type { ListFormat } from './format.ts';
import { type Row, readRows } from './rows.ts';

/** The columns of a list of clients, in the order of the README. */
export const issueColumns = [
  'client',
  'profile',
  'dns',
  'ip',
  'email',
  'uri',
  'subject',
  'validity',
  'csr',
  'out',
] as const;

const sanTypes: readonly SanType[] = ['dns', 'ip', 'email', 'uri'];

type IssueRow = Row<(typeof issueColumns)[number]>;

/**
 * The lines of a list of clients, and what is wrong with the others. Paths in it start where the list lies, so that it means
 * the same wherever it is run from. Throws `core/invalid-list` where it is no list at all.
 *
 * @param file the list's own path; `-` for standard input
 */
export async function readIssueList(
  octets: Uint8Array,
  format: ListFormat,
  file: string,
  world: Pick<World, 'readRequest' | 'resolvePath'>,
): Promise<IssueList> {
  const columns = { names: issueColumns, needed: 'client', many: sanTypes } as const;
  const { rows, faults: unread } = readRows(octets, format, columns);
  const lines: IssueLine[] = [];
  const faults: LineFault[] = [...unread];
  const seen = new Map<string, number>();
  for (const row of rows) {
    const name = row.cells.client?.[0] ?? '';
    try {
      const client = parseClientName(name);
      const key = clientNameKey(client);
      const before = seen.get(key);
      if (before !== undefined) throw duplicate(before);
      seen.set(key, row.line);
      const path = (text: string) => world.resolvePath(text, file === '-' ? undefined : file);
      lines.push({ line: row.line, request: { client, ...(await readRequest(row, path, world)) } });
    } catch (error) {
      faults.push(lineFault(error, row.line, name));
    }
  }
  return { lines, faults };
}

async function readRequest(
  { cells }: IssueRow,
  path: (text: string) => string,
  world: Pick<World, 'readRequest'>,
): Promise<Omit<IssueLine['request'], 'client'>> {
  const [[profile] = [], [subject] = [], [validity] = [], [csr] = [], [out] = []] = [
    cells.profile,
    cells.subject,
    cells.validity,
    cells.csr,
    cells.out,
  ];
  const sans = sanTypes.flatMap((type) => (cells[type] ?? []).map((text) => parseSan(type, text)));
  if (subject !== undefined) parseDistinguishedName(subject);
  if (validity !== undefined) parseDuration(validity);
  if (csr === '-' || out === '-') {
    throw new CaError(
      'core/invalid-list',
      `"-" is no path here, in the column ${csr === '-' ? 'csr' : 'out'}`,
      {
        hint: 'name a file or directory; one client can have standard output: ca issue NAME --out -',
      },
    );
  }
  return {
    ...(profile === undefined ? {} : { profile }),
    ...(sans.length === 0 ? {} : { subjectAltNames: sans }),
    ...(subject === undefined ? {} : { subject }),
    ...(validity === undefined ? {} : { validity }),
    ...(csr === undefined ? {} : { csr: await world.readRequest(path(csr)) }),
    ...(out === undefined ? {} : { delivery: { kind: 'directory', path: path(out) } }),
  };
}

function duplicate(line: number): CaError {
  return new CaError('core/invalid-list', `line ${line} names the same client`, {
    hint: 'keep one line of each client; names that differ in case or Unicode form alone are one',
  });
}
