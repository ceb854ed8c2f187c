import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CaError } from '../../../src/core/ca-error.ts';
import { dayMs } from '../../../src/core/duration.ts';
import { parseSan } from '../../../src/core/san.ts';
import { boolean, octetString, oid, sequence } from '../../../src/x509/der-writer.ts';
import { extension, extensionRequest, handmadeCsr } from '../../support/handmade-csr.ts';
import { openScene, refusalIn } from './scene.ts';

const keyOf = (pem = ''): KeyObject => createPrivateKey(pem);
const dns = (name: string) => [parseSan('dns', name)];

describe('issue', () => {
  it('gives a client a certificate of its own, signed by the CA, with the key in place', async () => {
    const scene = await openScene();
    const result = await scene.issue('billing');
    const leaf = scene.inPlace('billing');
    const root = new X509Certificate(scene.world.certificates.get('ca.crt') ?? '');
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(result).toEqual({
      client: 'billing',
      serial: leaf.serialNumber.toLowerCase(),
      subject: 'CN=billing',
      profile: 'client',
      notBefore: new Date('2026-11-22T09:25:00Z'),
      notAfter: new Date('2027-02-20T09:30:00Z'),
      fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
      files: {
        directory: '/ca/clients/billing',
        certificate: '/ca/clients/billing/billing.crt',
        chain: '/ca/clients/billing/billing.chain.crt',
        ca: '/ca/clients/billing/ca.crt',
        privateKey: '/ca/clients/billing/billing.key',
        bundle: '/ca/clients/billing/billing.pem',
      },
    });
    const { versions, current } = scene.world.delivery('billing');
    const contents = current && versions.get(current);
    expect(leaf.checkPrivateKey(keyOf(contents?.privateKey))).toBe(true);
    expect(contents?.bundle).toBe(`${contents?.privateKey}${contents?.chain}`);
    expect(scene.world.entries('delivered')).toMatchObject([{ client: 'billing', serial: result.serial }]);
  });

  it('presents the issuing CA with the leaf when there are two tiers', async () => {
    const scene = await openScene({ twoTier: true });
    await scene.issue('billing');
    const { versions, current } = scene.world.delivery('billing');
    const contents = current && versions.get(current);
    expect(contents?.chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(contents?.ca).toBe(scene.world.certificates.get('ca.crt'));
    const issuing = new X509Certificate(scene.world.certificates.get('chain.crt') ?? '');
    expect(scene.inPlace('billing').verify(issuing.publicKey)).toBe(true);
  });

  it('takes a plus sign in a client name into the CN', async () => {
    const scene = await openScene();
    expect(await scene.issue('ops+eu@example.com')).toMatchObject({ subject: 'CN=ops\\+eu@example.com' });
  });

  it('asks for --again when the client has a live certificate, and records nothing', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    const lines = scene.world.lines.length;
    expect(await refusalIn(scene.issue('billing'))).toMatchObject({
      code: 'authority/client-exists',
      message: `billing has a certificate until 2027-02-20: ${serial}`,
    });
    expect(scene.world.lines).toHaveLength(lines);
  });

  it('keeps the client’s policy, and supersedes the certificate before', async () => {
    const scene = await openScene();
    const policy = {
      profile: 'peer',
      subjectAltNames: dns('api.example.com'),
      subject: 'CN=billing,O=Acme',
      validity: '30d',
      key: 'p384',
      hook: 'reload',
    } as const;
    const first = await scene.serialOf('billing', policy);
    const second = await scene.issue('billing', { again: true });
    expect(second).toMatchObject({ supersedes: first, profile: 'peer', subject: 'CN=billing,O=Acme' });
    expect(scene.inPlace('billing').subjectAltName).toBe('DNS:api.example.com');
    expect(scene.inPlace('billing').publicKey.asymmetricKeyDetails?.namedCurve).toBe('secp384r1');
    expect(scene.world.hooks).toHaveLength(2);
    expect(scene.world.entries('client-added')).toHaveLength(1);
    expect(await scene.record(first)).toHaveProperty('supersededAt');
  });

  it('records a policy that was changed', async () => {
    const scene = await openScene();
    await scene.issue('billing', { hook: 'old' });
    await scene.issue('billing', { again: true, hook: 'new' });
    expect(scene.world.entries('client-added').map(({ policy }) => policy.hook)).toEqual(['old', 'new']);
  });

  it('needs no --again after the certificate expired or was revoked, and supersedes nothing then', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.days(91);
    expect(await scene.issue('billing')).not.toHaveProperty('supersedes');
    await scene.revoke('billing');
    expect(await scene.issue('billing')).not.toHaveProperty('supersedes');
  });

  it('makes the key for the policy that is recorded when another process changed it meanwhile', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    const [one, two] = await Promise.all([
      scene.issue('billing', { again: true, key: 'p384', delivery: { kind: 'directory', path: '/srv' } }),
      scene.issue('billing', { again: true, hook: 'reload' }),
    ]);
    const { keys, current } = scene.world.delivery('billing', { kind: 'directory', path: '/srv' });
    expect(current).toBe(two.serial);
    expect([...keys.keys()]).toEqual([one.serial, two.serial]);
    const key = keyOf(current && keys.get(current));
    expect(key.asymmetricKeyDetails?.namedCurve).toBe('secp384r1');
    expect([...scene.world.delivery('billing').keys.keys()]).not.toContain(two.serial);
  });

  it('issues to many clients at once, each with a serial of its own', async () => {
    const scene = await openScene();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => scene.issue(`client-${index}`)),
    );
    expect(new Set(results.map(({ serial }) => serial)).size).toBe(20);
  });

  it.each([
    ['Billing', 'billing'],
    ['JÖRG', 'jörg'],
    ['ﬁrma', 'firma'],
  ])('refuses %s beside %s, which differs in case or Unicode form alone', async (second, first) => {
    const scene = await openScene();
    await scene.issue(first);
    expect(await refusalIn(scene.issue(second))).toMatchObject({
      code: 'authority/client-name-collision',
      message: `client name "${second}" differs from "${first}" in case or Unicode form alone`,
    });
  });

  it('refuses the collision also when the other name came first by a moment', async () => {
    const scene = await openScene();
    const both = await Promise.allSettled([scene.issue('billing'), scene.issue('Billing')]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(scene.world.delivery('Billing').keys.size).toBe(0);
  });

  it('draws a serial of 16 octets, again when the ledger knows it or it begins with zero', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing');
    expect(serial).toHaveLength(32);
    const known = Buffer.from(serial, 'hex');
    const zero = Buffer.concat([Buffer.of(0x80), known.subarray(1)]);
    const fresh = Buffer.alloc(16, 0xc5);
    const drawn = [known, zero, fresh];
    const { ports } = scene.world;
    Object.assign(ports, {
      random: (length: number) => Uint8Array.from(drawn.shift() ?? Buffer.alloc(length)),
    });
    expect(await scene.serialOf('other', { csr: handmadeCsr() })).toBe(`45${'c5'.repeat(15)}`);
  });

  it('refuses in a dry run what the linter will refuse', async () => {
    const scene = await openScene();
    // Nothing that can be asked for is left to the linter: what the settings would refuse is.
    Object.assign(scene.settings.crl, { urls: ['ldap://acme.example/crl'] });
    for (const csr of [undefined, handmadeCsr()]) {
      const request = csr ? { csr } : {};
      const dry = await refusalIn(scene.issue('billing', { ...request, dryRun: true }));
      const real = await refusalIn(scene.issue('billing', request));
      expect([dry.code, dry.message]).toEqual(['lint/refused', real.message]);
    }
  });

  it('takes a name that is given twice once', async () => {
    const scene = await openScene();
    await scene.issue('billing', { subjectAltNames: [...dns('a.example'), ...dns('a.example')] });
    expect(scene.inPlace('billing').subjectAltName).toBe('DNS:a.example');
    expect(scene.world.entries('client-added')[0]?.policy.subjectAltNames).toEqual(dns('a.example'));
  });

  it('takes the hook away that is given empty', async () => {
    const scene = await openScene();
    await scene.issue('billing', { hook: 'reload' });
    await scene.issue('billing', { again: true, hook: '' });
    expect(scene.world.hooks).toHaveLength(1);
    expect(scene.world.entries('client-added').map(({ policy }) => policy.hook)).toEqual([
      'reload',
      undefined,
    ]);
    await scene.issue('other', { hook: '' });
    expect(scene.world.entries('client-added')[2]?.policy).not.toHaveProperty('hook');
  });

  it('changes nothing in a dry run', async () => {
    const scene = await openScene({ encryptKeys: true });
    const lines = scene.world.lines.length;
    scene.world.passphraseAsked.length = 0;
    const result = await scene.issue('billing', { dryRun: true });
    expect(result).toMatchObject({ client: 'billing', files: {} });
    expect(result).not.toHaveProperty('serial');
    expect(scene.world.lines).toHaveLength(lines);
    expect(scene.world.deliveries.size).toBe(0);
    expect(scene.world.passphraseAsked).toEqual([]);
  });

  it('gives the texts, and writes no files, for standard output', async () => {
    const scene = await openScene();
    const { pem, files } = await scene.issue('billing', { delivery: { kind: 'stdout' } });
    expect(files).toEqual({});
    expect(new X509Certificate(pem?.certificate ?? '').checkPrivateKey(keyOf(pem?.privateKey))).toBe(true);
    expect(scene.world.deliveries.size).toBe(0);
  });

  it('makes a PKCS#12 with a password that is shown once and kept for renewals', async () => {
    const scene = await openScene();
    const first = await scene.issue('billing', { pkcs12: { kind: 'compat' } });
    expect(first.pkcs12Password).toMatch(/^([0-9a-z]{5}-){4}[0-9a-z]{5}$/);
    expect(first.files.pkcs12).toBe('/ca/clients/billing/billing.p12');
    const second = await scene.issue('billing', { again: true });
    expect(second).not.toHaveProperty('pkcs12Password');
    const { versions } = scene.world.delivery('billing');
    expect([...versions.values()].map(({ pkcs12Password }) => pkcs12Password)).toEqual([
      first.pkcs12Password,
      first.pkcs12Password,
    ]);
  });

  it('takes a PKCS#12’s password from its file, and keeps it nowhere else', async () => {
    const scene = await openScene();
    scene.world.passwordFiles.set('/etc/p12', 'secret of the team');
    const result = await scene.issue('billing', { pkcs12: { kind: 'compat', passwordFile: '/etc/p12' } });
    expect(result).not.toHaveProperty('pkcs12Password');
    const { versions, current } = scene.world.delivery('billing');
    expect(current && versions.get(current)).not.toHaveProperty('pkcs12Password');
  });
});

