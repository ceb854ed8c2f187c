import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InitResult } from '../../src/authority/init.ts';
import type { IssueResult } from '../../src/authority/issue-plan.ts';
import type { RenewResult } from '../../src/authority/renew.ts';
import type { RevokeResult } from '../../src/authority/revoke.ts';
import { dayMs } from '../../src/core/duration.ts';
import { addMs, formatInstant } from '../../src/core/instant.ts';
import { openCa } from '../support/built-cli.ts';
import type { MutualTlsServer } from '../support/mutual-tls.ts';
import { startNodeServer } from '../support/node-server.ts';
import { describeWith, judge, sharedDirectory, temporaryDirectory } from '../support/outside-program.ts';
import {
  authorities,
  goodLeaves,
  type LeafName,
  leafNames,
  leaves,
  type SampleAuthority,
  sampleOf,
  signBehindItsBack,
} from '../support/sample-authority.ts';

describeWith('java', 'keytool')('Java', () => {
  const answers = new Map<string, string>();
  // One virtual machine for all: it takes a second to start and to compile its program.
  beforeAll(async () => {
    const questions: Question[] = [];
    for (const authority of authorities) questions.push(...questionsOn(await sampleOf(authority)));
    const lines = await askJava(questions);
    for (const [index, question] of questions.entries()) answers.set(question.join(), lines[index] ?? '');
  }, 300_000);
  const answerTo = (question: Question) => answers.get(question.join());

  describe.each(authorities)('a CA of $name', (authority) => {
    const { twoTier } = authority;
    let sample: SampleAuthority;
    beforeAll(async () => {
      sample = await sampleOf(authority);
    });

    it.each(goodLeaves)(
      'validates %s with all CRLs (PKIX), and reads its purposes, names and end',
      (name) => {
        const { profile } = leaves[name];
        const purposes = { client: [clientAuth], server: [serverAuth], peer: [clientAuth, serverAuth] }[
          profile
        ];
        const serial = BigInt(`0x${sample.leaves[name].serial}`).toString(16);
        const end = formatInstant(sample.leaves[name].notAfter);
        expect(answerTo(validation(sample, name))).toBe(
          `valid: ${serial} [${purposes.join(', ')}] [${sanLists[name].join(', ')}] until ${end} by CN=Acme API CA`,
        );
      },
    );

    it('accepts the certificate that ends in 2056 in the year before, and not in the year after', () => {
      const [before, after] = beyond2050(sample);
      expect(answerTo(before)).toMatch(/^valid: /);
      expect(answerTo(after)).toMatch(/^refused: EXPIRED: /);
    });

    it('refuses the revoked certificate', () => {
      expect(answerTo(validation(sample, 'lost'))).toMatch(/^refused: REVOKED: .*KEY_COMPROMISE/);
    });

    it.each(leafNames)('loads the PKCS#12 of %s as a KeyStore, with its key and whole chain', (name) => {
      const algorithm = { p: 'EC', e: 'EdDSA', r: 'RSA' }[leaves[name].key.slice(0, 1)];
      expect(answerTo(opening(sample, name))).toBe(
        `1 entry: ${name}, key ${algorithm}, chain of ${twoTier ? 3 : 2}`,
      );
    });

    it('refuses the PKCS#12 with a wrong password', () => {
      expect(answerTo(opening(sample, 'plain', 'wrong'))).toContain('keystore password was incorrect');
    });

    it('reads our files with keytool: PKCS#12, certificate and CRL', () => {
      const { certificate, pkcs12, password, serial } = sample.leaves.plain;
      const list = keytool(
        '-list',
        '-v',
        '-storetype',
        'PKCS12',
        '-keystore',
        pkcs12,
        '-storepass',
        password,
      );
      expect(list).toContain('Alias name: plain\n');
      expect(list).toContain(`Certificate chain length: ${twoTier ? 3 : 2}\n`);
      expect(keytool('-printcert', '-file', certificate)).toContain(
        `Serial number: ${BigInt(`0x${serial}`).toString(16)}\n`,
      );
      const { crl, revoked } = sample.revoked;
      // It prints octets, here with colons and there with spaces.
      const printed = keytool('-printcrl', '-file', crl?.files.der ?? '')
        .replace(/[:\s]/g, '')
        .toLowerCase();
      expect(printed).toContain(`revokedcertificates${crl?.entries}[1]serialnumber${revoked[0]?.serial}`);
      expect(printed).toContain('reasoncodekey_compromise');
      expect(printed).toContain(
        `crlnumber${BigInt(crl?.number ?? 0)
          .toString(16)
          .padStart(12, '0')}`,
      );
    });
  });
});

