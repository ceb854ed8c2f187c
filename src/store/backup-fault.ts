import { CaError } from '../core/ca-error.ts';

/** The refusal of a backup that is not as it was written. */
export function damagedBackup(fault: string): CaError {
  return new CaError('store/damaged-backup', `the backup is damaged: ${fault}`, {
    hint: 'use another copy of it, or an older backup',
  });
}

/** The refusal of a file that never was a backup of ours. */
export function notABackup(fault: string, hint = 'name a file that ca backup has made'): CaError {
  return new CaError('store/not-a-backup', `the file ${fault}`, { hint });
}