describe('issue for a CSR', () => {
  it('signs the key of the request and hands out none', async () => {
    const scene = await openScene();
    const result = await scene.issue('billing', { csr: handmadeCsr() });
    expect(result.files).not.toHaveProperty('privateKey');
    expect(scene.world.entries('client-added')[0]?.policy.key).toBe('csr');
    expect(scene.world.delivery('billing').keys.size).toBe(0);
  });

  it('copies no extension, and says what was not granted', async () => {
    const scene = await openScene();
    const names = sequence(Uint8Array.of(0x82, 4, ...Buffer.from('evil')));
    const csr = handmadeCsr({
      attributes: [
        extensionRequest(
          extension('2.5.29.17', names),
          extension('2.5.29.37', sequence(oid('2.5.29.37.0'))),
          extension('1.2.3.4', octetString(Uint8Array.of(1))),
        ),
      ],
    });
    const result = await scene.issue('billing', { csr });
    expect(result.ignored).toEqual(['dns:evil', 'extKeyUsage', '1.2.3.4']);
    expect(scene.inPlace('billing').subjectAltName).toBeUndefined();
    expect(scene.inPlace('billing').keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  });

  it('takes its names if the profile allows it', async () => {
    const scene = await openScene();
    scene.configure({ profiles: { edge: { sanFromCsr: true } } });
    const names = sequence(Uint8Array.of(0x82, 3, ...Buffer.from('a.b')));
    const csr = handmadeCsr({ attributes: [extensionRequest(extension('2.5.29.17', names))] });
    expect(await scene.issue('billing', { csr, profile: 'edge' })).not.toHaveProperty('ignored');
    expect(scene.inPlace('billing').subjectAltName).toBe('DNS:a.b');
  });

  it('refuses one that asks to be a CA', async () => {
    const scene = await openScene();
    const csr = handmadeCsr({
      attributes: [extensionRequest(extension('2.5.29.19', sequence(boolean(true)), true))],
    });
    expect((await refusalIn(scene.issue('billing', { csr }))).code).toBe('x509/ca-requested');
  });

  it('refuses a key that was ever compromised, for whichever client', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing', { csr: handmadeCsr() });
    await scene.revoke('billing', { reason: 'keyCompromise' });
    expect(await refusalIn(scene.issue('other', { csr: handmadeCsr() }))).toMatchObject({
      code: 'authority/key-barred',
      message: `the key was compromised: certificate ${serial} of billing was revoked for it`,
    });
  });

  it('refuses the key also when it is compromised while the certificate is made', async () => {
    const scene = await openScene();
    await scene.issue('billing', { csr: handmadeCsr() });
    const lines = scene.world.lines.length;
    scene.world.overtake = async () => {
      await scene.revoke('billing', { reason: 'keyCompromise' });
    };
    expect((await refusalIn(scene.issue('other', { csr: handmadeCsr() }))).code).toBe('authority/key-barred');
    expect(scene.world.entries('issued')).toHaveLength(1);
    expect(scene.world.lines.length).toBeGreaterThan(lines);
  });

  it('asks for a request again when the client keeps its own key', async () => {
    const scene = await openScene();
    await scene.issue('billing', { csr: handmadeCsr() });
    expect(await refusalIn(scene.issue('billing', { again: true }))).toMatchObject({
      code: 'authority/key-not-found',
      message: 'billing keeps its own key, and no request was given',
    });
    await scene.issue('billing', { again: true, key: 'p256' });
    expect(scene.world.delivery('billing').keys.size).toBe(1);
  });
});

