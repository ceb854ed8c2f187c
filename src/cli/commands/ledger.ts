import type { Command } from 'commander';
import type { KeptHead } from '../../authority/head-proof.ts';
import type { Progress } from '../../authority/ports.ts';
import { CaError } from '../../core/ca-error.ts';
import { type ClientName, parseClientName } from '../../core/client-name.ts';
import { printable } from '../../core/printable.ts';
import type { Entry } from '../../ledger/entry.ts';
import type { Context, PassphraseOptions } from '../context.ts';
import type { Run } from '../main.ts';
import { addDryRunOption, addExamples, addPassphraseOption, manyPaths, path } from '../options.ts';
import { renderAdopt } from '../render/adopt.ts';
import { renderAudit } from '../render/audit.ts';
import { renderHead } from '../render/head.ts';
import { report, reportEntries } from '../report.ts';

interface HeadOptions extends PassphraseOptions {
  readonly out?: string;
  readonly dryRun?: boolean;
}

/** `ca ledger verify`, `ca ledger head`, `ca ledger export` and `ca ledger adopt`: the record itself. */
export function declare(command: Command, run: Run): void {
  addExamples(
    command.helpCommand(false),
    ['ca ledger verify', 'whether the record is whole'],
    ['ca ledger export > ledger.json', 'the record for an auditor, or a program'],
  );
  const check = command
    .command('verify')
    .summary('look for anything that was changed, removed, swapped or inserted')
    .description(
      'Check every line, the chain, each certificate and its signature, and that the ledger goes on from heads ' +
        'that were kept; exit code 1 for findings.',
    )
    .option('--head <files...>', 'heads that ca ledger head printed, or that lay beside a CRL', manyPaths);
  addExamples(
    check,
    ['ca ledger verify', 'finds any line that was changed, removed, swapped or inserted'],
    ['ca ledger verify --head heads/*.head', 'finds a ledger that was rolled back, or rewritten as a whole'],
  );
  check.action((options: { readonly head?: readonly string[] }) =>
    run(async (context) => {
      const { auditLedger } = await import('../../authority/ledger-audit.ts');
      const ports = await context.openRecord();
      const heads = await Promise.all((options.head ?? []).map((file) => readHead(file, context)));
      const result = await auditLedger(ports, heads);
      report(context, result, renderAudit);
      return result.findings.length === 0 ? 'yes' : 'no';
    }),
  );

  const head = command
    .command('head')
    .summary('print the signed head, to be kept elsewhere')
    .description(
      'Print the number and hash of the last entry, signed by the CA that issues to clients. Whoever keeps it elsewhere ' +
        'can prove later that the ledger was rolled back or rewritten.',
    )
    .option('--out <file>', 'a new file', path);
  addPassphraseOption(head);
  addDryRunOption(head);
  addExamples(
    head,
    ['ca ledger head | ssh witness "cat > ca-$(date +%F).head"', 'where the CA cannot change it'],
    ['ca ledger head --out /mnt/usb/ca.head', 'the same in a file'],
  );
  head.action((options: HeadOptions) =>
    run(async (context) => {
      const { ledgerHead } = await import('../../authority/ledger-head.ts');
      const result = await ledgerHead(await context.openRecord(options));
      const dryRun = options.dryRun === true;
      const file = options.out === undefined ? undefined : context.world.resolvePath(options.out);
      if (file !== undefined && !dryRun) {
        await context.world.createFile(file, Buffer.from(result.text), false);
      }
      report(context, { ...result, ...(file === undefined ? {} : { file }) }, (each) =>
        renderHead(each, { dryRun }),
      );
      return 'yes';
    }),
  );

  const exported = command
    .command('export')
    .summary('print the whole record as one JSON document')
    .description('Print the whole record as one JSON document.');
  addExamples(exported, ['ca ledger export > ledger.json', 'for an auditor, or a program']);
  exported.action(() =>
    run(async (context) => {
      const { encodeEntry } = await import('../../ledger/entry-codec.ts');
      const ports = await context.openRecord();
      // Reading it to the end first finds a broken record before half a document is printed.
      const { head } = await ports.ledger.view();
      const facts = { seq: head.seq, hash: head.hash };
      const encode = (entry: Entry) => encodeEntry(entry, entry);
      const pages = entryLines(ports.ledger.entries(), encode, head.seq, ports.progress);
      await reportEntries(context, facts, pages);
      return 'yes';
    }),
  );

  declareAdopt(command, run);
}

interface AdoptOptions {
  readonly client?: ClientName;
  readonly dryRun?: boolean;
}

function declareAdopt(command: Command, run: Run): void {
  const adopted = command
    .command('adopt')
    .argument('<file>', 'a certificate of this authority that the ledger does not know, in PEM or DER')
    .summary('take a certificate back in that the record has lost')
    .description(
      'Take a certificate back into the record that was issued after the backup it was restored from.',
    )
    .option('--client <name>', 'whose it is, if its subject does not say so', parseClientName);
  addDryRunOption(adopted);
  addExamples(
    adopted,
    ['ca ledger adopt ./billing.crt', 'after an old backup was restored'],
    ['ca ledger adopt ./received.crt --client billing', 'when the subject is not CN=billing'],
  );
  adopted.action((word: string, options: AdoptOptions) =>
    run(async (context) => {
      const { adopt } = await import('../../authority/adopt.ts');
      const file = await context.world.findFile(word);
      if (!file) {
        throw new CaError('store/not-found', `there is no file ${JSON.stringify(word)}`, {
          hint: 'name a file with the certificate, such as one that a client or a server has',
        });
      }
      const { ports, settings } = await context.openAuthority();
      const dryRun = options.dryRun === true;
      const request = { file, ...(options.client === undefined ? {} : { client: options.client }), dryRun };
      const result = await adopt(request, settings, ports);
      report(context, result, (each, view) => renderAdopt(each, { ...view, dryRun }));
      return 'yes';
    }),
  );
}

async function readHead(file: string, { world }: Context): Promise<KeptHead> {
  const { parseSignedHead } = await import('../../ledger/signed-head.ts');
  const octets = await world.findFile(file);
  if (octets) return { file, head: parseSignedHead(octets, file) };
  throw new CaError('store/not-found', `there is no file ${printable(file)}`, {
    hint: 'name the files that hold the heads: --head heads/*.head',
  });
}

async function* entryLines(
  pages: AsyncIterable<readonly Entry[]>,
  encode: (entry: Entry) => string,
  total: number,
  progress: Progress,
): AsyncIterable<readonly string[]> {
  for await (const page of pages) {
    yield page.map(encode);
    progress(page.at(-1)?.seq ?? 0, total, 'entries printed');
  }
}
