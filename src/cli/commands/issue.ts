import type { Command } from 'commander';
import type { IssueResult } from '../../authority/issue-plan.ts';
import { type ClientName, parseClientName } from '../../core/client-name.ts';
import { parseDistinguishedName } from '../../core/distinguished-name.ts';
import { type KeyAlgorithm, keyAlgorithms, parseKeyAlgorithm } from '../../core/key-algorithm.ts';
import type { San } from '../../core/san.ts';
import type { DeliveryTarget, Pkcs12Kind } from '../../ledger/entry.ts';
import { checkNewPassphrase, type PassphraseOptions, type World } from '../context.ts';
import { type ListFormat, listFormats } from '../list/format.ts';
import type { Run } from '../main.ts';
import {
  addDryRunOption,
  addExamples,
  addPassphraseOption,
  choice,
  durationText,
  manySans,
  path,
  usage,
} from '../options.ts';
import { renderIssue } from '../render/issue.ts';
import { report } from '../report.ts';

interface IssueOptions extends PassphraseOptions {
  readonly from?: string;
  readonly format?: ListFormat;
  readonly profile?: string;
  readonly dns?: readonly San[];
  readonly ip?: readonly San[];
  readonly email?: readonly San[];
  readonly uri?: readonly San[];
  readonly subject?: string;
  readonly validity?: string;
  readonly key?: KeyAlgorithm;
  readonly csr?: string;
  readonly out?: string;
  readonly p12?: Pkcs12Kind;
  readonly p12PasswordFile?: string;
  readonly hook?: string;
  readonly again?: boolean;
  readonly dryRun?: boolean;
}

/** `ca issue`: makes a key and a certificate for a client, or signs the client's own request. */
export function declare(command: Command, run: Run): void {
  command
    .argument('[client]', 'name of the client, such as billing', parseClientName)
    .option('--from <file>', 'many clients: a list in .csv, .json or .jsonl; - is standard input', path)
    .addOption(choice('--format <format>', "the list's format, if its name does not tell", listFormats))
    .option('--profile <profile>', 'client, server, peer, or one of ca.json (default: client)')
    .option('--dns <name>', 'DNS name (repeatable)', manySans('dns'))
    .option('--ip <address>', 'IP address (repeatable)', manySans('ip'))
    .option('--email <address>', 'e-mail address (repeatable)', manySans('email'))
    .option('--uri <uri>', 'URI, such as spiffe://acme.example/billing (repeatable)', manySans('uri'))
    .option('--subject <name>', 'subject, such as CN=billing,O=Acme,C=DE (default: CN=<client>)', subjectText)
    .option('--validity <duration>', "life, such as 90d (default: the profile's)", durationText)
    .addOption(
      choice('--key <kind>', "kind of key (default: the profile's)", keyAlgorithms, (text) =>
        parseKeyAlgorithm(text),
      ),
    )
    .option('--csr <file>', "sign the client's own request (PKCS#10; - is standard input)", path)
    .option(
      '--out <directory>',
      'where the files go, now and at each renewal; - prints PEM, with the key',
      path,
    )
    .addOption(
      choice('--p12 [kind]', 'a PKCS#12 too: modern, or compat for old Windows and macOS', [
        'modern',
        'compat',
      ]).preset('modern'),
    )
    .option(
      '--p12-password-file <file>',
      'file with its password (default: one is made, and shown once)',
      path,
    )
    .option(
      '--hook <command>',
      "shell command to run after each delivery, now and at each renewal; '' for none",
    )
    .option('--again', 'a further certificate although the client has a live one');
  addPassphraseOption(command);
  addDryRunOption(command);
  addExamples(
    command,
    ['ca issue billing', 'a key and a certificate, in the home directory'],
    [
      'ca issue billing --csr billing.csr --out /srv/deliver/billing',
      'the client keeps its key; sign its request',
    ],
    [
      'ca issue api --profile server --dns api.acme.example --out /etc/nginx/tls --hook "nginx -s reload"',
      'a certificate for a server, reloaded at each renewal',
    ],
    ['ca issue --from clients.csv', 'every client of a list; run it again, and only what is missing is done'],
    ['ca issue partner --p12 compat --p12-password-file ./password', 'for a program that wants PKCS#12'],
  );
  command.addHelpText(
    'after',
    '\nColumns of a list: client, profile, dns, ip, email, uri, subject, validity, csr, out; all but client may be missing\n',
  );
  command.action((client: ClientName | undefined, options: IssueOptions) =>
    run(async (context) => {
      const { from } = options;
      if (from !== undefined) {
        checkListOptions(command, client);
        const { issueFrom } = await import('../list/issue-from.ts');
        return issueFrom(from, options, context);
      }
      checkOptions(options);
      if (client === undefined) throw usage("missing required argument 'client'", 'see: ca issue --help');
      const { issue } = await import('../../authority/issue.ts');
      const { world } = context;
      const csr = options.csr === undefined ? undefined : await world.readRequest(options.csr);
      const { ports, settings } = await context.openAuthority(options);
      const names = [options.dns, options.ip, options.email, options.uri].flatMap((sans) => sans ?? []);
      const dryRun = options.dryRun === true;
      const print = (result: IssueResult) =>
        report(context, result, (each, view) => renderIssue(each, { ...view, dryRun }));
      const result = await issue(
        {
          client,
          ...(options.profile === undefined ? {} : { profile: options.profile }),
          ...(names.length === 0 ? {} : { subjectAltNames: names }),
          ...(options.subject === undefined ? {} : { subject: options.subject }),
          ...(options.validity === undefined ? {} : { validity: options.validity }),
          ...(options.key === undefined ? {} : { key: options.key }),
          ...(csr === undefined ? {} : { csr }),
          ...(options.out === undefined ? {} : { delivery: deliveryTarget(options.out, world) }),
          ...pkcs12Policy(options, world),
          ...(options.hook === undefined ? {} : { hook: options.hook }),
          again: options.again === true,
          dryRun,
        },
        settings,
        {
          ...ports,
          readPasswordFile: async (file) =>
            checkNewPassphrase(await ports.readPasswordFile(file), 'password'),
        },
        print,
      );
      if (!result.pem) print(result);
      return 'yes';
    }),
  );
}