describe('issue refuses', () => {
  it.each([
    [
      'a server without a name',
      { profile: 'server' },
      'authority/san-required',
      'needs a name of type dns or ip',
    ],
    [
      'a server with an e-mail alone',
      { profile: 'server', subjectAltNames: [parseSan('email', 'a@b.example')] },
      'authority/san-required',
      'profile server',
    ],
    ['an empty subject without a name', { subject: '' }, 'authority/san-required', 'empty subject'],
    ['an unknown profile', { profile: 'admin' }, 'authority/unknown-profile', 'there is no profile "admin"'],
    ['a malformed subject', { subject: 'billing' }, 'core/invalid-name', 'is not TYPE=value'],
    [
      'a validity beyond the CA',
      { validity: '11y' },
      'authority/validity-exceeds-issuer',
      '2037-11-19T09:30:00Z, after its CA at 2036-11-19T09:30:00Z',
    ],
    [
      'a name outside the permitted ones',
      { subjectAltNames: dns('example.org') },
      'authority/name-not-permitted',
      'dns:example.org is outside the names that this CA may certify (example.com)',
    ],
    [
      'two SPIFFE IDs',
      { subjectAltNames: [parseSan('uri', 'spiffe://a/b'), parseSan('uri', 'spiffe://a/c')] },
      'core/invalid-san',
      'a certificate with a SPIFFE ID has 2 URI names > 1 allowed (SPIFFE X509-SVID §2)',
    ],
  ])('%s, and records nothing', async (_, request, code, message) => {
    const scene = await openScene({ permitDns: ['example.com'] });
    const refusal = await refusalIn(scene.issue('billing', request));
    expect(refusal).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(scene.world.entries('issued')).toEqual([]);
    expect(scene.world.delivery('billing').keys.size).toBe(0);
  });

  it('anything after the CA expired', async () => {
    const scene = await openScene({ validityMs: 30 * dayMs });
    scene.days(31);
    expect(await refusalIn(scene.issue('billing', { validity: '1d' }))).toMatchObject({
      code: 'authority/validity-exceeds-issuer',
      message: 'the CA expired at 2026-12-22T09:30:00Z',
    });
  });

  it('when the clock stands well before the last entry', async () => {
    const scene = await openScene();
    scene.world.advance(-6 * 60_000);
    expect((await refusalIn(scene.issue('billing'))).code).toBe('ledger/clock-behind');
    scene.world.clockConfirmed = true;
    await scene.issue('billing');
  });

  it('a wrong passphrase, a missing key, and the key of another CA', async () => {
    const scene = await openScene({ encryptKeys: true });
    scene.world.passphrase = 'wrong';
    expect((await refusalIn(scene.issue('billing'))).code).toBe('x509/wrong-passphrase');
    scene.world.caKeys.delete('root');
    expect(await refusalIn(scene.issue('billing'))).toMatchObject({
      code: 'authority/key-not-found',
      hint: 'bring it back as keys/root.key for this command',
    });
    const other = await openScene();
    await other.issue('x');
    scene.world.caKeys.set('root', [...other.world.delivery('x').keys.values()][0] ?? '');
    expect((await refusalIn(scene.issue('billing'))).code).toBe('authority/key-mismatch');
    expect(scene.world.deliveries.size).toBe(0);
  });

  it('a place where the files cannot go, before anything is signed', async () => {
    const scene = await openScene();
    scene.world.fail('checkDelivery', new CaError('store/occupied', 'something is there'));
    expect((await refusalIn(scene.issue('billing'))).code).toBe('store/occupied');
    expect(scene.world.entries('issued')).toEqual([]);
  });
});

