import { encodeSignedHead, type HeadStatement } from '../ledger/signed-head.ts';
import { checkClock } from './clock-check.ts';
import { clientIssuer, openSigner } from './issuer.ts';
import type { Ports } from './ports.ts';

export interface LedgerHeadResult extends HeadStatement {
  /** In base64. */
  readonly signature: string;
  /** All of it as it is kept. */
  readonly text: string;
}

/** `ca ledger head`: the record's head, signed by the CA that issues to clients. Changes nothing. */
export async function ledgerHead(
  ports: Pick<Ports, 'ledger' | 'keys' | 'obtainPassphrase' | 'clock' | 'clockConfirmed'>,
): Promise<LedgerHeadResult> {
  const { authority } = await ports.ledger.view();
  const signer = await openSigner(clientIssuer(authority), ports);
  // Somebody may have taken a minute to type the passphrase.
  const { head } = await ports.ledger.view();
  const now = ports.clock();
  checkClock(now, head, ports.clockConfirmed);
  const signed = signer.signHead(authority.name, { ...head, time: now });
  return {
    ...signed,
    signature: Buffer.from(signed.signature).toString('base64'),
    text: encodeSignedHead(signed),
  };
}
