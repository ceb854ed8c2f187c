import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import { formatInstant } from '../core/instant.ts';
import type { Serial } from '../core/serial.ts';
import type { DeliveryTarget } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { AuthorityRecord, CertificateRecord, ClientRecord } from '../ledger/record.ts';
import { encodePem } from '../x509/pem.ts';
import { encodePkcs12, pkcs12Iterations } from '../x509/pkcs12.ts';
import { readPrivateKey } from '../x509/private-key.ts';
import type { DeliveryContents, DeliveryPaths, Ports, RandomOctets, RunHook } from './ports.ts';
import type { Settings } from './settings.ts';

/** What a delivery gives: where the files are, or, for standard output, the texts themselves. */
export interface DeliveryOutcome {
  readonly files: Partial<DeliveryPaths>;
  readonly contents: DeliveryContents;
  /** Set when the authority made the PKCS#12's password in this delivery: to be shown once. */
  readonly newPkcs12Password?: string;
}

/** What a delivery needs to know of its client. */
export type Client = Pick<ClientRecord, 'name' | 'policy'>;

/** A certificate that is on record, with its DER. */
export interface RecordedCertificate extends Pick<CertificateRecord, 'serial' | 'subject' | 'notAfter'> {
  readonly der: Uint8Array;
}

type DeliveryPorts = Pick<Ports, 'deliveries' | 'random' | 'runHook' | 'readPasswordFile'>;

/** Removes what was staged for a certificate, unless that has come on record all the same: its key is then to be delivered. */
export async function discardUnrecorded(
  client: ClientName,
  target: DeliveryTarget,
  serial: Serial,
  view: LedgerView,
  { deliveries }: Pick<Ports, 'deliveries'>,
): Promise<void> {
  if (await view.certificate(serial)) return;
  await deliveries.discard(client, target, serial);
}

/**
 * Puts a recorded certificate's files in their place and runs the client's hook. Repeating it is harmless. The caller
 * holds the client's delivery lock and records `delivered` afterwards.
 *
 * Throws `authority/key-not-found` when the private key was lost before it was delivered, `authority/hook-failed`.
 */
export async function deliver(
  authority: AuthorityRecord,
  client: Client,
  certificate: RecordedCertificate,
  settings: Settings,
  ports: DeliveryPorts,
  stagedKey?: string,
): Promise<DeliveryOutcome> {
  const target = client.policy.delivery;
  const { contents, newPkcs12Password } = await prepareContents(
    authority,
    { client, certificate, stagedKey },
    ports,
  );
  if (target.kind === 'stdout') return { files: {}, contents };
  const files = await ports.deliveries.deliver(client.name, target, certificate.serial, contents);
  await explainPassword(files, () => runDeliveryHook(client, certificate, files, settings, ports.runHook));
  return { files, contents, ...(newPkcs12Password === undefined ? {} : { newPkcs12Password }) };
}

/** A certificate to be delivered with others. */
export interface DeliveryOrder {
  readonly client: Client;
  readonly certificate: RecordedCertificate;
  /** Its private key, if this process has staged it. */
  readonly stagedKey: string | undefined;
}

/**
 * Delivers as {@link deliver} does to many clients at once, none of which takes its files on standard output; what fails
 * for one stops none of the others. Gives the files of each.
 */
export async function deliverTogether(
  authority: AuthorityRecord,
  orders: readonly DeliveryOrder[],
  settings: Settings,
  ports: DeliveryPorts,
): Promise<readonly PromiseSettledResult<DeliveryPaths>[]> {
  const prepared = await Promise.allSettled(
    orders.map(async (order) => {
      const { client, certificate } = order;
      const { contents } = await prepareContents(authority, order, ports);
      return { client: client.name, target: client.policy.delivery, serial: certificate.serial, contents };
    }),
  );
  const ready = prepared.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const made = (await ports.deliveries.deliverAll(ready)).values();
  return Promise.allSettled(
    orders.map(async ({ client, certificate }, index) => {
      const files = fulfilled(prepared[index]) && fulfilled(made.next().value);
      if (!files) throw new Error('a delivery came to no end');
      await explainPassword(files, () =>
        runDeliveryHook(client, certificate, files, settings, ports.runHook),
      );
      return files;
    }),
  );
}

function fulfilled<T>(settled: PromiseSettledResult<T> | undefined): T | undefined {
  if (settled?.status === 'rejected') throw settled.reason;
  return settled?.value;
}

async function prepareContents(
  authority: AuthorityRecord,
  { client, certificate, stagedKey }: DeliveryOrder,
  ports: Pick<Ports, 'deliveries' | 'random' | 'readPasswordFile'>,
): Promise<{ contents: DeliveryContents; newPkcs12Password?: string }> {
  const { policy } = client;
  const key =
    policy.key === 'csr'
      ? undefined
      : (stagedKey ?? (await ports.deliveries.readKey(client.name, policy.delivery, certificate.serial)));
  if (policy.key !== 'csr' && key === undefined) {
    throw new CaError(
      'authority/key-not-found',
      `the private key of certificate ${certificate.serial} of ${client.name} is lost`,
      {
        hint: `make a new one: ca issue ${client.name} --again`,
      },
    );
  }
  return buildContents(authority, client, certificate.der, key, ports);
}

