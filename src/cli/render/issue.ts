import type { IssueResult } from '../../authority/issue-plan.ts';
import { type Line, news, note, type View, warning } from '../report.ts';
import { dayAndDistance } from './relative-time.ts';
import { shellWord } from './shell-word.ts';
import { renderFacts } from './table.ts';

/** The certificate, where its files are, and the command that attaches it to a request. */
export function renderIssue(result: IssueResult, view: View & { readonly dryRun: boolean }): readonly Line[] {
  const { pem } = result;
  // The texts were asked for with --out -: then stdout holds them alone.
  if (pem) return [(pem.bundle ?? pem.chain).trimEnd(), ...notes(result)];
  const { files } = result;
  const facts = renderFacts(
    [
      ['subject', result.subject],
      ['serial', result.serial],
      ['valid until', dayAndDistance(result.notAfter, view.now)],
      ['replaces', result.supersedes],
      ['certificate', files.certificate],
      ['with chain', files.chain],
      ['private key', files.privateKey],
      ['key and chain', files.bundle],
      ['PKCS#12', files.pkcs12],
      ['its password', files.pkcs12PasswordFile],
      ['CA', files.ca],
    ],
    '  ',
  );
  const what = `a ${result.profile} certificate to ${result.client}`;
  if (view.dryRun)
    return [news(`would issue ${what}`), ...facts.map(news), ...notes(result), note('nothing was done')];
  return [
    news(view.style.bold(`issued ${what}`)),
    ...facts.map(news),
    ...password(result, view),
    ...notes(result),
    ...attaching(result),
  ];
}

function password({ pkcs12Password }: IssueResult, { style }: View): readonly Line[] {
  if (pkcs12Password === undefined) return [];
  return [
    `  PKCS#12 password  ${style.bold(pkcs12Password)}`,
    note('  it is shown this once: pass it on by another way than the file'),
  ];
}

function notes({ ignored = [] }: IssueResult): readonly Line[] {
  return ignored.length === 0
    ? []
    : [warning(`ca: the request asked for more than was granted: ${ignored.join(', ')}`)];
}

function attaching({ profile, files }: IssueResult): readonly Line[] {
  if (profile === 'server' || files.bundle === undefined) return [];
  return [
    note(''),
    note('attach it to a request:'),
    note(`  curl --cert ${shellWord(files.bundle)} https://…`),
  ];
}
