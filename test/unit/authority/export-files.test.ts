import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ExportRequest, exportFiles } from '../../../src/authority/export-files.ts';
import { parseClientName } from '../../../src/core/client-name.ts';
import { handmadeCsr } from '../../support/handmade-csr.ts';
import { openScene, refusalIn, type Scene } from './scene.ts';

function exported(scene: Scene, client: string, request: Partial<ExportRequest> = {}) {
  const noPassword = () => Promise.reject(new Error('a password was asked for'));
  return exportFiles(
    {
      client: parseClientName(client),
      format: 'pem',
      pkcs12: 'compat',
      obtainPassword: noPassword,
      ...request,
    },
    scene.world.ports,
  );
}

describe('exportFiles', () => {
  it('gives key and chain in one PEM', async () => {
    const scene = await openScene({ twoTier: true });
    const serial = await scene.serialOf('billing');
    const result = await exported(scene, 'billing');
    expect(result).toMatchObject({ client: 'billing', serial, format: 'pem', secret: true });
    const text = Buffer.from(result.content).toString();
    expect(new X509Certificate(text).checkPrivateKey(createPrivateKey(text))).toBe(true);
    expect(text.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });

  it('gives the certificate alone in DER', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    const { content, secret } = await exported(scene, 'billing', { format: 'der' });
    expect(new X509Certificate(content).subject).toBe('CN=billing');
    expect(secret).toBe(false);
  });

  it('gives no key where the client keeps its own', async () => {
    const scene = await openScene();
    await scene.issue('billing', { csr: handmadeCsr() });
    const { content, secret } = await exported(scene, 'billing');
    expect(Buffer.from(content).toString()).not.toContain('PRIVATE');
    expect(secret).toBe(false);
    for (const format of ['p12', 'k8s'] as const) {
      expect((await refusalIn(exported(scene, 'billing', { format }))).code).toBe(
        'authority/nothing-to-export',
      );
    }
  });

  it('refuses to leave out the key where it was lost, and gives the certificate alone in DER', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    scene.world.delivery('billing').keys.clear();
    for (const format of ['pem', 'p12', 'k8s'] as const) {
      expect(await refusalIn(exported(scene, 'billing', { format }))).toMatchObject({
        code: 'authority/nothing-to-export',
        hint: 'export the certificate alone with --format der, and join it with the key where the key is',
      });
    }
    expect((await exported(scene, 'billing', { format: 'der' })).content[0]).toBe(0x30);
  });

  it('gives a PKCS#12 under a password that it asks for', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    const { content } = await exported(scene, 'billing', {
      format: 'p12',
      obtainPassword: async () => 'secret 7',
    });
    expect(content[0]).toBe(0x30);
  });

  it('refuses an empty password for a PKCS#12', async () => {
    const scene = await openScene();
    await scene.issue('billing');
    const request = { format: 'p12', obtainPassword: async () => '' } as const;
    expect((await refusalIn(exported(scene, 'billing', request))).code).toBe('x509/unusable-password');
  });

  it('gives a Kubernetes Secret, whose name is one there', async () => {
    const scene = await openScene();
    await scene.issue('Acme_Corp@example.com');
    const { content } = await exported(scene, 'Acme_Corp@example.com', { format: 'k8s' });
    const text = Buffer.from(content).toString();
    expect(text).toMatch(/^apiVersion: v1\nkind: Secret\ntype: kubernetes\.io\/tls\n/);
    expect(text).toMatch(/^ {2}name: acme-corp-example-com-[0-9a-f]{8}$/m);
    const [, crt = ''] = /^ {2}tls\.crt: (.*)$/m.exec(text) ?? [];
    expect(new X509Certificate(Buffer.from(crt, 'base64')).raw).toEqual(
      scene.inPlace('Acme_Corp@example.com').raw,
    );
    await scene.issue('billing');
    const plain = await exported(scene, 'billing', { format: 'k8s' });
    expect(Buffer.from(plain.content).toString()).toContain('\n  name: billing\n');
  });

  it('refuses an unknown client, and one with nothing but revoked certificates', async () => {
    const scene = await openScene();
    expect((await refusalIn(exported(scene, 'nobody'))).code).toBe('ledger/unknown-client');
    await scene.issue('billing');
    await scene.revoke('billing');
    expect((await refusalIn(exported(scene, 'billing'))).code).toBe('authority/nothing-to-export');
  });
});
