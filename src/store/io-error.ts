import { CaError, type ErrorCode } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';

/** True for what the system says, such as a failing disk; not for a CaError or a bug. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { readonly code: string } {
  return (
    error instanceof Error && 'syscall' in error && typeof (error as { code?: unknown }).code === 'string'
  );
}

/** True if `error` is the system's error of that name, such as `ENOENT`. */
export function hasErrorCode(error: unknown, ...codes: readonly string[]): boolean {
  return isSystemError(error) && codes.includes(error.code);
}

/**
 * The refusal that a system error becomes: `cannot <action> <path>: <reason>` with what to do about it. A CaError
 * and a bug pass unchanged.
 *
 * @param action a verb and its object, if the path is not all of it: `write`, `sync the directory`
 */
export function ioError(error: unknown, action: string, path: string): unknown {
  if (!isSystemError(error)) return error;
  const { code, reason, hint } = refusals[error.code] ?? {
    code: 'store/io',
    reason: error.code,
    hint: 'see to the disk that it is on, then run the same command again',
  };
  return new CaError(code, `cannot ${action} ${printable(path)}: ${reason}`, {
    cause: error,
    hint,
  });
}

const refusals: Record<string, { code: ErrorCode; reason: string; hint: string }> = {
  ENOSPC: {
    code: 'store/disk-full',
    reason: 'the disk is full',
    hint: 'free some space, then run the same command again',
  },
  EDQUOT: {
    code: 'store/disk-full',
    reason: 'the disk quota is used up',
    hint: 'free some space or raise the quota, then run the same command again',
  },
  EROFS: {
    code: 'store/read-only',
    reason: 'the file system is read-only',
    hint: 'remount it writable, or name another directory',
  },
  EACCES: {
    code: 'store/permission',
    reason: 'permission denied',
    hint: 'run as the user who owns the authority, or give yourself access',
  },
  EPERM: {
    code: 'store/permission',
    reason: 'operation not permitted',
    hint: 'run as the user who owns the authority, or give yourself access',
  },
  ENOENT: { code: 'store/not-found', reason: 'no such file or directory', hint: 'check the path' },
  EISDIR: { code: 'store/io', reason: 'it is a directory', hint: 'put a file there, or name one' },
  EIO: {
    code: 'store/io',
    reason: 'the disk reports an error (EIO)',
    hint: 'check the disk (dmesg), then run the same command again',
  },
  EMFILE: {
    code: 'store/io',
    reason: 'too many open files (EMFILE)',
    hint: 'raise the limit with: ulimit -n',
  },
};
