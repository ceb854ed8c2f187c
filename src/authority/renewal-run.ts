import type { BatchRun } from './batch-run.ts';
import type { RenewalSelection } from './renewal-plan.ts';

export interface RenewRequest extends RenewalSelection {
  /** Waits a random time up to this before it starts, so that many machines do not start together. */
  readonly jitterMs: number;
  /** `rekey`: a new key even where the client keeps its own (refused); `same-key`: the key that is in place. */
  readonly key?: 'rekey' | 'same-key';
  readonly dryRun: boolean;
}

/** One run of `renew`, and what it has done so far. */
export interface Run extends BatchRun {
  readonly request: RenewRequest;
}
