import { type Line, news, note, type View } from '../report.ts';

/** Where the file is. */
export function renderExport(
  result: {
    readonly client: string;
    readonly serial: string;
    readonly format: string;
    readonly file?: string;
  },
  { dryRun, secret }: View & { readonly dryRun: boolean; readonly secret: boolean },
): readonly Line[] {
  const { client, serial, format, file = 'standard output' } = result;
  if (dryRun)
    return [
      news(`would write ${client}'s certificate ${serial} as ${format} to ${file}`),
      note('nothing was done'),
    ];
  return [
    news(`wrote ${client}'s certificate ${serial} as ${format} to ${file}`),
    ...(secret ? [note('it holds the private key: keep it secret, and remove it once it is passed on')] : []),
  ];
}
