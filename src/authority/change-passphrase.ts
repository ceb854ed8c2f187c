import { CaError } from '../core/ca-error.ts';
import type { EntryBody, IssuerRole } from '../ledger/entry.ts';
import { encodePem } from '../x509/pem.ts';
import { encryptPrivateKey } from '../x509/pkcs8-encryption.ts';
import { readPrivateKey } from '../x509/private-key.ts';
import { clientIssuer, clientIssuerRole, createSigner, openCaKey, type Signer } from './issuer.ts';
import { appendSigned } from './latest-head.ts';
import type { LedgerTransaction, Ports } from './ports.ts';

export interface PassphraseRequest {
  /** Which CA's key; left out: the one that issues to clients. */
  readonly issuer?: IssuerRole;
  /** The new passphrase; undefined leaves the key unencrypted. Asked for after the old one was right. */
  readonly obtainNew: () => Promise<string | undefined>;
  readonly dryRun: boolean;
}

export interface PassphraseResult {
  readonly issuer: IssuerRole;
  readonly encrypted: boolean;
}

/**
 * Changes the passphrase of a CA key. The new file is read back with the new passphrase, in memory, before it replaces the
 * old one by rename: at every instant a key file is there that opens.
 */
export async function changePassphrase(request: PassphraseRequest, ports: Ports): Promise<PassphraseResult> {
  const { authority } = await ports.ledger.view();
  const issuer = request.issuer ?? clientIssuerRole(authority);
  const pem = issuer === 'issuing' && !authority.issuing ? undefined : await ports.keys.readKey(issuer);
  if (pem === undefined) {
    throw new CaError('authority/key-not-found', `the key of the ${issuer} CA is not here`, {
      hint: authority.issuing
        ? `bring it back as keys/${issuer}.key for this command`
        : 'this authority has a root alone: use --key root',
    });
  }
  const { pkcs8, spki, key } = await openCaKey(issuer, pem, ports.obtainPassphrase);
  const passphrase = await request.obtainNew();
  const changed =
    passphrase === undefined
      ? encodePem('PRIVATE KEY', pkcs8)
      : encryptPrivateKey(pkcs8, passphrase, { salt: ports.random(16), iv: ports.random(16) });
  if (Buffer.compare(readPrivateKey(changed, passphrase).spki, spki) !== 0)
    throw new Error('the key just encrypted is another one');
  // The root of two tiers signs too seldom to speak for the record, and somebody else's key cannot.
  const clients = clientIssuer(authority);
  const isSigner = issuer === clients.role && Buffer.compare(spki, clients.facts.spki) === 0;
  const signer = isSigner ? createSigner(clients, key) : undefined;
  if (!request.dryRun) {
    await ports.ledger.transact(async (transaction) => {
      if ((await ports.keys.readKey(issuer)) !== pem) throw changedMeanwhile(issuer);
      await ports.keys.replaceKey(issuer, changed);
      await record(issuer, transaction, signer, ports);
    });
  }
  return { issuer, encrypted: passphrase !== undefined };
}

/** The record never says what did not happen; what happened and could not be recorded is said here. */
async function record(
  issuer: IssuerRole,
  transaction: LedgerTransaction,
  signer: Signer | undefined,
  ports: Pick<Ports, 'home' | 'ledger'>,
): Promise<void> {
  const entries: EntryBody[] = [{ type: 'passphrase-changed', issuer }];
  try {
    if (signer) await appendSigned(transaction, entries, signer, ports);
    else await transaction.append(entries);
  } catch (error) {
    if (!(error instanceof CaError)) throw error;
    const message = `the new passphrase of the ${issuer} CA's key is in force, but not on record: ${error.message}`;
    throw new CaError(error.code, message, {
      hint: 'keep the new passphrase; when this is mended, change it once more to have it on record',
      cause: error,
    });
  }
}

/** Two people at once: the one who comes second must not think that the passphrase is theirs. */
function changedMeanwhile(issuer: IssuerRole): CaError {
  return new CaError('authority/key-mismatch', `keys/${issuer}.key was changed by somebody else meanwhile`, {
    hint: 'find out who changed the passphrase, then run the command again',
  });
}
