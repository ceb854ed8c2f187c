import type { Command } from 'commander';
import type { ExportFormat, ExportResult } from '../../authority/export-files.ts';
import { CaError } from '../../core/ca-error.ts';
import { type ClientName, parseClientName } from '../../core/client-name.ts';
import type { Pkcs12Kind } from '../../ledger/entry.ts';
import { type Context, checkNewPassphrase } from '../context.ts';
import type { Run } from '../main.ts';
import { addDryRunOption, addExamples, choice, path, usage } from '../options.ts';
import { askNewSecret } from '../prompt.ts';
import { renderExport } from '../render/export.ts';
import { report, reportContent } from '../report.ts';

interface ExportOptions {
  readonly format: ExportFormat;
  readonly out?: string;
  readonly p12: Pkcs12Kind;
  readonly p12PasswordFile?: string;
  readonly dryRun?: boolean;
}

const extensions: Readonly<Record<ExportFormat, string>> = {
  pem: 'pem',
  der: 'crt',
  p12: 'p12',
  k8s: 'yaml',
};
const textFormats: readonly ExportFormat[] = ['pem', 'k8s'];

/** `ca export`: a client's certificate, with its key if it is here, in another form. */
export function declare(command: Command, run: Run): void {
  command
    .argument('<client>', 'name of the client', parseClientName)
    .addOption(
      choice(
        '--format <format>',
        'key and chain, certificate alone, PKCS#12, or Kubernetes Secret',
        Object.keys(extensions),
      ).makeOptionMandatory(),
    )
    .option('--out <file>', 'a new file (default: <client>.<format> here); - is standard output', path)
    .addOption(
      choice('--p12 <kind>', 'kind of PKCS#12; compat for old Windows and macOS', [
        'modern',
        'compat',
      ]).default('modern'),
    )
    .option('--p12-password-file <file>', 'file with its password (else a prompt)', path);
  addDryRunOption(command);
  addExamples(
    command,
    ['ca export billing --format p12 --p12 compat', 'for a browser or an old program'],
    ['ca export billing --format k8s --out - | kubectl apply -f -', 'a Secret of type kubernetes.io/tls'],
  );
  command.action((client: ClientName, options: ExportOptions) =>
    run(async (context) => {
      const { exportFiles } = await import('../../authority/export-files.ts');
      const { world } = context;
      const toStdout = options.out === '-';
      if (toStdout && !textFormats.includes(options.format) && world.stdout.isTerminal && !context.json) {
        throw usage(
          `${options.format} is binary, and standard output is a terminal`,
          'name a file with --out, or send the output to a program',
        );
      }
      const ports = await context.openRecord();
      const exported = await exportFiles(
        {
          client,
          format: options.format,
          pkcs12: options.p12,
          obtainPassword: () => obtainPassword(options, context, ports.readPasswordFile),
        },
        ports,
      );
      const target = world.resolvePath(options.out ?? `${client}.${extensions[options.format]}`);
      const { content, secret, ...facts } = exported;
      if (toStdout && !context.json) {
        if (options.dryRun !== true) reportContent(context, content);
        return 'yes';
      }
      if (!toStdout && options.dryRun !== true) await world.createFile(target, content, secret);
      const result = { ...facts, ...(toStdout ? { content: contentText(exported) } : { file: target }) };
      report(context, result, (each, view) =>
        renderExport(each, { ...view, dryRun: options.dryRun === true, secret }),
      );
      return 'yes';
    }),
  );
}

async function obtainPassword(
  { p12PasswordFile }: ExportOptions,
  { world }: Context,
  readPasswordFile: (path: string) => Promise<string>,
): Promise<string> {
  if (p12PasswordFile !== undefined) {
    return checkNewPassphrase(await readPasswordFile(world.resolvePath(p12PasswordFile)), 'password');
  }
  if (world.keyboard.isTerminal) return askNewSecret(world.keyboard, 'Password for the PKCS#12');
  throw new CaError('cli/no-terminal', 'a PKCS#12 needs a password, and there is no terminal to ask on', {
    hint: 'give --p12-password-file FILE',
  });
}

/** Text as it is, bytes in base64: what fits into JSON. */
function contentText({ content, format }: ExportResult): string {
  return Buffer.from(content).toString(textFormats.includes(format) ? 'utf8' : 'base64');
}
