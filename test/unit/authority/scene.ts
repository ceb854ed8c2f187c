import { X509Certificate } from 'node:crypto';
import { type InitRequest, init } from '../../../src/authority/init.ts';
import { issue } from '../../../src/authority/issue.ts';
import type { IssueRequest, IssueResult } from '../../../src/authority/issue-plan.ts';
import { type CrlRequest, crl } from '../../../src/authority/publish-crl.ts';
import { type RenewResult, renew } from '../../../src/authority/renew.ts';
import type { RenewRequest } from '../../../src/authority/renewal-run.ts';
import { type RevokeRequest, type RevokeResult, revoke } from '../../../src/authority/revoke.ts';
import { parseSettings, type Settings } from '../../../src/authority/settings.ts';
import { CaError } from '../../../src/core/ca-error.ts';
import { type ClientName, parseClientName } from '../../../src/core/client-name.ts';
import { dayMs } from '../../../src/core/duration.ts';
import { parseSerial, type Serial } from '../../../src/core/serial.ts';
import type { CertificateRecord } from '../../../src/ledger/record.ts';
import { crlRevocations, decodeCrl } from '../../../src/x509/crl.ts';
import { MemoryWorld } from '../../support/memory-ports.ts';

/** An authority in memory, and its use cases with what a test leaves out filled in. */
export class Scene {
  readonly world = new MemoryWorld();
  settings: Settings = parseSettings('{"version":1}');

  /** Sets what `ca.json` says. */
  configure(document: object): void {
    this.settings = parseSettings(JSON.stringify({ version: 1, ...document }));
  }

  issue(client: string, request: Partial<IssueRequest> = {}): Promise<IssueResult> {
    return issue(
      { client: parseClientName(client), again: false, dryRun: false, ...request },
      this.settings,
      this.world.ports,
      (result) => this.print(result),
    );
  }

  /** What standard output is told; a test may have it fail. */
  print = (_result: IssueResult): void => {};

  /** Issues, and gives the serial. */
  async serialOf(client: string, request: Partial<IssueRequest> = {}): Promise<Serial> {
    const { serial } = await this.issue(client, request);
    if (serial === undefined) throw new Error('no serial');
    return serial;
  }

  revoke(target: string, request: Partial<RevokeRequest> = {}): Promise<RevokeResult> {
    const defaults = { file: undefined, reason: 'unspecified', serialOnly: false, dryRun: false } as const;
    return revoke({ target, ...defaults, ...request }, this.settings, this.world.ports);
  }

  renew(request: Partial<RenewRequest> = {}): Promise<RenewResult> {
    const defaults = { clients: [], force: false, jitterMs: 0, dryRun: false };
    return renew({ ...defaults, ...request }, this.settings, this.world.ports);
  }

  crl(request: Partial<CrlRequest> = {}): ReturnType<typeof crl> {
    return crl({ ifDue: false, root: false, dryRun: false, ...request }, this.settings, this.world.ports);
  }

  days(count: number): void {
    this.world.advance(count * dayMs);
  }

  async record(serial: string): Promise<CertificateRecord> {
    const record = await this.world.state.certificate(parseSerial(serial));
    if (!record) throw new Error(`no certificate ${serial}`);
    return record;
  }

  /** What is in place for a client now, read by node:crypto. */
  inPlace(client: string): X509Certificate {
    const { versions, current } = this.world.delivery(client);
    return new X509Certificate((current && versions.get(current)?.certificate) ?? '');
  }

  /** The serials on the published CRL. */
  onCrl(issuer: 'root' | 'issuing' = 'root'): Serial[] {
    return revokedSerials(this.world.crls.get(issuer)?.der ?? new Uint8Array());
  }
}

/** An authority with unencrypted keys, unless asked otherwise. */
export async function openScene(request: Partial<InitRequest> = {}): Promise<Scene> {
  const scene = new Scene();
  await init({ ...plainAuthority, ...request }, scene.world.ports);
  return scene;
}

export const plainAuthority: InitRequest = {
  name: 'Acme API CA',
  key: 'p256',
  validityMs: 3650 * dayMs,
  twoTier: false,
  permitDns: [],
  crlUrls: [],
  encryptKeys: false,
  dryRun: false,
};

/** The serials of a CRL in DER. */
export function revokedSerials(der: Uint8Array): Serial[] {
  return [...crlRevocations(decodeCrl(der))].map(({ serial }) => serial);
}

/** Those client names, parsed. */
export function names(...clients: string[]): ClientName[] {
  return clients.map(parseClientName);
}

/** The refusal that the work ends in. Throws anything else that it throws, and if it goes through. */
export async function refusalIn(work: Promise<unknown>): Promise<CaError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CaError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
