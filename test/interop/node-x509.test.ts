import 'reflect-metadata';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as x509 from '@peculiar/x509';
import { beforeAll, describe, expect, it } from 'vitest';
import { addMs } from '../../src/core/instant.ts';
import {
  authorities,
  derOf,
  goodLeaves,
  leafNames,
  leaves,
  type SampleAuthority,
  sampleOf,
} from '../support/sample-authority.ts';

describe.each(authorities)('node:crypto and @peculiar/x509: a CA of $name', (authority) => {
  let sample: SampleAuthority;
  beforeAll(async () => {
    sample = await sampleOf(authority);
  });

  it('node:crypto checks who issued each certificate and its signature, up to the root', () => {
    const root = readCertificate(sample.root);
    const issuer = readCertificate(sample.issuer);
    expect(root).toMatchObject({ ca: true, subject: 'CN=Acme API CA', issuer: 'CN=Acme API CA' });
    expect(root.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(sample.init.authority.fingerprint);
    expect(issuer.checkIssued(root) && issuer.verify(root.publicKey)).toBe(true);
    for (const name of leafNames) {
      const leaf = readCertificate(sample.leaves[name].certificate);
      expect(leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey), name).toBe(true);
    }
  });

  it.each(leafNames)('node:crypto reads the fields of %s, and finds that its key fits', (name) => {
    const { certificate, privateKey, serial, notAfter } = sample.leaves[name];
    const leaf = readCertificate(certificate);
    const { sans, profile } = leaves[name];
    const purposes = { client: [clientAuth], server: [serverAuth], peer: [clientAuth, serverAuth] }[profile];
    expect(leaf).toMatchObject({
      ca: false,
      serialNumber: serial.toUpperCase(),
      subject: name === 'nameless' ? undefined : `CN=${name}`,
      subjectAltName: sans === '' ? undefined : sans,
      keyUsage: purposes,
    });
    expect(new Date(leaf.validTo)).toEqual(notAfter);
    expect(leaf.checkPrivateKey(createPrivateKey(readFileSync(privateKey)))).toBe(true);
  });

  it('node:crypto matches the names of the server certificate, and no others', () => {
    const web = readCertificate(sample.leaves.web.certificate);
    expect(web.checkHost('api.acme.example')).toBe('api.acme.example');
    expect(web.checkHost('v2.api.acme.example')).toBe('*.api.acme.example');
    expect(web.checkHost('acme.example')).toBeUndefined();
    expect(web.checkIP('192.0.2.7')).toBe('192.0.2.7');
    expect(web.checkIP('2001:db8::7')).toBe('2001:db8::7');
    expect(web.checkIP('192.0.2.8')).toBeUndefined();
    expect(readCertificate(sample.leaves.person.certificate).checkEmail('ops@acme.example')).toBe(
      'ops@acme.example',
    );
  });

  it.each(goodLeaves)(
    '@peculiar/x509 verifies the signature of %s, and reads its names and key identifiers',
    async (name) => {
      const leaf = new x509.X509Certificate(derOf(sample.leaves[name].certificate));
      const issuer = new x509.X509Certificate(derOf(sample.issuer));
      expect(leaf.serialNumber).toBe(sample.leaves[name].serial);
      expect(leaf.issuer).toBe(issuer.subject);
      const { notAfter } = sample.leaves[name];
      expect(leaf.notAfter).toEqual(notAfter);
      for (const [date, isGood] of [
        [addMs(notAfter, -1000), true],
        [addMs(notAfter, 1000), false],
      ] as const)
        expect(await leaf.verify({ publicKey: issuer.publicKey, date })).toBe(isGood);
      const authority = leaf.getExtension(x509.AuthorityKeyIdentifierExtension);
      expect(authority?.keyId).toBe(issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId);
      const names = leaf.getExtension(x509.SubjectAlternativeNameExtension);
      expect((names?.names.items ?? []).map(({ type, value }) => `${type}:${value}`)).toEqual(sanItems[name]);
      expect(names?.critical ?? false).toBe(name === 'nameless');
    },
  );

  it('@peculiar/x509 verifies the CRL, and finds the revoked certificate and no other', async () => {
    const { crl, revoked } = sample.revoked;
    const list = new x509.X509Crl(readFileSync(crl?.files.der ?? ''));
    const issuer = new x509.X509Certificate(derOf(sample.issuer));
    expect(await list.verify({ publicKey: issuer.publicKey })).toBe(true);
    expect(list.issuer).toBe(issuer.subject);
    expect(list.thisUpdate).toEqual(new Date(crl?.thisUpdate ?? 0));
    expect(list.nextUpdate).toEqual(new Date(crl?.nextUpdate ?? 0));
    expect(list.entries.map(({ serialNumber, reason }) => ({ serialNumber, reason }))).toEqual([
      { serialNumber: revoked[0]?.serial, reason: x509.X509CrlReason.keyCompromise },
    ]);
    expect(list.findRevoked(sample.leaves.lost.serial)).not.toBeNull();
    expect(list.findRevoked(sample.leaves.plain.serial)).toBeNull();
  });
});

const clientAuth = '1.3.6.1.5.5.7.3.2';
const serverAuth = '1.3.6.1.5.5.7.3.1';

const sanItems: Readonly<Record<(typeof goodLeaves)[number], readonly string[]>> = {
  plain: [],
  person: ['email:ops@acme.example'],
  workload: ['url:spiffe://acme.example/billing'],
  nameless: ['url:https://acme.example/clients?id=7'],
  web: ['dns:api.acme.example', 'dns:*.api.acme.example', 'ip:192.0.2.7', 'ip:2001:db8::7'],
  node: ['dns:node-1.acme.example'],
  lasting: [],
};

function readCertificate(path: string): X509Certificate {
  return new X509Certificate(readFileSync(path));
}
