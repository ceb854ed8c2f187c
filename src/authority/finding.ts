import type { ErrorCode } from '../core/ca-error.ts';

/** Something wrong in the record, as an audit tells it. */
export interface Finding {
  readonly code: ErrorCode;
  readonly message: string;
}