async function buildContents(
  authority: AuthorityRecord,
  client: Client,
  der: Uint8Array,
  key: string | undefined,
  ports: Pick<Ports, 'deliveries' | 'random' | 'readPasswordFile'>,
): Promise<{ contents: DeliveryContents; newPkcs12Password?: string }> {
  const certificate = encodePem('CERTIFICATE', der);
  const chain = authority.issuing ? certificate + encodePem('CERTIFICATE', authority.issuing) : certificate;
  const ca = encodePem('CERTIFICATE', authority.root);
  if (key === undefined) return { contents: { certificate, chain, ca } };
  const contents = { certificate, chain, ca, privateKey: key, bundle: key + chain };
  const { pkcs12 } = client.policy;
  if (!pkcs12 || client.policy.delivery.kind === 'stdout') return { contents };
  const password = await pkcs12Password(client, ports);
  return {
    contents: {
      ...contents,
      pkcs12: encodePkcs12({
        kind: pkcs12.kind,
        privateKey: readPrivateKey(key).pkcs8,
        certificate: der,
        chain: authority.issuing ? [authority.issuing, authority.root] : [authority.root],
        friendlyName: client.name,
        password: password.text,
        ...(password.kept ? { iterations: pkcs12Iterations.drawn } : {}),
        random: ports.random,
      }),
      ...(password.kept ? { pkcs12Password: password.text } : {}),
    },
    ...(password.isNew ? { newPkcs12Password: password.text } : {}),
  };
}

/**
 * The password of a client's PKCS#12: from its file, the one drawn at the last delivery, or one drawn now. Passwords
 * that we drew have 125 random bits, and are kept beside the file.
 */
async function pkcs12Password(
  client: Client,
  ports: Pick<Ports, 'deliveries' | 'random' | 'readPasswordFile'>,
): Promise<{ text: string; kept: boolean; isNew: boolean }> {
  const { pkcs12, delivery } = client.policy;
  if (pkcs12?.passwordFile !== undefined) {
    return { text: await ports.readPasswordFile(pkcs12.passwordFile), kept: false, isNew: false };
  }
  const kept = await ports.deliveries.readPkcs12Password(client.name, delivery);
  return kept === undefined
    ? { text: newPassword(ports.random), kept: true, isNew: true }
    : { text: kept, kept: true, isNew: false };
}

/** A password of 125 random bits in base 32 with Crockford's letters, in groups that a person can read out. */
function newPassword(random: RandomOctets): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
  const characters = [...random(25)].map((octet) => alphabet[octet & 31]).join('');
  return characters.replace(/(.{5})(?=.)/g, '$1-');
}

/** A password that we drew is shown once, and not when the hook fails: what fails then says where it is kept. */
async function explainPassword(
  { pkcs12PasswordFile }: DeliveryPaths,
  runHook: () => Promise<void>,
): Promise<void> {
  try {
    await runHook();
  } catch (error) {
    if (!(error instanceof CaError) || pkcs12PasswordFile === undefined) throw error;
    const before = error.hint === undefined ? '' : `${error.hint}; `;
    throw new CaError(error.code, error.message, {
      hint: `${before}the PKCS#12 password is in ${pkcs12PasswordFile}`,
      cause: error,
    });
  }
}

async function runDeliveryHook(
  client: Client,
  certificate: RecordedCertificate,
  files: DeliveryPaths,
  settings: Settings,
  runHook: RunHook,
): Promise<void> {
  const { hook } = client.policy;
  if (hook === undefined) return;
  await runHookOrThrow(
    runHook,
    hook,
    hookFacts(client.name, certificate, files),
    settings.hookTimeoutMs,
    `the hook of ${client.name}`,
  );
}

/** Runs a hook; throws `authority/hook-failed` with what it printed unless it exits 0 in time. */
export async function runHookOrThrow(
  runHook: RunHook,
  command: string,
  facts: Readonly<Record<string, string>>,
  timeoutMs: number,
  name: string,
): Promise<void> {
  const { exitCode, output } = await runHook(command, facts, timeoutMs);
  if (exitCode === 0) return;
  const outcome = exitCode === undefined ? `was stopped after ${timeoutMs / 1000} s` : `exited ${exitCode}`;
  const lines = output.trim().split(/\s*\n\s*/);
  const said = output.trim() === '' ? 'it printed nothing' : `it printed: ${lines.join(' | ')}`;
  throw new CaError('authority/hook-failed', `${name} ${outcome}; ${said}`, {
    hint: 'mend the hook; ca renew runs it again',
  });
}

function hookFacts(
  client: ClientName,
  certificate: RecordedCertificate,
  files: DeliveryPaths,
): Record<string, string> {
  return {
    CA_CLIENT: client,
    CA_SERIAL: certificate.serial,
    CA_SUBJECT: certificate.subject,
    CA_NOT_AFTER: formatInstant(certificate.notAfter),
    CA_DIRECTORY: files.directory,
    CA_CERTIFICATE: files.certificate,
    CA_CHAIN: files.chain,
    CA_ROOT: files.ca,
    ...(files.privateKey === undefined ? {} : { CA_PRIVATE_KEY: files.privateKey }),
    ...(files.bundle === undefined ? {} : { CA_BUNDLE: files.bundle }),
    ...(files.pkcs12 === undefined ? {} : { CA_PKCS12: files.pkcs12 }),
  };
}
