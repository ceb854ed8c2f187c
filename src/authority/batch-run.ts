import { CaError, type ErrorCode } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import type { Serial } from '../core/serial.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { AuthorityRecord } from '../ledger/record.ts';
import type { IssueResult } from './issue-plan.ts';
import { clientIssuer, type Issuer, openSigner, type Signer } from './issuer.ts';
import type { DeliveryPaths, Ports } from './ports.ts';
import type { Settings } from './settings.ts';

/** What was due and could not be done. */
export interface Failure {
  /** Absent when it is the CRL that failed. */
  readonly client?: ClientName;
  readonly serial?: Serial;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** A certificate that was looked at and left as it is. */
export interface Skipped {
  readonly client: ClientName;
  readonly serial?: Serial;
  readonly why: string;
}

export interface DeliveredCertificate {
  readonly client: ClientName;
  readonly serial: Serial;
  readonly files: Partial<DeliveryPaths>;
}

/** A run over many clients, and what it has done so far: what fails for one of them stops nobody else. */
export interface BatchRun {
  readonly settings: Settings;
  readonly ports: Ports;
  readonly authority: AuthorityRecord;
  readonly issuer: Issuer;
  /** The signer, opened at its first use: nothing to sign, no passphrase. */
  readonly openSigner: () => Promise<Signer>;
  readonly issued: IssueResult[];
  readonly delivered: DeliveredCertificate[];
  readonly failed: Failure[];
  readonly skipped: Skipped[];
  /** How many entries it has put on record: what came besides is others' doing. */
  entries: number;
}

/**
 * How many entries of the record are others' doing. What the run itself puts there is of other clients: until this number
 * changes, nothing that was decided for a client is decided otherwise.
 */
export function entriesOfOthers({ head }: LedgerView, { entries }: Pick<BatchRun, 'entries'>): number {
  return head.seq - entries;
}

/** How many clients are taken under their locks, recorded with one write, and have their files synced together. */
export const batchSize = 512;

/** The items in their order, so many at a time. */
export function chunksOf<T>(items: readonly T[], length: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, index) =>
    items.slice(index * length, (index + 1) * length),
  );
}

/** A run that has done nothing yet. */
export function newBatchRun({ authority }: LedgerView, settings: Settings, ports: Ports): BatchRun {
  const issuer = clientIssuer(authority);
  let signer: Promise<Signer> | undefined;
  return {
    settings,
    ports,
    authority,
    issuer,
    openSigner: () => {
      signer ??= openSigner(issuer, ports);
      return signer;
    },
    issued: [],
    delivered: [],
    failed: [],
    skipped: [],
    entries: 0,
  };
}

/** Whom a failure is about. */
export interface Subject {
  readonly client: ClientName;
  readonly serial?: Serial;
}

/** Runs `work`; a CaError becomes a failure of each of these. Anything else is a bug, and thrown. */
export async function collectFailure(
  { failed }: Pick<BatchRun, 'failed'>,
  of: readonly Subject[],
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    failed.push(...of.map((each) => describeFailure(error, each)));
  }
}

export function describeFailure(error: unknown, of?: Subject): Failure {
  if (!(error instanceof CaError)) throw error;
  return {
    ...(of ? { client: of.client } : {}),
    ...(of?.serial === undefined ? {} : { serial: of.serial }),
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