describe('issue refuses to print the files of a client with a hook, which would not run', () => {
  const stdout = { kind: 'stdout' } as const;
  const refusal = {
    code: 'cli/usage',
    message: 'the hook of billing runs after a delivery into a directory',
    hint: "name one with --out DIR; or print, without the hook: --out - --hook ''",
  };

  it.each([
    ['the hook is remembered', { hook: 'reload' }, { delivery: stdout }],
    ['the place is remembered', { delivery: stdout }, { hook: 'reload' }],
  ])('%s', async (_, before, now) => {
    const scene = await openScene();
    await scene.issue('billing', before);
    const lines = scene.world.lines.length;
    expect(await refusalIn(scene.issue('billing', { again: true, ...now }))).toMatchObject(refusal);
    expect(await refusalIn(scene.issue('billing', { again: true, dryRun: true, ...now }))).toMatchObject(
      refusal,
    );
    expect(scene.world.lines).toHaveLength(lines);
  });

  it('and prints them when the hook is taken away', async () => {
    const scene = await openScene();
    await scene.issue('billing', { hook: 'reload' });
    const { pem } = await scene.issue('billing', { again: true, delivery: stdout, hook: '' });
    expect(pem).toBeDefined();
    expect(scene.world.entries('client-added').at(-1)?.policy).not.toHaveProperty('hook');
  });
});

