import { CaError } from '../core/ca-error.ts';
import { printable } from '../core/printable.ts';

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

/** Files of the snapshot are gone: a client was renewed twice meanwhile, or somebody's hand was in it. */
export function changedMeanwhile(path: string): CaError {
  return new CaError('store/changed', `${printable(path)} was changed while it was backed up`, {
    hint: 'run the same command again',
  });
}
