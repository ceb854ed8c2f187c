import { CaError } from '../core/ca-error.ts';
import { formatInstant } from '../core/instant.ts';
import { printable } from '../core/printable.ts';
import { isNewer } from './crl-copies.ts';
import { runHookOrThrow } from './deliver.ts';
import { clientIssuer } from './issuer.ts';
import type { Ports } from './ports.ts';
import type { CrlResult } from './publish-crl.ts';
import type { Settings } from './settings.ts';

/**
 * Copies the published CRLs to the directories of the settings, then runs the CRL hook, such as a server's reload.
 * One that fails keeps the new list from nobody else: all are tried, and what failed is thrown at the end. Until all has
 * gone well once for a CRL, {@link isSpread} is false, and the next `renew` tries again.
 *
 * @param done what has been done whatever fails now, for the message
 */
export async function spreadCrl(
  result: CrlResult,
  settings: Settings,
  ports: Pick<Ports, 'ledger' | 'home' | 'runHook'>,
  done?: string,
): Promise<void> {
  const { copyTo, hook } = settings.crl;
  if (copyTo.length === 0 && hook === undefined) return;
  const failures: CaError[] = [];
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof CaError)) throw error;
      failures.push(error);
    }
  };
  for (const directory of copyTo) await attempt(() => copyInOrder(directory, ports));
  if (hook !== undefined) {
    const facts = {
      CA_CRL: result.files.der,
      CA_CRL_PEM: result.files.pem,
      CA_CRL_NUMBER: result.number,
      CA_CRL_NEXT_UPDATE: formatInstant(result.nextUpdate),
    };
    await attempt(() => runHookOrThrow(ports.runHook, hook, facts, settings.hookTimeoutMs, 'the CRL hook'));
  }
  const [first] = failures;
  if (!first) {
    await ports.home.recordSpread(result.number);
    return;
  }
  const message = failures.map((failure) => failure.message).join('; ');
  throw afterPublishing(first, message, 'mend this: ca renew tries it again', done);
}

/** That failure, said after what is done all the same. */
function afterPublishing(cause: CaError, message: string, hint: string | undefined, done?: string): CaError {
  const before = `${done === undefined ? '' : `${done}, and `}the CRL is published`;
  return new CaError(cause.code, `${before}, but ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}

/**
 * True if the copies and the hook that the settings ask for are done for that CRL, or for one after it (all are copied at
 * once), and the copies are still there.
 */
export async function isSpread(
  { number }: Pick<CrlResult, 'number'>,
  { crl: { copyTo, hook } }: Settings,
  { home }: Pick<Ports, 'home'>,
): Promise<boolean> {
  if (copyTo.length === 0 && hook === undefined) return true;
  const spread = (await home.readSpread()) ?? '';
  if (!/^\d+$/.test(spread) || BigInt(spread) < BigInt(number)) return false;
  for (const directory of copyTo) if (!(await home.hasCopies(directory))) return false;
  return true;
}

/** Copies the CRLs to one more directory, and says when it fails that they are published. */
export async function copyPublished(directory: string, ports: Pick<Ports, 'ledger' | 'home'>): Promise<void> {
  try {
    await copyInOrder(directory, ports);
  } catch (error) {
    throw error instanceof CaError ? afterPublishing(error, error.message, error.hint) : error;
  }
}

/**
 * Copies under the ledger's lock, so that a slow copy of an older list never lands on a newer one. Nor may one of a record
 * that was put back: whoever publishes takes what was there along.
 */
async function copyInOrder(
  directory: string,
  { ledger, home }: Pick<Ports, 'ledger' | 'home'>,
): Promise<void> {
  await ledger.transact(async (transaction) => {
    const view = transaction.view();
    const issuer = clientIssuer(view.authority);
    const last = await view.lastCrl(issuer.role);
    if (last && isNewer(await home.readCopy(directory, issuer.role), issuer, last)) {
      throw new CaError(
        'store/occupied',
        `${printable(directory)} holds a newer CRL than the one on record`,
        {
          hint: 'take along what it says: ca crl --out with that directory',
        },
      );
    }
    await home.copyCrls(directory);
  });
}
