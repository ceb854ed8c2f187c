import { CaError } from '../core/ca-error.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CertificateRecord } from '../ledger/record.ts';
import type { Adoption } from './adopt.ts';
import type { FindPublished } from './published-revocation.ts';
import type { Revocation } from './revocation.ts';
import type { Settings } from './settings.ts';
import { findTarget } from './target.ts';

/** What is to be revoked although the record does not know it. */
export interface Lost {
  readonly revocation: Revocation;
  readonly adoption: Adoption;
}

/** Those whose file is a certificate of ours that the record has lost. */
export async function findAllLost(
  revocations: readonly Revocation[],
  view: LedgerView,
  settings: Settings,
  findPublished: FindPublished,
): Promise<readonly Lost[]> {
  const lost: Lost[] = [];
  for (const revocation of revocations) {
    const adoption = await findLost(revocation, view, settings, findPublished);
    if (adoption) lost.push({ revocation, adoption });
  }
  return lost;
}

/** A list may name one certificate twice. */
export function uniqueAdoptions(lost: readonly Lost[]): Adoption[] {
  return [...new Map(lost.map(({ adoption }) => [adoption.result.serial, adoption])).values()];
}

/** What takes the certificate in that `target` is the file of, if it is ours and the record has lost it. */
async function findLost(
  { target, file, client }: Revocation,
  view: LedgerView,
  settings: Settings,
  findPublished: FindPublished,
): Promise<Adoption | undefined> {
  if (!file) return undefined;
  try {
    await findTarget(target, file, view);
    return undefined;
  } catch (error) {
    if (!(error instanceof CaError) || error.code !== 'ledger/not-recorded') throw error;
    const { planAdoption } = await import('./adopt.ts');
    return planAdoption({ file, ...(client === undefined ? {} : { client }) }, view, settings, findPublished);
  }
}

/** The record that the adoption will make. */
export function asRecord({ issued, result }: Adoption, { head }: LedgerView, now: Date): CertificateRecord {
  const { type: _type, certificate: _certificate, ...record } = issued;
  const seq = head.seq + 1;
  return {
    ...record,
    seq,
    issuedAt: now,
    deliveredAt: now,
    ...(result.revoked ? { revocation: { ...result.revoked, seq, at: now } } : {}),
  };
}
