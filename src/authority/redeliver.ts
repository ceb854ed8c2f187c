import type { ClientPolicy } from '../ledger/entry.ts';
import type { CertificateRecord } from '../ledger/record.ts';
import {
  type BatchRun,
  batchSize,
  chunksOf,
  collectFailure,
  describeFailure,
  type Subject,
} from './batch-run.ts';
import { type DeliveryOrder, deliverTogether } from './deliver.ts';
import type { Ports } from './ports.ts';

/**
 * True if a certificate that was recorded and not delivered never can be: its private key, which we had made, is nowhere.
 * Its client needs another certificate.
 */
export async function isKeyLost(
  { client, serial }: Required<Subject>,
  { key, delivery }: ClientPolicy,
  { deliveries }: Pick<Ports, 'deliveries'>,
): Promise<boolean> {
  if (key === 'csr' || delivery.kind === 'stdout') return false;
  return (await deliveries.readKey(client, delivery, serial)) === undefined;
}

/**
 * Delivers certificates that were recorded before and never delivered, unless that has changed meanwhile: those of clients
 * without hooks many at once, then the others one after the other.
 */
export async function redeliverAll(records: readonly CertificateRecord[], run: BatchRun): Promise<void> {
  const view = await run.ports.ledger.view();
  const plain: CertificateRecord[] = [];
  const hooked: CertificateRecord[] = [];
  for (const record of records) {
    const hook = (await view.client(record.client))?.policy.hook;
    (hook === undefined ? plain : hooked).push(record);
  }
  for (const some of chunksOf(plain, batchSize)) await redeliver(some, run);
  for (const record of hooked) await redeliver([record], run);
}

async function redeliver(records: readonly CertificateRecord[], run: BatchRun): Promise<void> {
  const { ports } = run;
  await collectFailure(run, records, () =>
    ports.deliveries.exclusively(
      records.map(({ client }) => client),
      async () => {
        const orders = await stillOwed(records, run);
        const outcomes = await deliverTogether(run.authority, orders, run.settings, ports);
        const done = orders.flatMap(({ client, certificate: { serial } }, index) => {
          const outcome = outcomes[index];
          if (outcome?.status === 'fulfilled') return [{ client: client.name, serial, files: outcome.value }];
          run.failed.push(describeFailure(outcome?.reason, { client: client.name, serial }));
          return [];
        });
        if (done.length === 0) return;
        await collectFailure(run, done, async () => {
          await ports.ledger.transact((transaction) =>
            transaction.append(done.map(({ client, serial }) => ({ type: 'delivered', client, serial }))),
          );
          run.delivered.push(...done);
        });
      },
    ),
  );
}

/** Those that nobody has delivered, revoked or replaced since. */
async function stillOwed(
  records: readonly CertificateRecord[],
  { ports }: BatchRun,
): Promise<readonly DeliveryOrder[]> {
  const view = await ports.ledger.view();
  const orders: DeliveryOrder[] = [];
  for (const { client: name, serial } of records) {
    const record = await view.certificate(serial);
    if (!record || record.deliveredAt || record.revocation || record.supersededAt) continue;
    const client = await view.client(name);
    if (!client) throw new Error(`client ${name} has a certificate and is not in the ledger`);
    const der = await view.certificateBytes(serial);
    orders.push({ client, certificate: { ...record, der }, stagedKey: undefined });
  }
  return orders;
}
