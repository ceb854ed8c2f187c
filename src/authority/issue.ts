import { CaError } from '../core/ca-error.ts';
import type { DeliveryTarget } from '../ledger/entry.ts';
import type { CertificateRecord } from '../ledger/record.ts';
import { readCsr } from '../x509/csr.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { checkPassword } from '../x509/password.ts';
import { approve, certify, makeKey, newSerial } from './certify.ts';
import { checkClock } from './clock-check.ts';
import { deliver, discardUnrecorded } from './deliver.ts';
import {
  describe,
  entriesOf,
  type IssuePlan,
  type IssueRequest,
  type IssueResult,
  planIssue,
} from './issue-plan.ts';
import { clientIssuer, openSigner } from './issuer.ts';
import { appendSigned } from './latest-head.ts';
import type { Ports } from './ports.ts';
import type { Settings } from './settings.ts';

/**
 * Gives the client a certificate: recorded first, then delivered.
 *
 * @param print takes the result to standard output, when the texts are to go there
 */
export async function issue(
  request: IssueRequest,
  settings: Settings,
  ports: Ports,
  print: (result: IssueResult) => void,
): Promise<IssueResult> {
  const csr = request.csr === undefined ? undefined : readCsr(request.csr);
  const view = await ports.ledger.view();
  checkClock(ports.clock(), view.head, ports.clockConfirmed);
  const issuer = clientIssuer(view.authority);
  const context = () => ({ settings, issuer, now: ports.clock() });
  const draft = await planIssue(request, csr, view, context());
  if (draft.policy.delivery.kind !== 'stdout')
    await ports.deliveries.check(request.client, draft.policy.delivery);
  const passwordFile = draft.policy.pkcs12?.passwordFile;
  if (passwordFile !== undefined) checkPassword(await ports.readPasswordFile(passwordFile));
  if (request.dryRun) {
    const { spki } = csr ?? (await makeKey(draft.policy.key, ports));
    const serial = await newSerial(ports.random, view);
    approve(draft.certificate, serial, spki, issuer, settings);
    return describe(draft);
  }
  const signer = await openSigner(issuer, ports);

  return ports.deliveries.exclusively([request.client], async () => {
    // From here on nobody else changes this client's policy: the key is made for the one that will be recorded.
    const before = await ports.ledger.view();
    const { policy } = await planIssue(request, csr, before, context());
    const { delivery } = policy;
    const key = csr ? { spki: csr.spki, pem: undefined } : await makeKey(policy.key, ports);
    const serial = await newSerial(ports.random, before);
    if (delivery.kind !== 'stdout') await ports.deliveries.stage(request.client, delivery, serial, key.pem);
    let plan: IssuePlan;
    let der: Uint8Array;
    try {
      ({ plan, der } = await ports.ledger.transact(async (transaction) => {
        const decided = await planIssue(request, csr, transaction.view(), context());
        const { certificate, entry } = certify(decided.certificate, serial, key.spki, signer, settings);
        await appendSigned(transaction, entriesOf(decided, entry), signer, ports);
        return { plan: decided, der: certificate };
      }));
    } catch (error) {
      if (delivery.kind !== 'stdout')
        await discardUnrecorded(request.client, delivery, serial, await ports.ledger.view(), ports);
      throw error;
    }

    const recorded = await ports.ledger.view();
    const record = await recorded.certificate(serial);
    const client = await recorded.client(request.client);
    if (!record || !client) throw new Error(`serial ${serial} was recorded and is not in the ledger`);
    const { client: name, ...description } = describe(plan);
    return explainUndelivered(record, delivery, async () => {
      const { authority } = recorded;
      const outcome = await deliver(authority, client, { ...record, der }, settings, ports, key.pem);
      const result: IssueResult = {
        client: name,
        serial,
        ...description,
        fingerprint: sha256Hex(der),
        files: outcome.files,
        ...(outcome.newPkcs12Password === undefined ? {} : { pkcs12Password: outcome.newPkcs12Password }),
        ...(delivery.kind === 'stdout' ? { pem: outcome.contents } : {}),
      };
      // Printed and not on record it is asked for once more; on record and not printed its key would be lost in silence.
      if (result.pem) print(result);
      await ports.ledger.transact((transaction) =>
        appendSigned(transaction, [{ type: 'delivered', client: request.client, serial }], signer, ports),
      );
      return result;
    });
  });
}

/** Once a certificate is on record the same command would be refused: what fails then says what to do instead. */
async function explainUndelivered<T>(
  { client, serial }: CertificateRecord,
  delivery: DeliveryTarget,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CaError) || error.code === 'authority/hook-failed') throw error;
    const next = delivery.kind === 'stdout' ? `ca issue ${client} --again` : 'ca renew';
    throw new CaError(error.code, error.message, {
      hint: `certificate ${serial} is on record; when this is mended, deliver it with: ${next}`,
      cause: error,
    });
  }
}
