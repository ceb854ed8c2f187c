import { CaError } from '../core/ca-error.ts';
import { type ClientName, clientNameKey } from '../core/client-name.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';

/**
 * Throws `authority/client-name-collision` if there is a client whose name looks like that of the new one.
 *
 * @param hint what to do about it, given the name that is taken
 */
export async function checkNameIsFree(
  client: ClientName,
  view: LedgerView,
  hint: (taken: ClientName) => string,
): Promise<void> {
  const taken = (await view.clientWithKey(clientNameKey(client)))?.name;
  if (taken === undefined) return;
  throw new CaError(
    'authority/client-name-collision',
    `client name "${client}" differs from "${taken}" in case or Unicode form alone`,
    { hint: hint(taken) },
  );
}
