import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import type { Serial } from '../core/serial.ts';
import type { Pkcs12Kind } from '../ledger/entry.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { encodePem } from '../x509/pem.ts';
import { encodePkcs12 } from '../x509/pkcs12.ts';
import { readPrivateKey } from '../x509/private-key.ts';
import { latestCertificate } from './issue-plan.ts';
import type { Ports } from './ports.ts';

export const exportFormats = ['pem', 'der', 'p12', 'k8s'] as const;

/**
 * `pem`: key, unless the client keeps it, and chain; `der`: the certificate alone; `p12`: PKCS#12; `k8s`: the manifest of a
 * Secret of type kubernetes.io/tls.
 */
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportRequest {
  readonly client: ClientName;
  readonly format: ExportFormat;
  readonly pkcs12: Pkcs12Kind;
  /** Asked for only if the format needs one. */
  readonly obtainPassword: () => Promise<string>;
}

export interface ExportResult {
  readonly client: ClientName;
  readonly serial: Serial;
  readonly format: ExportFormat;
  readonly content: Uint8Array;
  /** Whether a private key is inside. */
  readonly secret: boolean;
}

/** The latest certificate of a client, with its key if it is in the delivery, in another form. */
export async function exportFiles(request: ExportRequest, ports: Ports): Promise<ExportResult> {
  const view = await ports.ledger.view();
  const client = await view.client(request.client);
  if (!client)
    throw new CaError('ledger/unknown-client', `there is no client "${request.client}"`, {
      hint: 'see what there is: ca list',
    });
  const latest = await latestCertificate(view, request.client);
  if (!latest) {
    throw new CaError(
      'authority/nothing-to-export',
      `${request.client} has no certificate that is not revoked`,
      {
        hint: `give it one: ca issue ${request.client}`,
      },
    );
  }
  const { delivery } = client.policy;
  const key =
    delivery.kind === 'stdout'
      ? undefined
      : await ports.deliveries.readKey(client.name, delivery, latest.serial);
  const der = await view.certificateBytes(latest.serial);
  const { root, issuing } = view.authority;
  const chain = [der, ...(issuing ? [issuing] : [])].map((each) => encodePem('CERTIFICATE', each)).join('');
  const result = { client: client.name, serial: latest.serial, format: request.format };
  switch (request.format) {
    case 'der':
      return { ...result, content: der, secret: false };
    case 'pem': {
      const before = client.policy.key === 'csr' ? '' : needKey(key, client.name);
      return { ...result, content: Buffer.from(before + chain), secret: before !== '' };
    }
    case 'k8s':
      return {
        ...result,
        content: Buffer.from(
          secretManifest(client.name, needKey(key, client.name), chain, encodePem('CERTIFICATE', root)),
        ),
        secret: true,
      };
    case 'p12':
      return {
        ...result,
        content: encodePkcs12({
          kind: request.pkcs12,
          privateKey: readPrivateKey(needKey(key, client.name)).pkcs8,
          certificate: der,
          chain: issuing ? [issuing, root] : [root],
          friendlyName: client.name,
          password: await request.obtainPassword(),
          random: ports.random,
        }),
        secret: true,
      };
  }
}

function needKey(key: string | undefined, client: ClientName): string {
  if (key !== undefined) return key;
  throw new CaError(
    'authority/nothing-to-export',
    `the private key of ${client} is not here, and this format needs it`,
    {
      hint: 'export the certificate alone with --format der, and join it with the key where the key is',
    },
  );
}

/** A Secret's manifest in YAML; all values are base64 or a checked name, so nothing needs quoting. */
function secretManifest(client: ClientName, key: string, chain: string, ca: string): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return [
    'apiVersion: v1',
    'kind: Secret',
    'type: kubernetes.io/tls',
    'metadata:',
    `  name: ${objectName(client)}`,
    'data:',
    `  tls.crt: ${base64(chain)}`,
    `  tls.key: ${base64(key)}`,
    `  ca.crt: ${base64(ca)}`,
    '',
  ].join('\n');
}

/** The client's name as a DNS subdomain name (RFC 1123), unique by its hash where characters had to go. */
function objectName(client: ClientName): string {
  const plain = client.toLowerCase();
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(plain)) return plain;
  const kept = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
  return `${kept === '' ? 'client' : kept}-${sha256Hex(Buffer.from(client)).slice(0, 8)}`;
}
