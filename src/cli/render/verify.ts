import type { VerifyResult } from '../../authority/verify.ts';
import type { Line, View } from '../report.ts';
import { renderChecks } from './checks.ts';

/** The answer, then each check as a line. */
export function renderVerify(
  { valid, serial, subject, purposes, checks }: VerifyResult,
  { style }: View,
): readonly Line[] {
  const answer = valid ? style.green('yes') : style.red('no');
  return [
    `${answer}, ${sentence(`${serial} (${subject})`, valid, purposes)}`,
    ...renderChecks(checks, style),
  ];
}

/** What follows of the answer, for those that the certificate is shown to: a server refuses one without clientAuth. */
function sentence(name: string, valid: boolean, purposes: readonly string[]): string {
  const verb = valid ? 'accept' : 'refuse';
  if (purposes.length === 0 || purposes.includes('clientAuth')) return `a server would ${verb} ${name}`;
  if (purposes.includes('serverAuth')) return `a client would ${verb} a server with ${name}`;
  return `${name} is ${valid ? '' : 'not '}good for ${purposes.join(', ')}`;
}
