import { CaError, type ErrorCode } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import type { Serial } from '../core/serial.ts';
import type { CertificateRecord } from '../ledger/record.ts';
import type { IssueResult } from './issue.ts';
import type { Signer } from './issuer.ts';
import type { DeliveryPaths, Ports } from './ports.ts';
import type { RenewalSelection, Skipped } from './renewal-plan.ts';
import type { Settings } from './settings.ts';

export interface RenewRequest extends RenewalSelection {
  /** Waits a random time up to this before it starts, so that many machines do not start together. */
  readonly jitterMs: number;
  /** `rekey`: a new key even where the client keeps its own (refused); `same-key`: the key that is in place. */
  readonly key?: 'rekey' | 'same-key';
  readonly dryRun: boolean;
}

/** What was due and could not be done. */
export interface Failure {
  /** Absent when it is the CRL that failed. */
  readonly client?: ClientName;
  readonly serial?: Serial;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export interface DeliveredCertificate {
  readonly client: ClientName;
  readonly serial: Serial;
  readonly files: Partial<DeliveryPaths>;
}

/** One run of `renew`, and what it has done so far. */
export interface Run {
  readonly request: RenewRequest;
  readonly settings: Settings;
  readonly ports: Ports;
  /** The signer, opened at its first use: nothing due, no passphrase. */
  readonly openSigner: () => Promise<Signer>;
  readonly renewed: IssueResult[];
  readonly delivered: DeliveredCertificate[];
  readonly failed: Failure[];
  readonly skipped: Skipped[];
}

/** Runs `work`; a CaError becomes a failure of each of these certificates. Anything else is a bug, and thrown. */
export async function collectFailure(
  run: Run,
  of: readonly Pick<CertificateRecord, 'client' | 'serial'>[],
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    run.failed.push(...of.map((each) => describeFailure(error, each)));
  }
}

export function describeFailure(error: unknown, of?: Pick<CertificateRecord, 'client' | 'serial'>): Failure {
  if (!(error instanceof CaError)) throw error;
  return {
    ...(of ? { client: of.client, serial: of.serial } : {}),
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
