import type { ClientName } from '../core/client-name.ts';
import type { Serial } from '../core/serial.ts';
import type { ClientPolicy } from '../ledger/entry.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { encodePem } from '../x509/pem.ts';
import { type CertificateRow, describeCertificate } from './inventory.ts';
import { newestOf } from './issue-plan.ts';
import { findMissing } from './missing-files.ts';
import type { DeliveryPaths, Ports } from './ports.ts';
import { findTarget } from './target.ts';

/** A certificate with everything that the ledger knows of it. */
export interface CertificateDetails extends CertificateRow {
  /** SHA-256 of the DER, and of the public key, in hex. */
  readonly fingerprint: string;
  readonly key: string;
  readonly issuedAt: Date;
  /** True if the record had lost it and took it in again: `issuedAt` is when. */
  readonly adopted?: true;
  readonly deliveredAt?: Date;
  readonly supersedes?: Serial;
  readonly supersededAt?: Date;
  readonly invalidityDate?: Date;
  readonly pem: string;
}

/** A client with its policy, what is in place for it, and its certificates, oldest first. */
export interface ClientDetails extends ClientPolicy {
  readonly client: ClientName;
  readonly addedAt: Date;
  readonly files?: DeliveryPaths;
  readonly certificates: readonly CertificateRow[];
  /** That its files are gone, and what to do. */
  readonly problem?: string;
}

/** What a client's name, a serial or a file stands for. Throws as {@link findTarget} does. */
export async function show(
  word: string,
  file: Uint8Array | undefined,
  ports: Pick<Ports, 'ledger' | 'clock' | 'deliveries'>,
): Promise<ClientDetails | CertificateDetails | readonly CertificateRow[]> {
  const view = await ports.ledger.view();
  const now = ports.clock();
  const target = await findTarget(word, file, view);
  if (target.kind === 'key') return target.certificates.map((record) => describeCertificate(record, now));
  if (target.kind === 'client') {
    const client = await view.client(target.client);
    if (!client) throw new Error(`client ${target.client} was found and is not there`);
    const { delivery } = client.policy;
    const newest = newestOf(target.certificates);
    const missing = newest && (await findMissing(newest, view, ports));
    const files =
      delivery.kind === 'stdout' ? undefined : await ports.deliveries.paths(client.name, delivery);
    return {
      client: client.name,
      addedAt: client.addedAt,
      ...client.policy,
      ...(files ? { files } : {}),
      certificates: target.certificates.map((record) => describeCertificate(record, now)),
      ...(missing ? { problem: missing.text } : {}),
    };
  }
  const { certificate } = target;
  const der = await view.certificateBytes(certificate.serial);
  return {
    ...describeCertificate(certificate, now),
    fingerprint: sha256Hex(der),
    key: certificate.key,
    issuedAt: certificate.issuedAt,
    ...(certificate.adopted ? { adopted: true } : {}),
    ...(certificate.deliveredAt ? { deliveredAt: certificate.deliveredAt } : {}),
    ...(certificate.supersedes ? { supersedes: certificate.supersedes } : {}),
    ...(certificate.supersededAt ? { supersededAt: certificate.supersededAt } : {}),
    ...(certificate.revocation?.invalidityDate
      ? { invalidityDate: certificate.revocation.invalidityDate }
      : {}),
    pem: encodePem('CERTIFICATE', der),
  };
}