describe('issue, when something fails half-way', () => {
  it('hands nothing out and removes the staged key when the ledger cannot be written', async () => {
    const scene = await openScene();
    scene.world.fail('append');
    expect((await refusalIn(scene.issue('billing'))).code).toBe('store/disk-full');
    expect(scene.world.entries('issued')).toEqual([]);
    const { keys, versions } = scene.world.delivery('billing');
    expect(keys.size + versions.size).toBe(0);
  });

  it('leaves a certificate that could not be delivered on record, and renew delivers it', async () => {
    const scene = await openScene();
    scene.world.fail('deliver');
    expect((await refusalIn(scene.issue('billing'))).code).toBe('store/disk-full');
    const [issued] = scene.world.entries('issued');
    expect(issued).toBeDefined();
    expect(scene.world.entries('delivered')).toEqual([]);
    const { delivered, renewed } = await scene.renew();
    expect(renewed).toEqual([]);
    expect(delivered).toMatchObject([{ client: 'billing', serial: issued?.serial }]);
    expect(scene.inPlace('billing').serialNumber.toLowerCase()).toBe(issued?.serial);
  });

  it('records that it was printed after it was printed', async () => {
    const scene = await openScene();
    const recorded: number[] = [];
    scene.print = ({ pem, serial }) => {
      recorded.push(scene.world.entries('issued').length, scene.world.entries('delivered').length);
      expect([pem?.certificate, serial]).not.toContain(undefined);
    };
    await scene.issue('billing', { delivery: { kind: 'stdout' } });
    expect(recorded).toEqual([1, 0]);
    expect(scene.world.entries('delivered')).toHaveLength(1);
  });

  it('counts a certificate that could not be printed as not delivered, and says what to do', async () => {
    const scene = await openScene();
    scene.print = () => {
      throw new CaError('store/disk-full', 'cannot write standard output: the disk is full');
    };
    const refusal = await refusalIn(scene.issue('billing', { delivery: { kind: 'stdout' } }));
    expect(refusal).toMatchObject({
      code: 'store/disk-full',
      hint: expect.stringMatching(/^certificate \w+ is on record; .* with: ca issue billing --again$/),
    });
    expect(scene.world.entries('delivered')).toEqual([]);
  });

  it('counts a certificate as delivered only when its hook succeeded', async () => {
    const scene = await openScene();
    scene.world.hookResult = { exitCode: 7, output: 'no such service\n' };
    expect(await refusalIn(scene.issue('billing', { hook: 'reload' }))).toMatchObject({
      code: 'authority/hook-failed',
      message: 'the hook of billing exited 7; it printed: no such service',
      hint: 'mend the hook; ca renew runs it again',
    });
    expect(scene.world.entries('delivered')).toEqual([]);
    scene.world.hookResult = { exitCode: 0, output: '' };
    expect((await scene.renew()).delivered).toHaveLength(1);
    expect(scene.world.hooks).toHaveLength(2);
  });

  it('names the file with the PKCS#12 password when a hook fails before it was shown', async () => {
    const scene = await openScene();
    scene.world.hookResult = { exitCode: 1, output: '' };
    const hint =
      'mend the hook; ca renew runs it again; the PKCS#12 password is in /ca/clients/billing/billing.p12.password';
    const refusal = await refusalIn(scene.issue('billing', { hook: 'x', pkcs12: { kind: 'compat' } }));
    expect(refusal.hint).toBe(hint);
    expect((await scene.renew()).failed).toMatchObject([{ hint }]);
  });

  it('says when a hook was stopped after its time', async () => {
    const scene = await openScene();
    scene.configure({ hookTimeout: '5s' });
    scene.world.hookResult = { exitCode: undefined, output: '' };
    const refusal = await refusalIn(scene.issue('billing', { hook: 'sleep 60' }));
    expect(refusal.message).toBe('the hook of billing was stopped after 5 s; it printed nothing');
    expect(scene.world.hooks[0]?.timeoutMs).toBe(5000);
  });

  it('delivers again when the delivery itself could not be recorded', async () => {
    const scene = await openScene();
    scene.world.fail('append', undefined, 1);
    expect((await refusalIn(scene.issue('billing'))).code).toBe('store/disk-full');
    expect((await scene.renew()).delivered).toHaveLength(1);
  });
});

describe('the hook', () => {
  it('gets its facts in the environment alone', async () => {
    const scene = await openScene();
    const serial = await scene.serialOf('billing', {
      hook: 'reload "$CA_CLIENT"',
      pkcs12: { kind: 'compat' },
    });
    expect(scene.world.hooks).toEqual([
      {
        command: 'reload "$CA_CLIENT"',
        timeoutMs: 60_000,
        environment: {
          CA_CLIENT: 'billing',
          CA_SERIAL: serial,
          CA_SUBJECT: 'CN=billing',
          CA_NOT_AFTER: '2027-02-20T09:30:00Z',
          CA_DIRECTORY: '/ca/clients/billing',
          CA_CERTIFICATE: '/ca/clients/billing/billing.crt',
          CA_CHAIN: '/ca/clients/billing/billing.chain.crt',
          CA_ROOT: '/ca/clients/billing/ca.crt',
          CA_PRIVATE_KEY: '/ca/clients/billing/billing.key',
          CA_BUNDLE: '/ca/clients/billing/billing.pem',
          CA_PKCS12: '/ca/clients/billing/billing.p12',
        },
      },
    ]);
  });
});
