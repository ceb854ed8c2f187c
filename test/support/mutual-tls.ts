import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InitResult } from '../../src/authority/init.ts';
import type { IssueResult } from '../../src/authority/issue-plan.ts';
import type { CrlResult } from '../../src/authority/publish-crl.ts';
import type { RenewResult } from '../../src/authority/renew.ts';
import type { RevokeResult } from '../../src/authority/revoke.ts';
import { addMs } from '../../src/core/instant.ts';
import { type Ca, type Json, openCa } from './built-cli.ts';
import { sharedDirectory } from './outside-program.ts';
import { type Answer, type ClientFiles, curlPem, curlPkcs12, nodeHttps, nodeRequest } from './tls-client.ts';

/** What a server is configured with: the paths that `ca` printed. */
export interface ServerFiles {
  /** A new directory, for configuration and logs. */
  readonly directory: string;
  /** The server's own certificate: key and chain in one PEM. */
  readonly bundle: string;
  readonly chain: string;
  readonly privateKey: string;
  /** What clients' certificates are checked against: the root. */
  readonly ca: string;
  /** The CRL of each CA in a chain, in PEM, one a file. */
  readonly crls: readonly string[];
  /** The same CRLs in one PEM. */
  readonly allCrls: string;
}

/** A server that answers 200 to a client with a good certificate, and puts its name in the header X-Client. */
export interface MutualTlsServer {
  readonly port: number;
  /** Reads the CRLs anew, the way its operators do it; the old ones are gone when it returns. */
  reload(): Promise<void>;
  /** What it has written so far about those that it refused. */
  refusals(): string;
  stop(): Promise<void>;
}

/**
 * Why a certificate is refused, with OpenSSL's numbers for it (X509_V_ERR_…); a missing certificate has none. Servers
 * that look on after the first fault log the last one: of a foreign issuer, that its signature or CRL is not there.
 */
export const refusalReasons = {
  none: [],
  revoked: [23],
  expired: [10],
  crlExpired: [12],
  wrongPurpose: [26],
  foreign: [20, 21, 3],
} as const satisfies Record<string, readonly number[]>;

export type RefusalReason = keyof typeof refusalReasons;

/** A kind of server under test. */
export interface ServerUnderTest {
  start(files: ServerFiles): Promise<MutualTlsServer>;
  /** How its log says that a client was refused for that reason. */
  refusal(reason: RefusalReason): RegExp;
}

const dayMs = 24 * 3_600_000;

/**
 * A real server that requires client certificates of an authority made by the built CLI, from its first day with an
 * expired CRL to a revocation and a renewal. The tests of one tier build upon each other.
 */
export function testMutualTls(server: ServerUnderTest): void {
  describe.each([
    ['root only', []],
    ['two tiers', ['--two-tier']],
  ])('%s', (_name, tiers) => {
    let scene: Scene;
    beforeAll(async () => {
      scene = await openScene(server, tiers);
    });
    afterAll(() => scene?.running.stop());

    it('refuses everybody while the CRL is expired, until `ca crl` and a reload', async () => {
      const { ca, clients } = scene;
      await expectRefused('crlExpired', () => curlPem(scene.target, clients.good.files));
      ca.do<CrlResult>('crl');
      await scene.running.reload();
      expect(await curlPem(scene.target, clients.good.files)).toMatchObject(served('good'));
    });

    it('serves the good client by name: curl with PEM', async () => {
      expect(await curlPem(scene.target, scene.clients.good.files)).toMatchObject(served('good'));
    });

    it.each(['modern', 'compat'] as const)('serves the good client: curl with PKCS#12, %s', async (kind) => {
      const { files, password } = scene.clients[kind];
      expect(await curlPkcs12(scene.target, files.pkcs12, password)).toMatchObject(served(kind));
    });

    it('serves the good client: Node https', async () => {
      expect(await nodeHttps(scene.target, scene.clients.good.files)).toMatchObject(served('good'));
    });

    it.each([
      ['none', 'no certificate'],
      ['foreign', 'a certificate of a CA of the same name with another key'],
      ['expired', 'an expired certificate'],
      ['wrongPurpose', 'the certificate of a server'],
    ] as const)('refuses, as %s, %s', async (reason, _certificate) => {
      const files = scene.refused[reason];
      await expectRefused(reason, () => curlPem(scene.target, files));
      await expectRefused(reason, () => nodeHttps(scene.target, files));
    });

    it('refuses the revoked client after its normal reload, even with a session from before', async () => {
      const { ca, clients } = scene;
      const { files } = clients.lost;
      const versions = ['TLSv1.2', 'TLSv1.3'] as const;
      const before = [];
      for (const version of versions) before.push(await nodeRequest(scene.target, files, { version }));
      expect(before.map(({ answer }) => answer)).toMatchObject([served('lost'), served('lost')]);

      ca.do<RevokeResult>('revoke', 'lost', '--reason', 'keyCompromise');
      await scene.running.reload();
      await expectRefused('revoked', () => curlPem(scene.target, files));
      await expectRefused('revoked', () => nodeHttps(scene.target, files));
      for (const [index, version] of versions.entries()) {
        const { answer, resumed } = await nodeRequest(scene.target, files, {
          version,
          session: before[index]?.session,
        });
        expect(answer, `${version}, resumed: ${resumed}`).toMatchObject(refused);
      }
      await expectRefused('revoked', () => curlPkcs12(scene.target, files.pkcs12, clients.lost.password));
    });

    it('still serves the good client after that reload', async () => {
      expect(await curlPem(scene.target, scene.clients.good.files)).toMatchObject(served('good'));
      expect(await nodeHttps(scene.target, scene.clients.good.files)).toMatchObject(served('good'));
    });

    it('serves the renewed client from the same paths, and its old certificate during the overlap', async () => {
      const { ca, clients, directory } = scene;
      const { files, password } = clients.modern;
      const old = join(directory, 'old.pem');
      copyFileSync(files.bundle, old);
      const { renewed } = ca.do<RenewResult>('renew', 'modern', '--force');
      expect(renewed).toMatchObject([{ client: 'modern', supersedes: clients.modern.serial, files }]);
      expect(await curlPem(scene.target, files)).toMatchObject(served('modern'));
      expect(await curlPkcs12(scene.target, files.pkcs12, password)).toMatchObject(served('modern'));
      expect(await nodeHttps(scene.target, files)).toMatchObject(served('modern'));
      expect(await curlPem(scene.target, { bundle: old })).toMatchObject(served('modern'));
    });

    async function expectRefused(reason: RefusalReason, request: () => Promise<Answer>): Promise<void> {
      const logged = scene.running.refusals().length;
      expect(await request()).toMatchObject(refused);
      await expect
        .poll(() => scene.running.refusals().slice(logged), patience)
        .toMatch(server.refusal(reason));
    }
  });
}