describeWith('java', 'openssl')('Java: name constraints', () => {
  it.each([
    ['root only', []],
    ['two tiers', ['--two-tier']],
  ])('%s: accepts a name inside, and refuses one outside that openssl signed', async (name, tiers) => {
    const ca = openCa(join(temporaryDirectory(), 'home'));
    const init = [
      'init',
      '--name',
      'Acme API CA',
      '--no-passphrase',
      '--permit-dns',
      'acme.example',
      ...tiers,
    ];
    const { files } = ca.do<InitResult>(...init);
    const inside = ca.do<IssueResult>('issue', 'inside', '--dns', 'billing.acme.example').files.chain ?? '';
    const forged = signBehindItsBack(ca, files.chain ?? files.certificate, 'acme.example.evil.example');
    const outside = join(ca.home, 'outside-chain.crt');
    const chain = [forged, ...(files.chain === undefined ? [] : [files.chain])];
    writeFileSync(outside, chain.map((path) => readFileSync(path, 'utf8')).join(''));
    const crls = join(ca.home, 'crl', tiers.length === 0 ? 'ca.crl.pem' : 'all.crl.pem');
    const answers = await askJava(
      [inside, outside].map((path) => ['validate', files.certificate, crls, path]),
    );
    expect(answers[0]).toMatch(/^valid: /);
    // The JDK takes a trust anchor's own name constraints only when it is told to (field notes: put them on the intermediate).
    expect(answers[1]).toMatch(name === 'root only' ? /^valid: |INVALID_NAME/ : /^refused: INVALID_NAME/);
  });
});

describeWith('java')('Java: TLS client with a PKCS#12 against Node https', () => {
  let server: MutualTlsServer | undefined;
  afterAll(() => server?.stop());

  it('is served by name, refused after revocation, and served again after renewal', async () => {
    const ca = openCa(join(sharedDirectory(), 'home'));
    const { files } = ca.do<InitResult>('init', '--name', 'Acme API CA', '--no-passphrase', '--two-tier');
    const own = ca.do<IssueResult>('issue', 'api', '--profile', 'server', '--dns', 'localhost').files;
    const { rootCrlPem = '' } = files;
    server = await startNodeServer({
      bundle: own.bundle ?? '',
      ca: files.certificate,
      crls: [files.crlPem, rootCrlPem],
    });
    const target = [`${server.port}`, files.certificate];
    const clients = ['modern', 'compat', 'rsa'].map((client) => {
      const options = [
        '--p12',
        client === 'compat' ? 'compat' : 'modern',
        ...(client === 'rsa' ? ['--key', 'rsa2048'] : []),
      ];
      const issued = ca.do<IssueResult>('issue', client, ...options);
      return ['request', ...target, issued.files.pkcs12 ?? '', issued.pkcs12Password ?? ''];
    });
    expect(await askJava([...clients, ['request', ...target]])).toEqual([
      '200 modern',
      '200 compat',
      '200 rsa',
      expect.stringMatching(/^refused: /),
    ]);
    expect(server.refusals()).toContain('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');

    ca.do<RevokeResult>('revoke', 'modern');
    ca.do<RenewResult>('renew', 'compat', '--force');
    await server.reload();
    expect(await askJava(clients)).toEqual([expect.stringMatching(/^refused: /), '200 compat', '200 rsa']);
    expect(server.refusals()).toContain('CERT_REVOKED');
  });
});

const clientAuth = '1.3.6.1.5.5.7.3.2';
const serverAuth = '1.3.6.1.5.5.7.3.1';

/** Subject alternative names as Java lists them: type by tag, and value. */
const sanLists: Readonly<Record<(typeof goodLeaves)[number], readonly string[]>> = {
  plain: [],
  person: ['[1, ops@acme.example]'],
  workload: ['[6, spiffe://acme.example/billing]'],
  nameless: ['[6, https://acme.example/clients?id=7]'],
  web: ['[2, api.acme.example]', '[2, *.api.acme.example]', '[7, 192.0.2.7]', '[7, 2001:db8:0:0:0:0:0:7]'],
  node: ['[2, node-1.acme.example]'],
  lasting: [],
};

/** The words of a line that Judge.java answers. */
type Question = readonly string[];

function questionsOn(sample: SampleAuthority): readonly Question[] {
  return [
    ...leafNames.flatMap((name) => [validation(sample, name), opening(sample, name)]),
    opening(sample, 'plain', 'wrong'),
    ...beyond2050(sample),
  ];
}

function validation(sample: SampleAuthority, name: LeafName): Question {
  return ['validate', sample.root, sample.allCrls, sample.leaves[name].chain];
}

function opening(sample: SampleAuthority, name: LeafName, password = sample.leaves[name].password): Question {
  return ['store', sample.leaves[name].pkcs12, password];
}

function beyond2050({ root, leaves: { lasting } }: SampleAuthority): readonly [Question, Question] {
  const { chain, notAfter } = lasting;
  const at = (days: number) => formatInstant(addMs(notAfter, days * dayMs));
  return [
    ['validate-at', root, at(-365), chain],
    ['validate-at', root, at(365), chain],
  ];
}

/** The answers of Judge.java, which Java compiles as it runs it. */
function askJava(commands: readonly Question[]): Promise<string[]> {
  const program = join(import.meta.dirname, 'java', 'Judge.java');
  return new Promise((resolve, reject) => {
    const child = execFile('java', ['-XX:TieredStopAtLevel=1', program], (error, stdout) => {
      if (error) reject(error);
      else resolve(stdout.trimEnd().split('\n'));
    });
    child.stdin?.end(commands.map((words) => `${words.join('\t')}\n`).join(''));
  });
}

function keytool(...args: readonly string[]): string {
  const { text, exitCode } = judge('keytool', ['-J-XX:TieredStopAtLevel=1', '-J-XX:+UseSerialGC', ...args]);
  expect(exitCode, text).toBe(0);
  return text;
}