/** Each line of a list says for itself what it wants. */
function checkListOptions(command: Command, client: ClientName | undefined): void {
  const hint = 'with --from every client stands in the list, with all that is asked for it';
  if (client !== undefined) throw usage('--from and a client exclude each other', hint);
  const allowed = ['from', 'format', 'dryRun', 'passphraseFile'];
  const given = command.options.filter(
    (option) => command.getOptionValue(option.attributeName()) !== undefined,
  );
  const other = given.find((option) => !allowed.includes(option.attributeName()));
  if (other) throw usage(`--from and ${other.long} exclude each other`, hint);
}

function checkOptions({ csr, format, hook, key, out, p12, p12PasswordFile }: IssueOptions): void {
  if (format !== undefined) throw usage('--format needs --from', 'name the list with --from FILE');
  const wantsPkcs12 = p12 !== undefined || p12PasswordFile !== undefined;
  if (csr !== undefined && key !== undefined) {
    throw usage('--key and --csr exclude each other', 'with --csr the key is the one in the request');
  }
  if (csr !== undefined && wantsPkcs12) {
    throw usage(
      '--p12 and --csr exclude each other',
      'a PKCS#12 holds the private key, which the client keeps',
    );
  }
  if (out === '-' && hook) {
    throw usage('--hook and --out - exclude each other', 'a hook runs after a delivery into a directory');
  }
  if (out === '-' && wantsPkcs12) {
    throw usage('--p12 and --out - exclude each other', 'name a directory with --out');
  }
}

function subjectText(text: string): string {
  parseDistinguishedName(text);
  return text;
}

/** Remembered for renewals that start elsewhere, so absolute. */
function deliveryTarget(out: string, world: World): DeliveryTarget {
  return out === '-' ? { kind: 'stdout' } : { kind: 'directory', path: world.resolvePath(out) };
}

function pkcs12Policy({ p12, p12PasswordFile }: IssueOptions, world: World) {
  if (p12 === undefined && p12PasswordFile === undefined) return {};
  const kind = p12 ?? 'modern';
  return p12PasswordFile === undefined
    ? { pkcs12: { kind } }
    : { pkcs12: { kind, passwordFile: world.resolvePath(p12PasswordFile) } };
}
