import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { init } from '../../../src/authority/init.ts';
import { dayMs } from '../../../src/core/duration.ts';
import { decodeCertificate } from '../../../src/x509/certificate.ts';
import { decodeCrl } from '../../../src/x509/crl.ts';
import { MemoryWorld } from '../../support/memory-ports.ts';
import { openScene, plainAuthority, refusalIn } from './scene.ts';

function certificate(world: MemoryWorld, name: string): X509Certificate {
  return new X509Certificate(world.certificates.get(name) ?? '');
}

describe('init', () => {
  it('makes a root that signs itself, with CRL, settings, schema and first entries', async () => {
    const world = new MemoryWorld();
    const result = await init(plainAuthority, world.ports);
    const root = certificate(world, 'ca.crt');
    expect(root.ca).toBe(true);
    expect(root.subject).toBe('CN=Acme API CA');
    expect(root.verify(root.publicKey)).toBe(true);
    expect(result).toEqual({
      home: '/ca',
      authority: {
        name: 'Acme API CA',
        subject: 'CN=Acme API CA',
        serial: root.serialNumber.toLowerCase(),
        fingerprint: root.fingerprint256.replaceAll(':', '').toLowerCase(),
        notBefore: new Date('2026-11-22T09:25:00Z'),
        notAfter: new Date('2036-11-19T09:30:00Z'),
      },
      files: { certificate: '/ca/ca.crt', crl: '/ca/crl/ca.crl', crlPem: '/ca/crl/ca.crl.pem' },
    });
    expect(world.lines).toHaveLength(2);
    expect(world.entries('crl-published')).toMatchObject([{ issuer: 'root', entries: 0 }]);
    expect(JSON.parse(world.settings)).toMatchObject({ $schema: './ca.schema.json', version: 1 });
    expect([...world.certificates.keys()]).toEqual(['ca.crt']);
    expect([...world.caKeys.keys()]).toEqual(['root']);
  });

  it('publishes a first CRL of 30 days without a revoked list (RFC 5280 §5.1.2.6)', async () => {
    const { world } = await openScene();
    const crl = decodeCrl(world.crls.get('root')?.der ?? new Uint8Array());
    expect(crl).toMatchObject({
      number: BigInt(Date.parse('2026-11-22T09:30:00Z')),
      thisUpdate: new Date('2026-11-22T09:30:00Z'),
      nextUpdate: new Date('2026-12-22T09:30:00Z'),
      entries: undefined,
    });
  });

  it('makes an issuing CA below the root, with path length 0, and both CRLs', async () => {
    const world = new MemoryWorld();
    const { files } = await init({ ...plainAuthority, twoTier: true }, world.ports);
    const root = certificate(world, 'ca.crt');
    const issuing = certificate(world, 'chain.crt');
    expect(issuing.subject).toBe('CN=Acme API CA Issuing');
    expect(issuing.checkIssued(root)).toBe(true);
    expect(issuing.verify(root.publicKey)).toBe(true);
    expect(decodeCertificate(root.raw).basicConstraints).toEqual({ ca: true, pathLength: 1 });
    expect(decodeCertificate(issuing.raw).basicConstraints).toEqual({ ca: true, pathLength: 0 });
    const rootCrl = decodeCrl(world.crls.get('root')?.der ?? new Uint8Array());
    expect(rootCrl.nextUpdate).toEqual(new Date(root.validTo));
    expect(world.entries('crl-published').map(({ issuer }) => issuer)).toEqual(['root', 'issuing']);
    expect(files).toEqual({
      certificate: '/ca/ca.crt',
      chain: '/ca/chain.crt',
      crl: '/ca/crl/ca.crl',
      crlPem: '/ca/crl/ca.crl.pem',
      rootCrl: '/ca/crl/root.crl',
      rootCrlPem: '/ca/crl/root.crl.pem',
      crlBundle: '/ca/crl/all.crl.pem',
    });
  });

  it('puts name constraints on the CA that issues to clients (RFC 5280 §4.2.1.10)', async () => {
    const one = await openScene({ permitDns: ['example.com'] });
    expect(decodeCertificate(certificate(one.world, 'ca.crt').raw).permittedDns).toEqual(['example.com']);
    const two = await openScene({ permitDns: ['.Example.com'], twoTier: true });
    expect(decodeCertificate(certificate(two.world, 'ca.crt').raw).permittedDns).toEqual([]);
    expect(decodeCertificate(certificate(two.world, 'chain.crt').raw).permittedDns).toEqual(['example.com']);
  });

  it('encrypts each key with the passphrase asked for it', async () => {
    const { world } = await openScene({ twoTier: true, encryptKeys: true });
    expect(world.passphraseAsked).toEqual(['root', 'issuing']);
    for (const pem of world.caKeys.values()) expect(pem).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
  });

  it('changes nothing in a dry run, and asks for no passphrase', async () => {
    const world = new MemoryWorld();
    const result = await init({ ...plainAuthority, encryptKeys: true, dryRun: true }, world.ports);
    expect(result.authority).not.toHaveProperty('serial');
    expect(world.lines).toEqual([]);
    expect(world.caKeys.size + world.certificates.size + world.passphraseAsked.length).toBe(0);
  });

  it('writes dates from 2050 on as they are', async () => {
    const { world } = await openScene({ validityMs: 100 * 365 * dayMs });
    expect(certificate(world, 'ca.crt').validTo).toBe('Oct 29 09:30:00 2126 GMT');
  });

  it('refuses to run twice', async () => {
    const { world } = await openScene();
    expect(await refusalIn(init(plainAuthority, world.ports))).toMatchObject({
      code: 'authority/exists',
      message: 'there is an authority in /ca',
    });
    expect(world.lines).toHaveLength(2);
  });

  it.each([
    ['an empty name', { name: '' }, 'core/invalid-name', 'subject attribute CN is empty'],
    ['a name with an ANSI escape', { name: 'a\u001b[31m' }, 'core/invalid-name', 'holds a control character'],
    ['a long name', { name: 'x'.repeat(65) }, 'core/invalid-name', 'has 65 characters > 64 allowed'],
    [
      'a name too long for its issuing CA',
      { name: 'x'.repeat(57), twoTier: true },
      'core/invalid-name',
      'has 65 characters > 64 allowed',
    ],
    ['a permitted name that is none', { permitDns: ['a b'] }, 'core/invalid-san', 'malformed label'],
    ['a permitted wildcard', { permitDns: ['*.example.com'] }, 'core/invalid-san', '*.example.com'],
    ['an https CRL', { crlUrls: ['https://x/ca.crl'] }, 'authority/invalid-settings', 'http:// URL'],
  ])('refuses %s, and makes nothing', async (_, request, code, message) => {
    const world = new MemoryWorld();
    const refusal = await refusalIn(init({ ...plainAuthority, ...request }, world.ports));
    expect(refusal).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(world.lines).toEqual([]);
  });
});
