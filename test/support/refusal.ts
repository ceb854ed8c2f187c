import { CaError } from '../../src/core/ca-error.ts';

/** The refusal that the act ends in. Throws anything else that it throws, and if it goes through. */
export function refusalOf(act: () => unknown): CaError {
  try {
    act();
  } catch (error) {
    if (error instanceof CaError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
