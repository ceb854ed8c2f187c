import type { Command } from 'commander';
import type { Entry } from '../../ledger/entry.ts';
import type { Run } from '../main.ts';
import { addExamples } from '../options.ts';
import { renderAudit } from '../render/audit.ts';
import { report, reportEntries } from '../report.ts';

/** `ca ledger verify` and `ca ledger export`: the record itself. */
export function declare(command: Command, run: Run): void {
  const check = command
    .helpCommand(false)
    .command('verify')
    .summary('look for anything that was changed, removed, swapped or inserted')
    .description(
      'Check every line, the chain, each certificate and its signature; exit code 1 for findings.',
    );
  addExamples(check, ['ca ledger verify', 'finds any line that was changed, removed, swapped or inserted']);
  check.action(() =>
    run(async (context) => {
      const { auditLedger } = await import('../../authority/ledger-audit.ts');
      const result = await auditLedger(await context.openRecord());
      report(context, result, renderAudit);
      return result.findings.length === 0 ? 'yes' : 'no';
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
      await reportEntries(context, facts, entryLines(ports.ledger.entries(), encodeEntry));
      return 'yes';
    }),
  );
}

async function* entryLines(
  pages: AsyncIterable<readonly Entry[]>,
  encodeEntry: (head: Entry, body: Entry) => string,
): AsyncIterable<readonly string[]> {
  for await (const page of pages) yield page.map((entry) => encodeEntry(entry, entry));
}