const patience = { timeout: 10_000, interval: 50 };

/** A client with all its files. */
interface SceneClient {
  readonly serial: string | undefined;
  readonly files: ClientFiles & { readonly pkcs12: string };
  readonly password: string;
}

interface Scene {
  readonly directory: string;
  readonly ca: Ca;
  readonly clients: Readonly<Record<'good' | 'modern' | 'compat' | 'lost', SceneClient>>;
  readonly refused: Readonly<
    Record<'none' | 'foreign' | 'expired' | 'wrongPurpose', ClientFiles | undefined>
  >;
  readonly running: MutualTlsServer;
  readonly target: { readonly port: number; readonly ca: string };
}

async function openScene(server: ServerUnderTest, tiers: readonly string[]): Promise<Scene> {
  const directory = sharedDirectory();
  const init = ['init', '--name', 'Acme API CA', '--no-passphrase', ...tiers];
  const ca = openCa(join(directory, 'home'));
  const longAgo = ca.at(addMs(new Date(), -40 * dayMs));
  const { files: authority } = longAgo.do<InitResult>(...init);
  const expired = longAgo.do<IssueResult>('issue', 'expired', '--validity', '1d');
  const own = ca.do<IssueResult>(
    'issue',
    'api',
    '--profile',
    'server',
    '--dns',
    'localhost',
    '--ip',
    '127.0.0.1',
  );
  const other = openCa(join(directory, 'other'));
  other.do<InitResult>(...init);
  const crls = [authority.crlPem, ...(authority.rootCrlPem === undefined ? [] : [authority.rootCrlPem])];
  const { bundle, chain, privateKey } = filesOf(own);
  const running = await server.start({
    directory: sharedDirectory(),
    bundle,
    chain,
    privateKey,
    ca: authority.certificate,
    crls,
    allCrls: tiers.length === 0 ? authority.crlPem : join(ca.home, 'crl', 'all.crl.pem'),
  });
  return {
    directory,
    ca,
    clients: {
      good: onboard(ca, 'good', 'modern'),
      modern: onboard(ca, 'modern', 'modern'),
      compat: onboard(ca, 'compat', 'compat'),
      lost: onboard(ca, 'lost', 'modern'),
    },
    refused: {
      none: undefined,
      foreign: filesOf(other.do<IssueResult>('issue', 'good')),
      expired: filesOf(expired),
      wrongPurpose: filesOf(own),
    },
    running,
    target: { port: running.port, ca: authority.certificate },
  };
}

function onboard(ca: Ca, client: string, pkcs12: 'modern' | 'compat'): SceneClient {
  const issued = ca.do<IssueResult>('issue', client, '--p12', pkcs12);
  return { serial: issued.serial, files: filesOf(issued), password: issued.pkcs12Password ?? '' };
}

/** The paths in a result; those that were not made are empty. */
function filesOf({ files }: Json<IssueResult>) {
  const { bundle = '', chain = '', privateKey = '', pkcs12 = '' } = files;
  return { bundle, chain, privateKey, pkcs12 };
}

/** The answer to a client of that name; servers write the whole subject or its common name. */
function served(client: string) {
  return { status: 200, client: expect.stringMatching(new RegExp(`^(CN=)?${client}$`)) };
}

const refused = { status: expect.toSatisfy((status?: number) => status !== 200), client: undefined };
