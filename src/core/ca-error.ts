/**
 * Every way the tool refuses, as `"<room>/<what>"`. Codes are stable: scripts may match on them, and the
 * README lists each with what to do. Adding one is a minor version; changing one is a major version.
 */
export const errorCodes = [
  // the command line and what a person typed
  'cli/usage',
  'cli/no-terminal',
  'cli/declined',
  'core/invalid-serial',
  'core/invalid-duration',
  'core/invalid-instant',
  'core/invalid-client-name',
  'core/invalid-name',
  'core/invalid-san',
  'core/invalid-reason',
  'core/invalid-key-algorithm',
  'core/invalid-list',
  // bytes that came from outside
  'x509/malformed',
  'x509/malformed-csr',
  'x509/ca-requested',
  'x509/bad-signature',
  'x509/weak-key',
  'x509/unsupported-key',
  'x509/wrong-passphrase',
  'x509/malformed-key',
  'x509/unusable-password',
  'x509/passphrase-needed',
  // what may be signed
  'lint/refused',
  // the record
  'ledger/malformed',
  'ledger/broken-chain',
  'ledger/missing-segment',
  'ledger/unknown-version',
  'ledger/unknown-serial',
  'ledger/not-recorded',
  'ledger/unknown-client',
  'ledger/duplicate-serial',
  'ledger/clock-behind',
  'ledger/malformed-head',
  'ledger/foreign-head',
  'ledger/rolled-back',
  'ledger/rewritten',
  // what an authority will and will not do
  'authority/exists',
  'authority/missing',
  'authority/invalid-settings',
  'authority/unknown-profile',
  'authority/client-exists',
  'authority/client-name-collision',
  'authority/client-revoked',
  'authority/validity-exceeds-issuer',
  'authority/name-not-permitted',
  'authority/san-required',
  'authority/key-barred',
  'authority/key-too-old',
  'authority/key-not-found',
  'authority/key-mismatch',
  'authority/ambiguous-target',
  'authority/nothing-to-export',
  'authority/weak-passphrase',
  'authority/hook-failed',
  // the disk
  'store/locked',
  'store/disk-full',
  'store/read-only',
  'store/permission',
  'store/not-found',
  'store/insecure-mode',
  'store/occupied',
  'store/not-a-backup',
  'store/damaged-backup',
  'store/changed',
  'store/unsupported',
  'store/io',
  'store/uncertain',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** What is wrong with one line of a list that was refused whole. */
export interface LineFault {
  /** Its line in the file, from 1. */
  readonly line: number;
  /** The client or whatever else it names, as it stands there. */
  readonly name?: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export interface CaErrorOptions {
  /** The next action, best a command to run. */
  readonly hint?: string;
  /** Every line at fault, when it is a list that was refused. */
  readonly faults?: readonly LineFault[];
  readonly cause?: unknown;
}

/**
 * A refusal that a person or script can act on. A bug is a plain `Error`.
 *
 * The message is lower case, without a full stop, names the object and shows actual and allowed values. It
 * never holds key material or a passphrase, and is printed only through {@link printable}.
 */
export class CaError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly faults: readonly LineFault[];

  constructor(code: ErrorCode, message: string, options: CaErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'CaError';
    this.code = code;
    this.hint = options.hint;
    this.faults = options.faults ?? [];
  }
}
